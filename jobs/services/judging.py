"""A host's reply judged with all that is known of its page, and what to try next when it is not good enough."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Count, Q
from django.utils import timezone

from jobs.domain import chat, grounding, ladder, quality, rendering, repetition, reruns
from jobs.domain.chat import Reply
from jobs.domain.failures import Outcome
from jobs.domain.grounding import Block
from jobs.domain.ladder import Climb, Rung
from jobs.domain.model_profiles import profile
from jobs.domain.policies import Policy
from jobs.models import Attempt, Backend, Page
from jobs.services import routing, text_layers

JUDGED_BADLY = (Outcome.LOOPING, Outcome.EMPTY, Outcome.CUT_OFF, Outcome.GARBAGE)
COMPARED_MODES = ("markdown", "text")


@dataclass(frozen=True)
class Judgement:
    """`score` is None where the gate is off. `reason`, a sentence for staff, is empty for a good reading. `next_rung`
    None: the page ends with what it has."""

    outcome: Outcome
    score: float | None
    reason: str
    next_rung: Rung | None
    text: str
    blocks: list[Block]


def judge(
    page: Page, backend: Backend, reply: Reply, policy: Policy, *, blocks: list[Block] | None = None
) -> Judgement:
    """Judge a reply. Reads the page's own text from storage where the policy asks for it; writes no row.

    `blocks` are the reply's where they are known already, as of a page that was read in pieces.
    """
    if blocks is None:
        blocks = grounding.parse(reply.text, page.image_width_px or 1, page.image_height_px or 1)
    text = rendering.to_markdown(blocks)
    if not policy.quality.enabled:
        told = quality.as_told(text, reply.finish_reason)
        return Judgement(told.outcome, None, told.reason, None, text, blocks)
    seen = _seen(page, policy)
    verdict = quality.judge(reply.text, text, blocks, reply.finish_reason, seen)
    rung = None if verdict.good else _next_rung(page, backend, verdict, seen, policy)
    return Judgement(verdict.outcome, verdict.score, verdict.reason, rung, text, blocks)


def _seen(page: Page, policy: Policy) -> quality.PageSeen:
    mode = reruns.of_page(page).mode
    compared = policy.quality.text_layer_check and mode in COMPARED_MODES
    return quality.PageSeen(
        ink=page.ink,
        width_px=page.image_width_px or 0,
        height_px=page.image_height_px or 0,
        layer=text_layers.of_page(page) if compared else None,
        mode=mode,
    )


def _next_rung(
    page: Page, backend: Backend, verdict: quality.Verdict, seen: quality.PageSeen, policy: Policy
) -> Rung | None:
    asked = ladder.Asked(
        page=seen,
        profile=profile(backend.model_profile),
        others=_others(page, backend, policy),
        in_pieces=page.in_pieces,
        used=ladder.from_json(page.ladder).used,
    )
    return ladder.next_rung(verdict, asked, policy.quality)


def _others(page: Page, backend: Backend, policy: Policy) -> bool:
    """Could another backend take this page now?"""
    able = routing.able(
        page.wanted_backend or page.document.wanted_backend, policy, Backend.objects.select_related("health")
    )
    return any(name not in {backend.name, *page.avoid} for name in able)


def rung_of(page: Page) -> Rung | None:
    """What the page's next request is to differ in; None for one that is sent as always."""
    return ladder.from_json(page.ladder).rung


def climbed(page: Page, rung: Rung) -> Climb:
    """The page's place on the ladder when `rung` is tried next."""
    before = ladder.from_json(page.ladder)
    return Climb((*before.used, rung.name), rung, before.first)


def loop_watch(backend: Backend, policy: Policy) -> Callable[[str], bool] | None:
    """Sees a stream and ends a loop, for hosts that cannot do it themselves; None where it is not needed."""
    if not backend.streaming or not policy.quality.enabled or chat.detects_repetition(_version(backend)):
        return None
    return repetition.Watch().feed


def _version(backend: Backend) -> str:
    health = getattr(backend, "health", None)
    return health.version if health else ""


def shares(backends: Collection[str], hours: float) -> dict[str, tuple[int, int]]:
    """For each backend (pages that it answered in the last `hours`, how many of them it read badly at least once).

    Those that answered none are left out. One query.
    """
    since = timezone.now() - timedelta(hours=hours)
    answered = Attempt.objects.filter(backend__in=backends, started_at__gte=since).exclude(finish_reason="")
    badly = Q(outcome__in=[str(outcome) for outcome in JUDGED_BADLY])
    rows = answered.order_by().values("backend").annotate(
        pages=Count("page", distinct=True), needed=Count("page", distinct=True, filter=badly)
    )  # fmt: skip
    return {row["backend"]: (row["pages"], row["needed"]) for row in rows}
