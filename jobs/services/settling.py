"""What came of a page is stored once, and its document follows: counters, roll-up, revision.

Settling begins with a conditional DELETE of the lease. Whoever finds it gone has come too late, and stores nothing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from django.db import transaction
from django.utils import timezone

from jobs.domain import ladder, statuses
from jobs.domain.attempts import Step
from jobs.domain.failures import Outcome
from jobs.domain.ladder import Climb
from jobs.domain.statuses import DocumentStatus, PageStatus
from jobs.models import Document, Page, Reading
from jobs.services import candidates, events, page_ends, retries, searching, tallies
from jobs.services import statements as sql
from jobs.services.page_ends import Candidate

log = structlog.get_logger(__name__)

COUNTERS = {
    PageStatus.DONE: "pages_done",
    PageStatus.FAILED: "pages_failed",
    PageStatus.QUARANTINED: "pages_failed",
    PageStatus.CANCELLED: "pages_cancelled",
}

CHARGED = ("host_failures", "claims", "engine_deaths", "avoid", "dpi_cap", "in_pieces")


@dataclass(frozen=True)
class Claim:
    """What a worker holds: one page, one slot at one backend. `lease_id` is the fencing token."""

    lease_id: int
    page_id: int
    backend_id: int
    holder: str


@dataclass(frozen=True)
class AttemptRecord:
    """One call, as it is kept. `seconds` of wall time; tokens as the host counted them."""

    backend: str
    outcome: Outcome
    started_at: datetime
    seconds: float
    reason: str = ""
    rule: str = ""
    rung: str = ""
    dpi: int | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    finish_reason: str = ""
    detail: str = ""


@dataclass(frozen=True)
class ReadingRecord:
    """A text of a page: the model's own output, the Markdown made of it, its blocks as JSON."""

    raw: str
    text: str
    blocks: list[dict[str, Any]] = field(default_factory=list)
    needs_review: str = ""  # why a person should look; empty when it is fine
    score: float | None = None  # the quality gate's; None where it was not asked


def page_read(claim: Claim, attempt: AttemptRecord, reading: ReadingRecord) -> bool:
    """Store a page's text and end it. False when the lease was lost: then nothing is stored."""
    with transaction.atomic():
        held = _begin(claim)
        if held is None:
            return False
        chosen = _insert(claim, attempt, reading, held)
        if reading.needs_review and reading.score is not None:
            chosen = candidates.best_of_ladder(claim.page_id) or chosen
        flagged = page_ends.put(held.page, chosen)
        _count(held.page.document, "pages_done", 1, needs_review=flagged)
        _tally(attempt, held)
    return True


def page_to_try_again(claim: Claim, attempt: AttemptRecord, reading: ReadingRecord, step: Climb) -> bool:
    """Keep a bad reading as a candidate, not in force, and send the page back for the rung that `step` names.

    Only quality_tries is charged. False when the lease was lost: then nothing is stored.
    """
    with transaction.atomic():
        held = _begin(claim)
        if held is None:
            return False
        kept = _insert(claim, attempt, reading, held)
        page = Page.objects.select_for_update().get(pk=claim.page_id)
        page.quality_tries += 1
        page.backend = attempt.backend
        page.ladder = ladder.as_json(replace(step, first=step.first or kept.reading_id))
        rung = step.rung
        if rung is not None and rung.elsewhere and attempt.backend not in page.avoid:
            page.avoid = [*page.avoid, attempt.backend]
        page.in_pieces = page.in_pieces or bool(rung and rung.halves)
        page.save(update_fields=["quality_tries", "backend", "ladder", "avoid", "in_pieces"])
        said = f"{attempt.reason} {ladder.WORDS[rung.name]}" if rung else attempt.reason
        move_page(page, Step(PageStatus.RENDERED, said))
        _tally(attempt, held, tried_again=True)
    return True


def page_not_read(claim: Claim, attempt: AttemptRecord, step: Step) -> bool:
    """Store a failed call and send the page where `step` says. False when the lease was lost."""
    with transaction.atomic():
        held = _begin(claim)
        if held is None:
            return False
        _insert_attempt(claim, attempt, held)
        page = Page.objects.select_for_update().get(pk=claim.page_id)
        step = retries.within_budget(step)
        _charge(page, attempt.backend, step)
        move_page(page, step)
        _tally(attempt, held)
    return True


def _charge(page: Page, backend: str, step: Step) -> None:
    """What the page has behind it from now on."""
    page.host_failures += step.host_failure
    page.claims += step.claim
    page.engine_deaths += step.engine_death
    avoid = [*([backend] if step.avoid else []), *step.avoid_also]
    page.avoid = [*page.avoid, *(name for name in avoid if name not in page.avoid)]
    page.dpi_cap = step.dpi_cap or page.dpi_cap
    page.in_pieces = page.in_pieces or step.in_pieces
    page.backend = backend
    page.save(update_fields=[*CHARGED, "backend"])


@dataclass(frozen=True)
class _Held:
    """What the lease held: the page, why it ran where it did, and how long it waited for a worker."""

    page: page_ends.HeldPage
    rule: str
    decision: Any  # JSON as the database hands it over
    dispatch_seconds: float | None


def _begin(claim: Claim) -> _Held | None:
    """Give the slot back if it is still ours, and hold the page if it still waits for this outcome.

    A page that was cancelled meanwhile keeps its state; its lease is gone all the same, so the slot is free.
    """
    freed = sql.fetch(
        f"""DELETE FROM jobs_slotlease WHERE id = %s AND holder = %s AND page_id = %s
            RETURNING rule, reason, decision, {sql.seconds_between("assigned_at", "claimed_at")}""",
        [claim.lease_id, claim.holder, claim.page_id],
    )
    if not freed:
        log.warning("page.late", lease=claim.lease_id)
        # If the slot was kept for this late call, it is free now: the call is over.
        sql.change(
            "DELETE FROM jobs_slotlease WHERE id = %s AND holder = %s AND page_id IS NULL",
            [claim.lease_id, claim.holder],
        )
        return None
    page = page_ends.hold(claim.page_id, PageStatus.RUNNING)
    rule, reason, decision, waited = freed[0]
    return _Held(page, rule, decision_of(rule, reason, decision), waited) if page else None


def decision_of(rule: str, reason: str, decision: Any) -> Any:
    """Why a page ran where it did, as its attempt keeps it: the lease's decision, or what else the lease says."""
    if decision is not None or not (rule or reason):
        return decision
    return {"rule": rule, "reason": reason}


def _insert_attempt(claim: Claim, attempt: AttemptRecord, held: _Held) -> int:
    decision = held.decision
    rows = sql.fetch(
        """INSERT INTO jobs_attempt (page_id, backend, outcome, reason, rule, decision, rung, dpi, seconds,
               prompt_tokens, completion_tokens, finish_reason, detail, lease, started_at)
           VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING id""",
        [
            claim.page_id,
            attempt.backend,
            str(attempt.outcome),
            attempt.reason,
            held.rule or attempt.rule,
            decision if decision is None or isinstance(decision, str) else json.dumps(decision),
            attempt.rung,
            attempt.dpi,
            attempt.seconds,
            attempt.prompt_tokens,
            attempt.completion_tokens,
            attempt.finish_reason[:20],
            attempt.detail,
            claim.lease_id,
            sql.time_parameter(attempt.started_at),
        ],
    )
    return int(rows[0][0])


def _tally(attempt: AttemptRecord, held: _Held, *, tried_again: bool = False) -> None:
    tallies.add(
        backend=attempt.backend,
        outcome=str(attempt.outcome),
        seconds=attempt.seconds,
        prompt_tokens=attempt.prompt_tokens,
        completion_tokens=attempt.completion_tokens,
        tried_again=tried_again,
        dispatch_seconds=held.dispatch_seconds,
    )


def _insert(claim: Claim, attempt: AttemptRecord, reading: ReadingRecord, held: _Held) -> Candidate:
    """The call and what it brought, as they are stored."""
    text = _storable(reading.text)
    rows = sql.fetch(
        f"""INSERT INTO jobs_reading (page_id, source, attempt_id, raw, text, blocks, score, settings, created_at)
            VALUES (%s, %s, %s, %s, %s, %s, %s, %s, {sql.now()}) RETURNING id""",
        [
            claim.page_id,
            held.page.source,
            _insert_attempt(claim, attempt, held),
            _storable(reading.raw),
            text,
            _storable(json.dumps(reading.blocks)),
            reading.score,
            json.dumps(held.page.asked.as_json()),
        ],
    )
    return Candidate(int(rows[0][0]), attempt.backend, reading.needs_review, text)


def _storable(text: str) -> str:
    """PostgreSQL's text holds no NUL, and its JSON no escaped one; a model can write either."""
    return text.replace("\x00", "").replace("\\u0000", "")


def _count(document: Any, counter: str, pages: int, *, needs_review: int = 0) -> None:
    """Add to a document's counters, and end it when its last page has ended."""
    rows = sql.fetch(
        f"""UPDATE jobs_document
            SET {counter} = {counter} + %s, needs_review = needs_review + %s, revision = revision + 1
            WHERE id = %s RETURNING page_count, pages_done, pages_failed, pages_cancelled, status""",
        [pages, needs_review, document],
    )
    if rows:
        total, done, failed, cancelled, status = rows[0]
        _roll_up(document, statuses.PageCounts(total, done, failed, cancelled), status)


def _roll_up(document: Any, counts: statuses.PageCounts, status: str) -> None:
    target = statuses.ended_status(counts)
    if target is None or status in statuses.ENDED_DOCUMENTS:
        return
    sources = statuses.document_sources(target)
    ended = sql.change(
        f"""UPDATE jobs_document SET status = %s, finished_at = {sql.now()}, revision = revision + 1
            WHERE id = %s AND status IN ({sql.marks(sources)})""",
        [target.value, document, *sources],
    )
    if ended:
        events.document_ended(sql.document_key(document))
    log.info(
        "document.ended",
        document=str(UUID(sql.document_key(document))),
        status=target.value,
        done=counts.done,
        failed=counts.failed,
    )


def move_page(page: Page, step: Step) -> None:
    """Send a page where `step` says, from whatever state legally leads there. Inside the caller's transaction."""
    if step.status is PageStatus.FAILED and _ended_with_a_candidate(page, step.reason):
        return
    target, changed = page_ends.landing(page, step.status, step.reason)
    if step.delay_seconds:
        changed["not_before"] = timezone.now() + timedelta(seconds=step.delay_seconds)
    if target in statuses.ENDED_PAGES:
        changed["finished_at"] = timezone.now()
    moved = Page.objects.filter(pk=page.pk, status__in=statuses.page_sources(target)).update(**changed)
    if not moved:
        return
    document = sql.document_id(page.document_id.hex)
    if target in COUNTERS:
        _count(document, COUNTERS[target], 1)
    else:
        sql.change("UPDATE jobs_document SET revision = revision + 1 WHERE id = %s", [document])
    log.info("page.moved", page=page.number, document=str(page.document_id), to=target.value, reason=step.reason)


def _ended_with_a_candidate(page: Page, why: str) -> bool:
    """A page that fails on its way up the ladder has been read: the best reading is better than none."""
    chosen = candidates.best_of_ladder(page.pk, f"It could not be read once more: {why}" if why else "")
    if chosen is None:
        return False
    held = page_ends.hold(page.pk, *statuses.page_sources(PageStatus.DONE))
    if held is None:
        return False
    _count(held.document, "pages_done", 1, needs_review=page_ends.put(held, chosen))
    return True


def page_blank(page: Page) -> None:
    """End a page that shows nothing: it is done without ever being sent."""
    with transaction.atomic():
        reading_id = Reading.objects.create(page=page, source="blank").pk
        moved = Page.objects.filter(pk=page.pk, status=PageStatus.PENDING).update(
            status=PageStatus.DONE, reason="blank", reading_id=reading_id, finished_at=timezone.now()
        )
        if moved:
            searching.index_text(page.pk, "")
            _count(sql.document_id(page.document_id.hex), "pages_done", 1)
        else:
            transaction.set_rollback(True)


def recount(document: Document) -> DocumentStatus | None:
    """Set a document's counters from its pages, and its state if all have ended. Under the document's row lock."""
    states = list(Page.objects.filter(document=document).values_list("status", "needs_review"))
    document.pages_done = sum(status == PageStatus.DONE for status, _ in states)
    document.pages_failed = sum(status in statuses.FAILED_PAGES for status, _ in states)
    document.pages_cancelled = sum(status == PageStatus.CANCELLED for status, _ in states)
    document.needs_review = sum(flag for _, flag in states)
    counts = statuses.PageCounts(
        document.page_count, document.pages_done, document.pages_failed, document.pages_cancelled
    )
    return statuses.ended_status(counts)
