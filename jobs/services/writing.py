"""What a person writes: over a text there is, or as the first text of a page that no host could read."""

from __future__ import annotations

from typing import Any

import structlog
from django.db import transaction
from django.utils import timezone

from jobs import errors
from jobs.domain import alignment, rendering, statuses
from jobs.domain.statuses import FAILED_PAGES, OPEN_PAGES, DocumentStatus, PageStatus
from jobs.models import Document, Page, Reading
from jobs.services import access, readings, settling

log = structlog.get_logger(__name__)
EMPTY = "Write the page's text first."


def save(document_id: Any, number: int, text: str, *, base: int | None, by: Any) -> Reading:
    """As readings.edit; a page that failed or was set aside is done with the text, and its document follows.

    Raises errors.NotFound, errors.Invalid, errors.NotReady while the page is under way, readings.EditedMeanwhile.
    """
    cleaned = readings.checked(text)
    with transaction.atomic():
        if not _unread(document_id, number, by).filter(status__in=sorted(FAILED_PAGES)).exists():
            _refuse_under_way(document_id, number, by)
            return readings.edit(document_id, number, cleaned, base=base, by=by)
        # The document first, as retry and cancel hold it while they move such pages.
        Document.objects.select_for_update().get(pk=document_id)
        page = readings.locked(document_id, number, by)
        if page.reading_id is not None or page.status not in FAILED_PAGES:
            raise errors.Conflict(f"Page {number} was changed meanwhile: nothing was saved over it.")
        reading = _write(page, cleaned, by)
    access.audit("page.written", by=by, subject=str(document_id), detail={"page": number, "reading": reading.pk})
    log.info("page.written", page=number, document=str(document_id))
    return reading


def _unread(document_id: Any, number: int, by: Any) -> Any:
    return Page.objects.visible_to(by).filter(document_id=document_id, number=number, reading__isnull=True)


def _refuse_under_way(document_id: Any, number: int, by: Any) -> None:
    if _unread(document_id, number, by).filter(status__in=sorted(OPEN_PAGES)).exists():
        raise errors.NotReady(f"Page {number} is to be read by a host now: its text comes by itself.")


def _write(page: Page, text: str, by: Any) -> Reading:
    if not text.strip():
        raise errors.Invalid(EMPTY, {"text": EMPTY})
    blocks = rendering.blocks_as_json(alignment.realigned([], text))
    reading = Reading.objects.create(page=page, source="edit", author=by, text=text, blocks=blocks, settings={})
    readings.put_in_force(page, reading, looked_at=True)
    Page.objects.filter(pk=page.pk, status__in=statuses.written_sources(PageStatus.DONE)).update(
        status=PageStatus.DONE, finished_at=timezone.now(), backend="", ladder={}, rerun=None, rerun_error=""
    )
    _count_again(page.document_id)
    return reading


def _count_again(document_id: Any) -> None:
    """The document's counters and state after one of its failed pages is done."""
    document = Document.objects.get(pk=document_id)
    ended = settling.recount(document)
    if ended in statuses.WRITTEN_DOCUMENT_MOVES.get(DocumentStatus(document.status), ()):
        document.status, document.error = str(ended), ""
    document.save(update_fields=["pages_done", "pages_failed", "pages_cancelled", "needs_review", "status", "error"])
