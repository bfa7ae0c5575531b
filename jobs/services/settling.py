"""What came of a page is stored once, and its document follows: counters, roll-up, revision.

Settling begins with a conditional DELETE of the lease. Whoever finds it gone has come too late, and stores nothing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import transaction
from django.utils import timezone

from jobs.domain import statuses
from jobs.domain.attempts import Step
from jobs.domain.failures import Outcome
from jobs.domain.statuses import DocumentStatus, PageStatus
from jobs.models import Document, Page
from jobs.services import readings
from jobs.services import statements as sql

log = structlog.get_logger(__name__)

COUNTERS = {
    PageStatus.DONE: "pages_done",
    PageStatus.FAILED: "pages_failed",
    PageStatus.QUARANTINED: "pages_failed",
    PageStatus.CANCELLED: "pages_cancelled",
}


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
    source: str = "recognized"
    needs_review: str = ""  # why a person should look; empty when it is fine


def page_read(claim: Claim, attempt: AttemptRecord, reading: ReadingRecord) -> bool:
    """Store a page's text and end it. False when the lease was lost: then nothing is stored."""
    with transaction.atomic():
        document = _begin(claim)
        if document is None:
            return False
        attempt_id = _insert_attempt(claim, attempt)
        reading_id = _insert_reading(claim.page_id, attempt_id, reading)
        flagged = readings.put(claim.page_id, reading_id, backend=attempt.backend, doubt=reading.needs_review)
        _count(document, "pages_done", 1, needs_review=flagged)
    return True


def page_not_read(claim: Claim, attempt: AttemptRecord, step: Step) -> bool:
    """Store a failed call and send the page where `step` says. False when the lease was lost."""
    with transaction.atomic():
        if _begin(claim) is None:
            return False
        _insert_attempt(claim, attempt)
        page = Page.objects.select_for_update().get(pk=claim.page_id)
        page.host_failures += step.host_failure
        page.claims += step.claim
        if step.avoid and attempt.backend not in page.avoid:
            page.avoid = [*page.avoid, attempt.backend]
        page.backend = attempt.backend
        page.save(update_fields=["host_failures", "claims", "avoid", "backend"])
        move_page(page, step)
    return True


def _begin(claim: Claim) -> Any | None:
    """Give the slot back if it is still ours, and name the page's document if the page still waits for this outcome.

    A page that was cancelled meanwhile keeps its state; its lease is gone all the same, so the slot is free.
    """
    if not sql.change(
        "DELETE FROM jobs_slotlease WHERE id = %s AND holder = %s AND page_id = %s",
        [claim.lease_id, claim.holder, claim.page_id],
    ):
        log.warning("page.late", page=claim.page_id, lease=claim.lease_id)
        # If the slot was kept for this late call, it is free now: the call is over.
        sql.change(
            "DELETE FROM jobs_slotlease WHERE id = %s AND holder = %s AND page_id IS NULL",
            [claim.lease_id, claim.holder],
        )
        return None
    rows = sql.fetch("SELECT document_id FROM jobs_page WHERE id = %s AND status = 'running'", [claim.page_id])
    return rows[0][0] if rows else None


def _insert_attempt(claim: Claim, attempt: AttemptRecord) -> int:
    rows = sql.fetch(
        """INSERT INTO jobs_attempt (page_id, backend, outcome, reason, rule, rung, dpi, seconds, prompt_tokens,
               completion_tokens, finish_reason, detail, lease, started_at)
           VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING id""",
        [
            claim.page_id,
            attempt.backend,
            str(attempt.outcome),
            attempt.reason,
            attempt.rule,
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


def _insert_reading(page_id: int, attempt_id: int | None, reading: ReadingRecord) -> int:
    rows = sql.fetch(
        f"""INSERT INTO jobs_reading (page_id, source, attempt_id, raw, text, blocks, created_at)
            VALUES (%s, %s, %s, %s, %s, %s, {sql.now()}) RETURNING id""",
        [
            page_id,
            reading.source,
            attempt_id,
            _storable(reading.raw),
            _storable(reading.text),
            _storable(json.dumps(reading.blocks)),
        ],
    )
    return int(rows[0][0])


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
    sql.change(
        f"""UPDATE jobs_document SET status = %s, finished_at = {sql.now()}, revision = revision + 1
            WHERE id = %s AND status IN ({sql.marks(sources)})""",
        [target.value, document, *sources],
    )
    log.info(
        "document.ended",
        document=sql.document_key(document),
        status=target.value,
        done=counts.done,
        failed=counts.failed,
    )


def move_page(page: Page, step: Step) -> None:
    """Send a page where `step` says, from whatever state legally leads there. Inside the caller's transaction."""
    target, changed = readings.landing(page, step.status, step.reason)
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


def page_blank(page: Page) -> None:
    """End a page that shows nothing: it is done without ever being sent."""
    with transaction.atomic():
        reading_id = _insert_reading(page.pk, None, ReadingRecord(raw="", text="", source="blank"))
        moved = Page.objects.filter(pk=page.pk, status=PageStatus.PENDING).update(
            status=PageStatus.DONE, reason="blank", reading_id=reading_id, finished_at=timezone.now()
        )
        if moved:
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
