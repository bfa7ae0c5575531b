"""Documents a person may see, found by what they are and what stands in them; lists in pages that hold still."""

from __future__ import annotations

import base64
import binascii
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Exists, OuterRef, Q, QuerySet

from jobs import errors
from jobs.models import Document, Page
from jobs.services import searching, tagging

MOST_OWNERS = 500


@dataclass(frozen=True)
class Filters:
    """Empty means any. `words` are looked for in names and in the texts in force (services.searching).

    `since` and `until` bound when it arrived, both included. `needs_review`: None for any, else whether a page does.
    `owner` is a person's name; whoever sees only their own documents finds nothing under another's.
    """

    status: str = ""
    words: str = ""
    backend: str = ""
    since: datetime | None = None
    until: datetime | None = None
    tag: str = ""
    needs_review: bool | None = None
    owner: str = ""


def documents(user: Any, filters: Filters) -> QuerySet[Document]:
    """Newest first."""
    found: QuerySet[Document] = (
        Document.objects.visible_to(user).select_related("owner", "duplicate_of").order_by("-created_at", "-id")
    )
    if any("\0" in text for text in (filters.status, filters.backend, filters.tag, filters.owner)):
        return found.none()  # nothing is named so, and PostgreSQL does not even take the question
    return found.filter(*_conditions(user, filters))


def _conditions(user: Any, filters: Filters) -> Iterator[Q]:
    if filters.status:
        yield Q(status=filters.status)
    if filters.words.strip():
        yield searching.holding(user, searching.asked_for(filters.words))
    if filters.backend:
        yield Q(backend=filters.backend) | Q(Exists(_pages_of().filter(backend=filters.backend)))
    if filters.since is not None:
        yield Q(created_at__gte=filters.since)
    if filters.until is not None:
        yield Q(created_at__lte=filters.until)
    if filters.tag:
        yield Q(pk__in=tagging.documents_with(filters.tag))
    if filters.needs_review is not None:
        yield Q(needs_review__gt=0) if filters.needs_review else Q(needs_review=0)
    if filters.owner:
        yield Q(owner__username=filters.owner)


def owners() -> list[str]:
    """The names of everybody who has a document."""
    people = get_user_model().objects.filter(documents__in=Document.objects.kept()).distinct()
    return list(people.order_by("username").values_list("username", flat=True)[:MOST_OWNERS])


def _pages_of() -> Any:
    return Page.objects.filter(document=OuterRef("pk"))


def document(user: Any, document_id: uuid.UUID) -> Document:
    """Raises errors.NotFound for one that is not there or that the person may not see."""
    found: Document = Document.objects.select_related("owner", "duplicate_of").one_for(user, document_id)
    return found


def page(user: Any, document_id: uuid.UUID, number: int) -> Page:
    """With its reading and attempts. Raises errors.NotFound."""
    of_document = document(user, document_id)
    found: Page | None = (
        of_document.pages.select_related("reading", "approved_by")
        .prefetch_related("attempts")
        .filter(number=number)
        .first()
    )
    if found is None:
        raise errors.NotFound(f"There is no page {number} of this document, or it is not prepared yet.")
    found.document = of_document
    return found


def newest_after(found: QuerySet[Document], cursor: str, limit: int) -> tuple[list[Document], str | None]:
    """`limit` documents after the cursor, and the cursor of the rest. Documents that arrive meanwhile move nothing."""
    if cursor:
        at, last = _opened(cursor)
        found = found.filter(Q(created_at__lt=at) | Q(created_at=at, pk__lt=last))
    rows = list(found[: limit + 1])
    return _cut(rows, limit, lambda row: _closed(f"{row.created_at.isoformat()} {row.pk.hex}"))


def pages_after(of_document: Document, cursor: str, limit: int) -> tuple[list[Page], str | None]:
    """`limit` pages by number after the cursor, with their attempts and without their texts."""
    rows = of_document.pages.filter(number__gt=_number(cursor)).order_by("number").prefetch_related("attempts")
    return _cut(list(rows[: limit + 1]), limit, lambda row: _closed(str(row.number)))


def _cut(rows: Sequence[Any], limit: int, cursor_of: Any) -> tuple[list[Any], str | None]:
    return list(rows[:limit]), cursor_of(rows[limit - 1]) if len(rows) > limit else None


def _closed(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _text_of(cursor: str) -> str:
    try:
        return base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, ValueError) as error:
        raise _bad_cursor() from error


def _opened(cursor: str) -> tuple[datetime, uuid.UUID]:
    at, _, last = _text_of(cursor).partition(" ")
    try:
        moment = datetime.fromisoformat(at)
        if moment.tzinfo is None:
            raise ValueError("a moment without a time zone")
        return moment, uuid.UUID(hex=last)
    except ValueError as error:
        raise _bad_cursor() from error


def _number(cursor: str) -> int:
    text = _text_of(cursor) if cursor else "0"
    if not text.isdigit() or len(text) > 9:
        raise _bad_cursor()
    return int(text)


def _bad_cursor() -> errors.Invalid:
    sentence = "This is not a cursor of this list: leave it out to start from the beginning."
    return errors.Invalid(sentence, {"cursor": sentence})
