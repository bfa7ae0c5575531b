"""What people do to their documents: cancel, pause, resume, retry, run again. Deleting is services.trash."""

from __future__ import annotations

from typing import Any

import structlog
from django.db import transaction
from django.utils import timezone

from jobs import errors
from jobs.domain import retention, statuses
from jobs.domain.statuses import DocumentStatus, PageStatus
from jobs.gateways import storage
from jobs.models import Document, Page, SlotLease
from jobs.models.documents import new_document_id
from jobs.services import access, events, log_ids, rerunning, settling, slots

log = structlog.get_logger(__name__)
D = DocumentStatus


def find(document_id: Any, *, by: Any) -> Document:
    """A document that `by` may see. Raises errors.NotFound for what is not there and what is not theirs alike."""
    found: Document = Document.objects.one_for(by, document_id)
    return found


def locked(document_id: Any, *, by: Any) -> Document:
    """As `find`, and nobody else changes it until the transaction ends. Asked under the lock, so that what was put into
    the trash meanwhile is not found.

    Rows are held in the order in which claiming and settling take them: lease, page, document. Else a page that ends at
    this moment and the person who cancels would wait for each other, and PostgreSQL would refuse one of them. Leases
    that a worker holds are left to it: nobody takes those back, and they are renewed many at a time in any order.
    """
    find(document_id, by=by)
    slots.lock()  # no slot is given meanwhile, so that no further lease comes up
    leases = SlotLease.objects.select_for_update(of=("self",)).filter(page__document=document_id, holder="")
    pages = Page.objects.select_for_update().filter(document=document_id).unended()
    for rows in (leases, pages):
        list(rows.order_by("pk").values_list("pk"))
    found: Document = Document.objects.select_for_update(of=("self",)).one_for(by, document_id)
    return found


def cancel(document_id: Any, *, by: Any) -> Document:
    """Stop a document now: what waits is not read, what runs is discarded. What is done stays."""
    with transaction.atomic():
        document = locked(document_id, by=by)
        if document.status == D.CANCELLED:
            return document
        if document.status in statuses.ENDED_DOCUMENTS:
            raise errors.Conflict(f"“{document.name}” is {document.status} already: there is nothing to cancel.")
        stop(document)
    access.audit("document.cancelled", by=by, subject=str(document.pk))
    return document


def stop(document: Document) -> None:
    """End what is under way of a locked document: what waits is not read, what runs is discarded."""
    _free_unclaimed(document)
    rerunning.stop(document)
    Page.objects.filter(document=document).unended().update(
        status=PageStatus.CANCELLED, finished_at=timezone.now(), reason="Cancelled.", rerun=None
    )
    ended = settling.recount(document)
    if not document.prepared:
        document.pages_cancelled = document.page_count
    # Where only pages being read again were under way, the document is what it was before.
    _save(document, ended or D.CANCELLED)
    events.document_ended(document.pk)


def pause(document_id: Any, *, by: Any) -> Document:
    """Send no more pages; those that run finish."""
    with transaction.atomic():
        document = locked(document_id, by=by)
        if document.status == D.PAUSED:
            return document
        if document.status not in statuses.OPEN_DOCUMENTS:
            raise errors.Conflict(f"“{document.name}” is {document.status}: only what is under way can be paused.")
        _free_unclaimed(document)
        _save(document, D.PAUSED)
    return document


def resume(document_id: Any, *, by: Any) -> Document:
    """Go on with a paused document."""
    with transaction.atomic():
        document = locked(document_id, by=by)
        if document.status in statuses.OPEN_DOCUMENTS:
            return document
        if document.status != D.PAUSED:
            raise errors.Conflict(f"“{document.name}” is {document.status}: only a paused document can be resumed.")
        _save(document, D.PROCESSING if document.started_at else D.QUEUED)
    return document


def retry(document_id: Any, *, by: Any) -> Document:
    """Read the failed and quarantined pages again, with fresh counters."""
    with transaction.atomic():
        document = locked(document_id, by=by)
        if document.status in statuses.UNFINISHED_DOCUMENTS and not document.pages_failed:
            return document
        if document.original_deleted_at is not None:
            gone = retention.let_go("The uploaded file", document.original_deleted_at)
            raise errors.Conflict(f"{gone} Its failed pages cannot be read again.")
        failed = Page.objects.filter(document=document).failed()
        if document.status in {D.DONE, D.CANCELLED} or not (failed.exists() or document.status == D.FAILED):
            raise errors.Conflict(f"“{document.name}” has no failed pages to read again.")
        failed.update(
            status=PageStatus.PENDING, claims=0, host_failures=0, quality_tries=0, engine_deaths=0, dpi_cap=None,
            in_pieces=False, ladder={}, avoid=[], reason="", not_before=None, finished_at=None, rerun=None,
            wanted_backend="",
        )  # fmt: skip
        settling.recount(document)
        document.error, document.finished_at = "", None
        _save(document, document.status if document.status == D.PAUSED else D.PROCESSING)
    return document


def _free_unclaimed(document: Document) -> None:
    """Take back slots that were given but not claimed yet: their pages wait again."""
    unclaimed = SlotLease.objects.filter(page__document=document, holder="")
    pages = list(unclaimed.values_list("page_id", flat=True))
    unclaimed.delete()
    Page.objects.filter(pk__in=pages, status=PageStatus.ASSIGNED).update(status=PageStatus.RENDERED)


def _save(document: Document, status: DocumentStatus | str) -> None:
    document.status = str(status)
    document.revision += 1
    if document.status in statuses.ENDED_DOCUMENTS:
        document.finished_at = timezone.now()
    document.save()


def run_again(document_id: Any, *, by: Any) -> Document:
    """A new run of the same file with the same options, beside the earlier result."""
    first = find(document_id, by=by)
    again = Document(
        id=new_document_id(),
        owner=first.owner,
        duplicate_of=first,
        request_id=log_ids.request_id(),
        **{name: getattr(first, name) for name in COPIED},
    )
    for source, target in ((first.original_key, again.original_key), (first.inspection_key, again.inspection_key)):
        with storage.local_path(source) as path:
            storage.take_in(target, path)
    again.save()
    return again


COPIED = (
    "name", "sha256", "size_bytes", "media_type", "page_count", "priority", "priority_rank", "purpose", "sla", "mode",
    "prompt", "dpi", "page_range", "language", "warnings",
)  # fmt: skip
