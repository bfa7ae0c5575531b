"""The trash: what was deleted may be taken back for a while, then it goes for good, files and all.

Deleting for good only marks the row, which nobody sees from then on. `finish` removes first the files, then the row: so
whoever is killed on the way leaves a row that says what is still to be removed, and the clock has it done.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from jobs import errors
from jobs.domain import statuses
from jobs.gateways import storage
from jobs.gateways.storage import Volume
from jobs.models import Document, IdempotencyKey
from jobs.services import access, documents

log = structlog.get_logger(__name__)
AT_ONCE = 100

NOT_THERE = "It is not in the trash: it was restored, or deleted for good."


def put(document_id: Any, *, by: Any) -> Document:
    """Put a document into the trash: it is hidden at once, and what is under way of it is cancelled.

    Raises errors.NotFound.
    """
    with transaction.atomic():
        document = documents.locked(document_id, by=by)
        if document.status in statuses.UNFINISHED_DOCUMENTS:
            documents.stop(document)
        _hide(document, by=by, detail={"name": document.name})
    return document


def put_by_rule(document: Document, *, detail: dict[str, Any]) -> None:
    """As `put`, for a document that has ended, by the site itself. Raises errors.NotFound where it began again or was
    deleted meanwhile."""
    with transaction.atomic():
        locked = Document.objects.select_for_update().kept().filter(pk=document.pk).first()
        if locked is None or locked.status not in statuses.ENDED_DOCUMENTS:
            raise errors.NotFound("The document was deleted meanwhile, or it is read again.")
        _hide(locked, by=None, detail=detail)


def _hide(document: Document, *, by: Any, detail: dict[str, Any]) -> None:
    document.trashed_at = timezone.now()
    Document.objects.filter(pk=document.pk).update(trashed_at=document.trashed_at, revision=F("revision") + 1)
    # The same request makes it anew, as if it had never been sent.
    IdempotencyKey.objects.filter(document=document).delete()
    access.audit("document.trashed", by=by, subject=str(document.pk), detail=detail)


def restore(document_id: Any, *, by: Any) -> Document:
    """Take a document back out of the trash. What was cancelled with it stays so until it is read again.

    Raises errors.NotFound.
    """
    with transaction.atomic():
        found = Document.objects.in_trash_of(by).filter(pk=document_id)
        if not found.update(trashed_at=None, revision=F("revision") + 1):
            raise errors.NotFound(NOT_THERE)
        access.audit("document.restored", by=by, subject=str(document_id))
    document: Document = Document.objects.one_for(by, document_id)
    return document


def contents(user: Any) -> QuerySet[Document]:
    """What this person may restore; what was deleted last comes first."""
    found: QuerySet[Document] = Document.objects.in_trash_of(user)
    return found.select_related("owner", "duplicate_of").order_by("-trashed_at", "-id")


def goes_at(trashed_at: datetime) -> datetime:
    """When the clock deletes for good what was put into the trash then."""
    return trashed_at + timedelta(days=settings.TRASH_DAYS)


def delete_for_good(document_id: Any, *, by: Any) -> Volume:
    """Delete what lies in the trash, with every file of it. Gone for everybody at once; `finish` removes it.

    Returns how much is removed. Raises errors.NotFound.
    """
    document = Document.objects.in_trash_of(by).filter(pk=document_id).first()
    if document is None:
        raise errors.NotFound(NOT_THERE)
    return _condemn(document, by=by)


def discard(document: Document) -> None:
    """Remove at once a document that nobody asked for, such as a second copy of the same file."""
    Document.objects.filter(pk=document.pk).update(trashed_at=timezone.now(), purging=True)
    _remove(document)


def condemn_old() -> int:
    """Delete for good what has lain in the trash for settings.TRASH_DAYS; returns how many documents."""
    condemned = 0
    for document in _old()[:AT_ONCE]:
        try:
            _condemn(document, by=None)
            condemned += 1
        except errors.NotFound:
            log.info("trash.restored_meanwhile", document=str(document.pk))
    return condemned


def _old() -> QuerySet[Document]:
    horizon = timezone.now() - timedelta(days=settings.TRASH_DAYS)
    found: QuerySet[Document] = Document.objects.filter(trashed_at__lt=horizon, purging=False)
    return found.order_by("trashed_at")


def something_to_remove() -> bool:
    """Whether `condemn_old` or `finish` has anything to do."""
    return Document.objects.condemned().exists() or _old().exists()


def finish() -> int:
    """Remove files and rows of what was deleted for good; returns how many documents. Twice at once is harmless."""
    removed = 0
    for document in Document.objects.condemned().order_by("trashed_at")[:AT_ONCE]:
        try:
            _remove(document)
            removed += 1
        except errors.Unavailable as error:
            log.warning("trash.not_removed", document=str(document.pk), reason=error.message)
    return removed


def _condemn(document: Document, *, by: Any) -> Volume:
    volume = storage.volume(document.storage_prefix)
    with transaction.atomic():
        found = Document.objects.filter(pk=document.pk, trashed_at=document.trashed_at, purging=False)
        if not found.update(purging=True):
            raise errors.NotFound(NOT_THERE)
        told = {"name": document.name, "files": volume.files, "bytes": volume.size_bytes}
        access.audit("document.deleted", by=by, subject=str(document.pk), detail=told)
    return volume


def _remove(document: Document) -> None:
    storage.delete_tree(document.storage_prefix)
    Document.objects.filter(pk=document.pk, purging=True).delete()
