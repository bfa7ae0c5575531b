"""A mail to whoever uploaded a long document, once, when it is done. Off until a mail server is configured."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db.models import ExpressionWrapper, F, Q, QuerySet, fields
from django.db.models.functions import Coalesce
from django.utils import timezone

from jobs import errors
from jobs.domain.statuses import DocumentStatus
from jobs.gateways import mail
from jobs.models import Document

log = structlog.get_logger(__name__)
LONG_PAGES = 50
LONG = timedelta(minutes=5)  # shorter ones are watched, not waited for
TOO_LATE = timedelta(hours=2)  # nobody wants to hear in the evening of what was done at noon
ENDED_BY_ITSELF = (DocumentStatus.DONE, DocumentStatus.PARTIAL, DocumentStatus.FAILED)
WORDS = {"done": "is done", "partial": "is done, with pages that failed", "failed": "could not be read"}


def due() -> list[Any]:
    """Ids of documents whose owners are to be told. Empty without a mail server."""
    return list(_due().values_list("pk", flat=True)[:100]) if settings.EMAIL_ENABLED else []


def tell(document_id: Any) -> bool:
    """Send the mail about one document. False when that was done, or is not to be done.

    Noted before it is sent, so that two workers never send it twice; taken back when the server does not take it.
    """
    if not settings.EMAIL_ENABLED or not _due().filter(pk=document_id).exists():
        return False
    if not Document.objects.filter(pk=document_id, notified_at=None).update(notified_at=timezone.now()):
        return False
    document = Document.objects.select_related("owner").get(pk=document_id)
    try:
        mail.send(document.owner.email, f"{document.name} {WORDS[document.status]}", _body(document))
    except errors.Unavailable as error:
        Document.objects.filter(pk=document_id).update(notified_at=None)
        log.warning("notice.not_sent", document=str(document_id), reason=error.message)
        return False
    log.info("notice.sent", document=str(document_id))
    return True


def _due() -> QuerySet[Document]:
    took = ExpressionWrapper(F("finished_at") - Coalesce("rerun_at", "created_at"), output_field=fields.DurationField())
    ended: QuerySet[Document] = Document.objects.kept().filter(
        status__in=ENDED_BY_ITSELF, notified_at=None, finished_at__gt=timezone.now() - TOO_LATE
    )
    long = ended.annotate(took=took).filter(Q(page_count__gte=LONG_PAGES) | Q(took__gte=LONG))
    return long.exclude(owner__email="")


def _body(document: Document) -> str:
    lines = [f"“{document.name}” {WORDS[document.status]}: {document.pages_done} of {document.page_count} pages read."]
    if document.needs_review:
        lines.append(f"Pages that need a look: {document.needs_review}.")
    if settings.BASE_URL:
        lines += ["", f"{settings.BASE_URL}/documents/{document.pk}/"]
    return "\n".join(lines) + "\n"
