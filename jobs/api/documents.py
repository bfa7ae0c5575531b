"""Documents: upload, list, look, steer, remove."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from ninja import Field, File, Form, Header, Query, Router, Schema, Status, UploadedFile
from pydantic import AwareDatetime

from jobs import actors
from jobs.api import examples, uploading
from jobs.api.answers import answers
from jobs.api.auth import needs
from jobs.models import Document
from jobs.schemas import DocumentList, DocumentOut, DocumentState, Mode, Priority, Purpose
from jobs.services import documents, finding, idempotency, intake, trash

router = Router(tags=["Documents"])

REFUSED_FILES = (
    "too_large",
    "unsupported_type",
    "invalid",
    "unreadable",
    "password_required",
    "wrong_password",
    "no_pages",
    "too_many_pages",
    "conflict",
    "out_of_space",
)


class UploadForm(Schema):
    """How the file is to be read."""

    priority: Priority = Field("normal", examples=["high"])
    purpose: Purpose = Field("production", examples=["development"])
    sla: bool = Field(False, description="Promised by a service agreement.", examples=[True])
    mode: Mode = Field("markdown", examples=["text"])
    prompt: str = Field("", description="For the mode custom only.", examples=["List every invoice number."])
    dpi: int | None = Field(None, ge=intake.MIN_DPI, le=intake.MAX_DPI, examples=[200])
    pages: str = Field("", description="Page numbers and ranges; empty for all.", examples=["1-3,7"])
    language: str = Field("", description="Codes joined by plus signs, for the CPU backend.", examples=["deu+eng"])
    password: str = Field("", description="Of a locked PDF. Used once, never kept.")

    def options(self) -> intake.Options:
        return intake.Options(**self.dict())


class ListQuery(Schema):
    limit: int = Field(50, ge=1, le=500, examples=[50])
    cursor: str = Field("", description="next_cursor of the page before.")
    status: DocumentState | None = Field(None, examples=["done"])
    q: str = Field(
        "",
        max_length=200,
        description='Full text: `words`, `"a phrase"`, `begin*`, `-without`, in the name or in one page\'s text.',
        examples=["invoice"],
    )
    backend: str = Field("", max_length=64, description="It goes there, or one of its pages was read there.")
    since: AwareDatetime | None = Field(None, description="Arrived then or later.", examples=["2026-01-31T12:00:00Z"])
    until: AwareDatetime | None = Field(None, description="Arrived then or before.", examples=["2026-02-28T12:00:00Z"])
    tag: str = Field("", max_length=80, description="Has this tag; letter case is the same.", examples=["contracts"])
    needs_review: bool | None = Field(None, description="Whether a page of it needs a look.", examples=[True])
    owner: str = Field("", max_length=150, description="The name of who uploaded it: for administrators.")

    def filters(self) -> finding.Filters:
        said = self.dict(exclude={"limit", "cursor", "q", "status"})
        return finding.Filters(status=self.status or "", words=self.q, **said)


@router.post(
    "/documents",
    auth=needs("write"),
    summary="Upload a file",
    **answers(
        DocumentOut,
        example=examples.NEW_DOCUMENT,
        status=202,
        refusals=REFUSED_FILES,
        headers={"Location": "the new document's address"},
    ),
)
def create_document(
    request: HttpRequest,
    response: HttpResponse,
    form: Form[UploadForm],
    file: File[UploadedFile],
    idempotency_key: str = Header("", alias="Idempotency-Key"),
) -> Status[DocumentOut]:
    """Takes a PDF, PNG, JPEG or TIFF file (multipart field `file`) and reads its pages in the background.

    The file is looked at in the request: what cannot be read is refused at once and nothing of it is kept.
    `duplicate_of` names an earlier document of yours with the same bytes, read in the same way. With an
    Idempotency-Key, the same request sent again within 24 hours answers with the same document.
    """
    options = form.options()
    digest = uploading.body_digest(file, options)
    with idempotency.claimed(request.user, idempotency_key, digest) as claim:
        document = claim.earlier or intake.accept(
            file, name=file.name or "", owner=request.user, options=options, claim=claim
        )
    if claim.earlier is None:
        actors.prepare_soon(document.id)
    response["Location"] = reverse("api:document", args=[document.id])
    return Status(202, _out(document))


@router.get(
    "/documents",
    auth=needs("read"),
    summary="List documents",
    **answers(DocumentList, example=examples.DOCUMENTS, refusals=("invalid",)),
)
def list_documents(request: HttpRequest, query: Query[ListQuery]) -> dict[str, Any]:
    """One's own documents, all for administrators; newest first. The filters narrow it down together."""
    found = finding.documents(request.user, query.filters())
    rows, next_cursor = finding.newest_after(found, query.cursor, query.limit)
    return {"items": DocumentOut.of_all(rows), "next_cursor": next_cursor}


@router.get(
    "/documents/{uuid:document_id}",
    auth=needs("read"),
    url_name="document",
    summary="Look at a document",
    **answers(DocumentOut, example=examples.DOCUMENT, refusals=("not_found",)),
)
def get_document(request: HttpRequest, document_id: UUID) -> DocumentOut:
    """How far it is, where its pages go and why."""
    return _out(finding.document(request.user, document_id))


@router.delete(
    "/documents/{uuid:document_id}",
    auth=needs("write"),
    url_name="document",
    summary="Delete a document",
    **answers(None, example=None, status=204, refusals=("not_found",)),
)
def delete_document(request: HttpRequest, document_id: UUID) -> Status[None]:
    """Puts it into the trash, where it can be restored for a while; a running one is cancelled. See /trash."""
    trash.put(document_id, by=request.user)
    actors.dispatch_soon()
    return Status(204, None)


STEERED: dict[str, Any] = answers(DocumentOut, example=examples.DOCUMENT, refusals=("not_found", "conflict"))


@router.post("/documents/{uuid:document_id}/cancel", auth=needs("write"), summary="Cancel a document", **STEERED)
def cancel_document(request: HttpRequest, document_id: UUID) -> DocumentOut:
    """Stops it now: what waits is not read, what runs is discarded, what is done stays. Twice is harmless."""
    return _steered(documents.cancel, request, document_id)


@router.post("/documents/{uuid:document_id}/pause", auth=needs("write"), summary="Pause a document", **STEERED)
def pause_document(request: HttpRequest, document_id: UUID) -> DocumentOut:
    """Sends no more pages; those that run finish. Twice is harmless."""
    return _steered(documents.pause, request, document_id)


@router.post("/documents/{uuid:document_id}/resume", auth=needs("write"), summary="Resume a document", **STEERED)
def resume_document(request: HttpRequest, document_id: UUID) -> DocumentOut:
    """Goes on with a paused document. Twice is harmless."""
    return _steered(documents.resume, request, document_id)


@router.post("/documents/{uuid:document_id}/retry", auth=needs("write"), summary="Retry failed pages", **STEERED)
def retry_document(request: HttpRequest, document_id: UUID) -> DocumentOut:
    """Reads failed and quarantined pages again, with fresh counters. Twice is harmless."""
    return _steered(documents.retry, request, document_id)


def _steered(service: Callable[..., Document], request: HttpRequest, document_id: UUID) -> DocumentOut:
    document = service(document_id, by=request.user)
    actors.dispatch_soon()
    return _out(document)


def _out(document: Document) -> DocumentOut:
    return DocumentOut.of_all([document])[0]
