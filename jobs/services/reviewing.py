"""Which pages wait for a person's look, over all documents one may see."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet

from jobs.domain.statuses import FAILED_PAGES, PageStatus
from jobs.models import Document, Page


def waiting(user: Any) -> QuerySet[Page]:
    """Pages with a text to look at: doubted ones, and new readings to accept. Oldest document first, then by number."""
    pages: QuerySet[Page] = (
        Page.objects.visible_to(user)
        .to_review()
        .filter(status=PageStatus.DONE)
        .select_related("document__owner")
        .order_by("document__created_at", "document", "number")
    )
    return pages


def count(user: Any) -> int:
    """How many there are. One query by a partial index, so it may stand on every screen."""
    return Page.objects.visible_to(user).to_review().filter(status=PageStatus.DONE).count()


def next_to_review(user: Any, page: Page) -> Page | None:
    """The one after this page: further on in its document, then in the other documents, then before it in its own."""
    rows = waiting(user).exclude(pk=page.pk)
    mine = rows.filter(document=page.document_id)
    return (
        mine.filter(number__gt=page.number).first() or rows.exclude(document=page.document_id).first() or mine.first()
    )


def next_failed(document: Document, number: int) -> int | None:
    """The next page of the document that failed, round and round; None when no other did."""
    failed = document.pages.filter(status__in=sorted(FAILED_PAGES)).exclude(number=number).order_by("number")
    numbers = failed.values_list("number", flat=True)
    after: int | None = numbers.filter(Q(number__gt=number)).first()
    return after if after is not None else numbers.first()
