"""Documents and their pages, as they come out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from ninja import Field, Schema

from jobs.domain.statuses import PageCounts
from jobs.models import Attempt, Document, Page
from jobs.services import progress

DEFAULT_DPI = 200
Priority = Literal["low", "normal", "high"]
Purpose = Literal["production", "development"]
Mode = Literal["markdown", "text", "figure", "custom"]
DocumentState = Literal["queued", "processing", "paused", "done", "partial", "failed", "cancelled"]
PageState = Literal["pending", "rendered", "assigned", "running", "done", "failed", "quarantined", "cancelled"]
Outcome = Literal[
    "ok",
    "out_of_memory",
    "host_down",
    "timeout",
    "cut_off",
    "garbage",
    "refused",
    "misconfigured",
    "busy",
    "looping",
    "empty",
    "cancelled",
    "lost",
]


class Considered(Schema):
    backend: str
    verdict: str


class Resolution(Schema):
    dpi: int
    words: str = Field("", description="Why it is not what was asked for; empty when it is.")


class Decision(Schema):
    """Where a document goes and why. `wanted` is what the rule named, `backend` what it became."""

    backend: str
    wanted: str
    rule: str | None = Field(None, description="The rule that matched first; null when none did.")
    reason: str
    words: str = Field(
        "", description="The reason and where it leads, in a line.", examples=["25 pages, over 20 → spark"]
    )
    considered: list[Considered] = []
    resolution: Resolution | None = Field(None, description="What its pages are sent at there.")


class PageCounters(Schema):
    """They add up to page_count."""

    done: int
    running: int
    waiting: int
    failed: int
    cancelled: int

    @classmethod
    def of(cls, counts: PageCounts) -> PageCounters:
        return cls(
            done=counts.done,
            running=counts.running,
            waiting=counts.waiting,
            failed=counts.failed,
            cancelled=counts.cancelled,
        )


class DocumentOut(Schema):
    id: UUID
    name: str
    status: DocumentState
    page_count: int
    priority: Priority
    purpose: Purpose
    sla: bool
    mode: Mode
    dpi: int
    pages: PageCounters
    needs_review: int
    decision: Decision | None = Field(None, description="null until the document is prepared")
    created_at: datetime
    finished_at: datetime | None
    eta_seconds: int | None
    error: str | None
    duplicate_of: UUID | None = Field(
        None, description="An earlier document of the same person with the same bytes, read in the same way."
    )
    page_range: str = Field(description="The pages asked for; empty for all.")
    language: str
    media_type: str
    size_bytes: int
    owner: str
    warnings: list[str] = Field(description="What may be missing, such as the fields of a dynamic form.")

    @classmethod
    def of(cls, document: Document, known: progress.Progress) -> DocumentOut:
        facts: dict[str, Any] = {
            "id": document.id,
            "name": document.name,
            "status": document.status,
            "page_count": document.page_count,
            "priority": document.priority,
            "purpose": document.purpose,
            "sla": document.sla,
            "mode": document.mode,
            "dpi": document.dpi or DEFAULT_DPI,
            "pages": PageCounters.of(known.counts),
            "needs_review": document.needs_review,
            "decision": document.decision,
            "created_at": document.created_at,
            "finished_at": document.finished_at,
            "eta_seconds": known.eta_seconds,
            "error": document.error or None,
            "duplicate_of": _still_there(document),
            "page_range": document.page_range,
            "language": document.language,
            "media_type": document.media_type,
            "size_bytes": document.size_bytes,
            "owner": document.owner.get_username(),
            "warnings": document.warnings,
        }
        return cls(**facts)

    @classmethod
    def of_all(cls, documents: Sequence[Document]) -> list[DocumentOut]:
        """In a constant number of queries."""
        known = progress.of(documents)
        return [cls.of(document, known[document.id]) for document in documents]


class DocumentList(Schema):
    items: list[DocumentOut]
    next_cursor: str | None


class AttemptOut(Schema):
    backend: str
    outcome: Outcome
    reason: str
    rule: str | None
    rung: str | None
    dpi: int | None
    seconds: float
    prompt_tokens: int | None
    completion_tokens: int | None
    finish_reason: str | None
    started_at: datetime

    @classmethod
    def of(cls, attempt: Attempt) -> AttemptOut:
        facts: dict[str, Any] = {
            "backend": attempt.backend,
            "outcome": attempt.outcome,
            "reason": attempt.reason,
            "rule": attempt.rule or None,
            "rung": attempt.rung or None,
            "dpi": attempt.dpi,
            "seconds": round(attempt.seconds, 3),
            "prompt_tokens": attempt.prompt_tokens,
            "completion_tokens": attempt.completion_tokens,
            "finish_reason": attempt.finish_reason or None,
            "started_at": attempt.started_at,
        }
        return cls(**facts)


class Image(Schema):
    width_px: int
    height_px: int


class PageRow(Schema):
    """A page as it stands in a list."""

    number: int
    status: PageState
    backend: str | None = Field(description="Where it was read, or is.")
    needs_review: bool
    reason: str = Field(description="Why it failed, waits or needs a look; empty when there is nothing to say.")
    image: Image | None = Field(description="null before it is drawn")
    claims: int = Field(description="Workers that died with it in hand.")
    host_failures: int
    quality_tries: int
    attempts: list[AttemptOut]

    @classmethod
    def facts_of(cls, page: Page) -> dict[str, Any]:
        drawn = page.image_width_px is not None
        return {
            "number": page.number,
            "status": page.status,
            "backend": page.backend or None,
            "needs_review": page.needs_review,
            "reason": page.reason,
            "image": {"width_px": page.image_width_px, "height_px": page.image_height_px} if drawn else None,
            "claims": page.claims,
            "host_failures": page.host_failures,
            "quality_tries": page.quality_tries,
            "attempts": [AttemptOut.of(attempt) for attempt in page.attempts.all()],
        }

    @classmethod
    def of(cls, page: Page) -> PageRow:
        return cls(**cls.facts_of(page))


class BlockOut(Schema):
    label: str
    boxes: list[list[int]] = Field(description="[x1, y1, x2, y2] in pixels of the page image.")
    body: str


class PageOut(PageRow):
    """A page with the reading in force."""

    text: str | None = Field(description="Markdown; null before the page is done")
    blocks: list[BlockOut]
    reading: int | None = Field(description="The reading in force: the `base` of an edit.")
    proposed: int | None = Field(description="A reading of a rerun that waits to be accepted.")
    rerun_error: str | None = Field(description="Why the newest rerun brought nothing.")
    approved_by: str | None
    approved_at: datetime | None

    @classmethod
    def of(cls, page: Page) -> PageOut:
        reading = page.reading
        return cls(
            **cls.facts_of(page),
            text=reading.text if reading else None,
            blocks=[BlockOut(**block) for block in reading.blocks] if reading else [],
            reading=page.reading_id,
            proposed=page.proposed_id,
            rerun_error=page.rerun_error or None,
            approved_by=page.approved_by.get_username() if page.approved_by else None,
            approved_at=page.approved_at,
        )


class PageList(Schema):
    items: list[PageRow]
    next_cursor: str | None


def _still_there(document: Document) -> UUID | None:
    """The document it doubles, unless that lies in the trash."""
    earlier = document.duplicate_of
    return earlier.pk if earlier and earlier.trashed_at is None else None
