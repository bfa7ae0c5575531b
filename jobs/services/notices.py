"""A mail to whoever uploaded a long document, once, when it is done. Off until a mail server is configured.

No document waits for its mail: the clock asks for it afterwards, and whatever becomes of it is logged.
"""

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
AT_ONCE = 100
LONG_PAGES = 50
LONG = timedelta(minutes=5)  # shorter ones are watched, not waited for
TOO_LATE = timedelta(hours=2)  # nobody wants to hear in the evening of what was done at noon
ENDED_BY_ITSELF = (DocumentStatus.DONE, DocumentStatus.PARTIAL, DocumentStatus.FAILED)
WORDS = {"done": "is done", "partial": "is done, with pages that failed", "failed": "could not be read"}


def due() -> list[Any]:
    """Ids of documents whose owners are to be told. Empty without a mail server."""
    return list(_due().values_list("pk", flat=True)[:AT_ONCE]) if settings.EMAIL_ENABLED else []


def tell() -> int:
    """Send the mails that are due, one after the other, until the server takes no more; how many it took.

    A server that hangs so holds up one thread and not all that read pages. What it did not take is due again, until it
    is TOO_LATE; what it refused for good is not.
    """
    sent = 0
    for document_id in due():
        try:
            sent += _tell(document_id)
        except errors.Unavailable as error:
            log.warning("notice.not_sent", document=str(document_id), reason=error.message)
            break
    return sent


def _tell(document_id: Any) -> bool:
    """The mail about one document. False when somebody else sends it. Raises errors.Unavailable.

    Noted before it is sent, so that two workers never send it twice; taken back when the server does not take it now.
    """
    if not Document.objects.filter(pk=document_id, notified_at=None).update(notified_at=timezone.now()):
        return False
    document = Document.objects.select_related("owner").get(pk=document_id)
    try:
        mail.send(document.owner.email, f"{document.name} {WORDS[document.status]}", _body(document))
    except errors.Unavailable:
        Document.objects.filter(pk=document_id).update(notified_at=None)
        raise
    except errors.RequestRefused as error:
        log.warning("notice.refused", document=str(document_id), reason=error.message)
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
