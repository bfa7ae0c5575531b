"""A document's pages: their states, their texts, their images, and the whole result to take along."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal
from uuid import UUID

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.http import content_disposition_header
from ninja import Field, Query, Router, Schema

from jobs import errors
from jobs.api import examples
from jobs.api.answers import answers, file_answers
from jobs.api.auth import needs
from jobs.schemas import PageList, PageOut, PageRow
from jobs.services import access, exporting, finding, redrawing

router = Router(tags=["Pages and results"])


class PagesQuery(Schema):
    limit: int = Field(50, ge=1, le=500, examples=[50])
    cursor: str = Field("", description="next_cursor of the page before.")


Format = Literal["md", "txt", "html", "json", "pdf", "docx", "xlsx", "zip"]


class ResultQuery(Schema):
    format: Format = Field("md", description="pdf is searchable; xlsx holds the tables; zip texts, figures and tables.")


class ExportRequest(Schema):
    """Which documents, and in which format each."""

    ids: list[UUID] = Field(description="At most 500.", min_length=1, max_length=500)
    format: Format = "md"


@router.get(
    "/documents/{uuid:document_id}/pages",
    auth=needs("read"),
    summary="List a document's pages",
    **answers(PageList, example=examples.PAGES, refusals=("not_found", "invalid")),
)
def list_pages(request: HttpRequest, document_id: UUID, query: Query[PagesQuery]) -> dict[str, Any]:
    """By number, each with its attempts; without text and blocks. Empty until the document is prepared."""
    document = finding.document(request.user, document_id)
    rows, next_cursor = finding.pages_after(document, query.cursor, query.limit)
    return {"items": [PageRow.of(row) for row in rows], "next_cursor": next_cursor}


@router.get(
    "/documents/{uuid:document_id}/pages/{int:number}",
    auth=needs("read"),
    summary="Read a page",
    **answers(PageOut, example=examples.PAGE, refusals=("not_found",)),
)
def get_page(request: HttpRequest, document_id: UUID, number: int) -> PageOut:
    """The page with the text in force, its blocks with their boxes, and every attempt."""
    return PageOut.of(finding.page(request.user, document_id, number))


@router.get(
    "/documents/{uuid:document_id}/pages/{int:number}/image",
    auth=needs("read"),
    summary="A page's image",
    **file_answers({"image/jpeg": ""}, refusals=("not_found", "not_ready"), headers={}),
)
def get_page_image(request: HttpRequest, document_id: UUID, number: int) -> HttpResponseBase:
    """The image that is read, as JPEG; drawn again where it is not kept any more. 409 `not_ready` before it is drawn,
    404 where its original was deleted too."""
    page = finding.page(request.user, document_id, number)
    if page.image_width_px is None:
        raise errors.NotReady(f"Page {number} is not drawn yet: ask again in a moment.")
    try:
        image = redrawing.image(page.document, page)
    except errors.NotFound:
        raise errors.NotFound(f"The image of page {number} is not kept any more, nor is its original.") from None
    return _private(HttpResponse(image, content_type="image/jpeg"))


@router.get(
    "/documents/{uuid:document_id}/result",
    auth=needs("read"),
    summary="Download the result",
    **file_answers(
        examples.RESULTS,
        refusals=("not_found", "invalid", "not_ready", "too_large", "unreadable"),
        headers={"Content-Disposition": "a file name made of the document's"},
    ),
)
def get_result(request: HttpRequest, document_id: UUID, query: Query[ResultQuery]) -> HttpResponseBase:
    """The text in force of every page.

    md: pages joined by a blank line, `<!-- page N -->` before each. txt: joined by form feeds. html: one file with
    everything inside. json: with blocks, boxes and where each text comes from. pdf: the original's pages with their
    words to be found. docx: a Word file. xlsx: the tables, a sheet each. zip: md, html, json and txt with figures, and
    tables as CSV and XLSX. A page that is missing shows `[page N: failed: reason]`, in md and html as a comment.
    409 `not_ready` while no page is done, and while a pdf, docx, xlsx or zip of more than 50 pages is being made: ask
    again after the seconds in `Retry-After`.
    """
    document = finding.document(request.user, document_id)
    media_type, name, pieces = exporting.export(document, query.format)
    access.audit("document.downloaded", by=request.user, subject=str(document.id), detail={"format": query.format})
    return _download(media_type, name, pieces)


@router.post(
    "/documents/export",
    auth=needs("read"),
    summary="Download many documents as one zip",
    **file_answers(
        {"application/zip": ""},
        refusals=("not_found", "invalid", "not_ready"),
        headers={"Content-Disposition": "documents-FORMAT.zip"},
        body={"ids": [examples.DOCUMENT_ID], "format": "md"},
    ),
)
def export_documents(request: HttpRequest, payload: ExportRequest) -> HttpResponseBase:
    """One file a document, streamed. `missing.txt` names those that have no text yet. 404 where one is not yours."""
    documents = [finding.document(request.user, document_id) for document_id in dict.fromkeys(payload.ids)]
    media_type, name, pieces = exporting.export_many(documents, payload.format)
    for document in documents:
        access.audit(
            "document.downloaded", by=request.user, subject=str(document.id), detail={"format": payload.format}
        )
    return _download(media_type, name, pieces)


def _download(media_type: str, name: str, pieces: Iterator[bytes]) -> HttpResponseBase:
    response = StreamingHttpResponse(pieces, content_type=media_type)
    response["Content-Disposition"] = str(content_disposition_header(True, name))
    return _private(response)


def _private(response: HttpResponseBase) -> HttpResponseBase:
    """What a document holds is for its owner's eyes: kept in no cache, run by no browser, embedded by no other site."""
    response["Cache-Control"] = "private, no-store"
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    return response
