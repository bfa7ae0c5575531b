"""The trash, as it comes out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ninja import Field, Schema

from jobs.models import Document
from jobs.schemas.documents import DocumentOut
from jobs.services import trash


class TrashedDocument(Schema):
    document: DocumentOut
    trashed_at: datetime
    goes_at: datetime = Field(description="When it is deleted for good, unless it is restored before.")

    @classmethod
    def of_all(cls, documents: Sequence[Document]) -> list[TrashedDocument]:
        shown = DocumentOut.of_all(documents)
        return [
            cls(document=out, trashed_at=one.trashed_at, goes_at=trash.goes_at(one.trashed_at))
            for one, out in zip(documents, shown, strict=True)
            if one.trashed_at is not None
        ]


class TrashList(Schema):
    items: list[TrashedDocument]
    next_cursor: str | None


class Removed(Schema):
    """What goes with a document that is deleted for good."""

    files: int
    bytes: int
