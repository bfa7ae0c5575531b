"""A draft of the policy against the documents of the last hours: what would have moved, and when it would have ended.

Both policies, the one in force and the draft, are replayed over the same documents and the same backends, as these
stand now: a host that is out of order at this moment counts as working, a planned one does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Avg, Count
from django.utils import timezone

from jobs import errors
from jobs.domain import policies, routing, shadows
from jobs.domain import replay as simulation
from jobs.domain.policies import Policy
from jobs.models import Attempt, Backend, Document
from jobs.services import routing as routing_service

MAX_HOURS = 720
MAX_DOCUMENTS = 20_000  # a hundred bytes or so each, and a second or two of simulation
SHOWN = 50
GUESSED_SECONDS = 5.0  # a page at a backend of which nothing is known
DAY = timedelta(days=1)


def replay(policy: object, *, hours: int = 24) -> dict[str, Any]:
    """`policy` (a domain Policy, or the API's form of one) over the documents of the last `hours`, beside the one in
    force. Changes nothing. Raises errors.Invalid naming each wrong field."""
    if isinstance(hours, bool) or not isinstance(hours, int) or not 1 <= hours <= MAX_HOURS:
        raise errors.Invalid("This cannot be replayed.", {"hours": f"Use a whole number from 1 to {MAX_HOURS}."})
    backends = list(Backend.objects.select_related("health").in_name_order())
    draft = policy if isinstance(policy, Policy) else policies.parse(policy, {backend.name for backend in backends})
    return _compared(_Window.of_last(hours), routing_service.in_force(), draft, backends)


@dataclass(frozen=True)
class _Window:
    """The documents of a time. `since` is the zero of all seconds; `cut`: there were more than are replayed."""

    hours: int
    since: datetime
    documents: Sequence[simulation.Past]
    names: dict[str, str]
    earlier_seconds: Sequence[float]
    cut: bool

    @classmethod
    def of_last(cls, hours: int) -> _Window:
        since = timezone.now() - timedelta(hours=hours)
        rows = list(_rows(since)[: MAX_DOCUMENTS + 1])
        cut = len(rows) > MAX_DOCUMENTS
        rows = rows[:MAX_DOCUMENTS][::-1]
        since = rows[0].created_at if cut else since
        documents = [_past(row, since) for row in rows]
        before = Document.objects.filter(created_at__lt=since, created_at__gte=since - DAY)
        newest = before.order_by("-created_at").values_list("created_at", flat=True)[:MAX_DOCUMENTS]
        earlier = [(moment - since).total_seconds() for moment in newest]
        return cls(hours, since, documents, {str(row.pk): row.name for row in rows}, earlier, cut)


def _rows(since: datetime) -> Any:
    """Newest first: of too many, the newest are kept."""
    fields = ("id", "name", "created_at", "page_count", "pages_cancelled", "priority", "purpose", "sla", "dpi")
    return Document.objects.filter(created_at__gte=since).only(*fields).order_by("-created_at", "-id")


def _past(row: Document, since: datetime) -> simulation.Past:
    return simulation.Past(
        key=str(row.pk),
        arrived_seconds=(row.created_at - since).total_seconds(),
        pages=max(0, row.page_count - row.pages_cancelled),
        facts=routing_service.own_facts(row),
    )


def _compared(window: _Window, current: Policy, draft: Policy, backends: Sequence[Backend]) -> dict[str, Any]:
    hosts, estimated_from = _hosts(backends, window.since)
    before = simulation.replay(window.documents, current, hosts, window.earlier_seconds)
    after = simulation.replay(window.documents, draft, hosts, window.earlier_seconds)
    moves = simulation.moves(window.documents, before, after)
    return {
        "hours": window.hours,
        "since": window.since,
        "documents": len(window.documents),
        "pages": sum(past.pages for past in window.documents),
        "moved": {"documents": sum(m.documents for m in moves), "pages": sum(m.pages for m in moves)},
        "moves": [{"from": m.origin, "to": m.target, "documents": m.documents, "pages": m.pages} for m in moves],
        "items": _items(window, before, after),
        "spilled_pages": {"before": before.spilled_pages, "after": after.spilled_pages},
        "finish": {"before": _finish(window, before), "after": _finish(window, after)},
        "warnings": [*_warnings(window, after), *shadows.warnings(draft)],
        "estimated_from": estimated_from,
    }


def _items(window: _Window, before: simulation.Replayed, after: simulation.Replayed) -> list[dict[str, Any]]:
    """The newest documents that move."""
    moved = list(simulation.moved(window.documents, before, after))[::-1][:SHOWN]
    return [
        {
            "document": past.key,
            "name": window.names[past.key],
            "pages": past.pages,
            "from": was.backend,
            "to": becomes.backend,
            "rule_before": was.rule,
            "rule_after": becomes.rule,
            "seconds_before": _took(past, was),
            "seconds_after": _took(past, becomes),
        }
        for past, was, becomes in moved
    ]


def _took(past: simulation.Past, outcome: simulation.Outcome) -> float | None:
    """From its arrival to its last page."""
    return None if outcome.finished_seconds is None else round(outcome.finished_seconds - past.arrived_seconds, 1)


def _finish(window: _Window, replayed: simulation.Replayed) -> dict[str, Any]:
    """`seconds` and `backends` from the first document's arrival to the last page; `mean_seconds` and `p95_seconds`
    a document took from its own arrival on. None where nothing was read."""
    first = min((past.arrived_seconds for past in window.documents), default=0.0)
    pairs = zip(window.documents, replayed.outcomes, strict=True)
    took = sorted(seconds for past, outcome in pairs if (seconds := _took(past, outcome)) is not None)
    by_backend = {name: round(end - first, 1) for name, end in sorted(replayed.finished_seconds.items())}
    return {
        "seconds": max(by_backend.values(), default=None),
        "backends": by_backend,
        "mean_seconds": round(sum(took) / len(took), 1) if took else None,
        "p95_seconds": took[(len(took) - 1) * 95 // 100] if took else None,
    }


def _warnings(window: _Window, after: simulation.Replayed) -> list[str]:
    said = []
    if window.cut:
        said.append(f"Only the newest {MAX_DOCUMENTS:,} documents were replayed.")
    pairs = zip(window.documents, after.outcomes, strict=True)
    stuck = sum(1 for past, outcome in pairs if past.pages and outcome.finished_seconds is None)
    if stuck:
        said.append(f"{routing.plural(stuck, 'document')} would wait: no backend that may take their pages is in use.")
    return said


def _hosts(backends: Sequence[Backend], since: datetime) -> tuple[list[simulation.Host], str]:
    """The backends as they are simulated, and where their speeds come from, in words."""
    measured = _measured(since)
    hosts, sources = [], []
    for backend in backends:
        seconds, source = _seconds_per_page(backend, measured)
        seen = replace(routing_service.snapshot(backend), state="up", reason="")
        hosts.append(simulation.Host(seen, backend.slots, seconds))
        if backend.lifecycle == "active":
            sources.append(f"{backend.name}: {source}")
    return hosts, "; ".join(sources) or "no backend is in use"


def _measured(since: datetime) -> dict[str, tuple[float, int]]:
    """By backend: seconds a page and of how many pages."""
    good = Attempt.objects.filter(outcome="ok", started_at__gte=since, seconds__gt=0)
    rows = good.values_list("backend").annotate(mean=Avg("seconds"), pages=Count("id")).order_by()
    return {name: (mean, pages) for name, mean, pages in rows}


def _seconds_per_page(backend: Backend, measured: dict[str, tuple[float, int]]) -> tuple[float, str]:
    """What one slot takes for a page: measured, else reckoned from the operator's expected figures."""
    if backend.name in measured:
        seconds, pages = measured[backend.name]
        return seconds, f"{seconds:.1f} s a page, measured over {routing.plural(pages, 'page')}"
    health = getattr(backend, "health", None)
    if health and health.seconds_per_page:
        return health.seconds_per_page, f"{health.seconds_per_page:.1f} s a page, measured earlier"
    expected = _expected(backend)
    if expected:
        return expected, f"{expected:.1f} s a page, from its expected figures"
    return GUESSED_SECONDS, f"{GUESSED_SECONDS:.1f} s a page, a guess: nothing is known of it"


def _expected(backend: Backend) -> float | None:
    """Ten pages are expected in so many seconds, on as many slots as take part; the middle of the range."""
    figures = (backend.expected or {}).get("seconds_10_pages")
    numbers = figures if isinstance(figures, list) else [figures]
    if not numbers or not all(isinstance(n, int | float) and not isinstance(n, bool) and n > 0 for n in numbers):
        return None
    return float(sum(numbers) / len(numbers) / 10 * min(backend.slots, 10))
