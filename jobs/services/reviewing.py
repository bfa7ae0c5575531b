"""Which pages wait for a person's look, over all documents one may see."""

from __future__ import annotations

from typing import Any

from django.db.models import Case, Q, QuerySet, When

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
    """The one after this page: further on in its document, then in the other documents, then before it in its own.
    One query."""
    mine = Q(document=page.document_id)
    turn = Case(When(mine & Q(number__gt=page.number), then=0), When(~mine, then=1), default=2)
    rows = waiting(user).exclude(pk=page.pk)
    found: Page | None = rows.order_by(turn, "document__created_at", "document", "number").first()
    return found


def next_failed(document: Document, number: int) -> int | None:
    """The next page of the document that failed, round and round; None when no other did. One query."""
    failed = document.pages.filter(status__in=sorted(FAILED_PAGES)).exclude(number=number)
    turn = Case(When(number__gt=number, then=0), default=1)
    found: int | None = failed.order_by(turn, "number").values_list("number", flat=True).first()
    return found
