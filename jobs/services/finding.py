"""Documents a person may see, found by what they are and what stands in them; lists in pages that hold still."""

from __future__ import annotations

import base64
import binascii
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from jobs import errors
from jobs.models import Document, Page


@dataclass(frozen=True)
class Filters:
    """Empty means any. `words` are looked for in names and in the texts in force; `since` bounds when it arrived."""

    status: str = ""
    words: str = ""
    backend: str = ""
    since: datetime | None = None


def documents(user: Any, filters: Filters) -> QuerySet[Document]:
    """Newest first."""
    found: QuerySet[Document] = Document.objects.visible_to(user).select_related("owner").order_by("-created_at", "-id")
    if filters.status:
        found = found.filter(status=filters.status)
    if filters.words.strip():
        found = found.filter(_holding(filters.words.strip()))
    if filters.backend:
        found = found.filter(Q(backend=filters.backend) | Exists(_pages_of().filter(backend=filters.backend)))
    if filters.since is not None:
        found = found.filter(created_at__gte=filters.since)
    return found


def _holding(words: str) -> Q:
    return Q(name__icontains=words) | Q(Exists(_pages_of().filter(reading__text__icontains=words)))


def _pages_of() -> Any:
    return Page.objects.filter(document=OuterRef("pk"))


def document(user: Any, document_id: uuid.UUID) -> Document:
    """Raises errors.NotFound for one that is not there or that the person may not see."""
    found: Document | None = Document.objects.visible_to(user).select_related("owner").filter(pk=document_id).first()
    if found is None:
        raise errors.NotFound("There is no such document.")
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
