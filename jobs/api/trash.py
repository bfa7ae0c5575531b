"""The trash: what was deleted, restored or deleted for good."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Field, Query, Router, Schema, Status

from jobs import actors
from jobs.api import examples
from jobs.api.answers import answers
from jobs.api.auth import needs
from jobs.schemas import DocumentOut
from jobs.schemas.trash import Removed, TrashedDocument, TrashList
from jobs.services import finding, trash

router = Router(tags=["Trash"])
EXAMPLE = {"document": examples.DOCUMENT, "trashed_at": "2026-01-31T12:00:00Z", "goes_at": "2026-03-02T12:00:00Z"}


class TrashQuery(Schema):
    limit: int = Field(50, ge=1, le=500, examples=[50])
    cursor: str = Field("", description="next_cursor of the page before.")


@router.get(
    "/trash",
    auth=needs("read"),
    summary="List the trash",
    **answers(TrashList, example={"items": [EXAMPLE], "next_cursor": None}, refusals=("invalid",)),
)
def list_trash(request: HttpRequest, query: Query[TrashQuery]) -> dict[str, Any]:
    """What was deleted and can still be restored; by the documents' age, newest first."""
    found = trash.contents(request.user).order_by("-created_at", "-id")
    rows, next_cursor = finding.newest_after(found, query.cursor, query.limit)
    return {"items": TrashedDocument.of_all(rows), "next_cursor": next_cursor}


@router.post(
    "/trash/{uuid:document_id}/restore",
    auth=needs("write"),
    summary="Restore a document",
    **answers(DocumentOut, example=examples.DOCUMENT, refusals=("not_found",)),
)
def restore_document(request: HttpRequest, document_id: UUID) -> DocumentOut:
    """Takes it back out of the trash. Pages that were cancelled with it stay so until they are read again."""
    return DocumentOut.of_all([trash.restore(document_id, by=request.user)])[0]


@router.delete(
    "/trash/{uuid:document_id}",
    auth=needs("write"),
    summary="Delete for good",
    **answers(Removed, example={"files": 28, "bytes": 7_340_032}, status=202, refusals=("not_found",)),
)
def delete_for_good(request: HttpRequest, document_id: UUID) -> Status[dict[str, int]]:
    """Removes the file, the pages' images, every export and text. Nobody can bring it back; it is gone at once for
    everybody, and its files are removed in the background."""
    volume = trash.delete_for_good(document_id, by=request.user)
    actors.clear_trash_soon()
    return Status(202, {"files": volume.files, "bytes": volume.size_bytes})
