"""Files handed out: results, originals and page images. Never shown as part of the site, always as what they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render, resolve_url
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_POST, require_safe

from jobs import actors, errors
from jobs.domain import retention
from jobs.forms import ExportForm
from jobs.gateways import images, storage
from jobs.models import Document, Page
from jobs.services import exporting, redrawing
from jobs.views import words
from jobs.views.fetch import document_for, page_for
from jobs.views.requests import asked_from

# A file from outside must not run in the site's own origin, whatever it turns out to hold.
THUMB_PX = 200  # wide: 66 px on the screen, at up to three device pixels each
SANDBOX = "sandbox; default-src 'none'"


@require_safe
def download(request: HttpRequest, document_id: UUID) -> HttpResponseBase:
    """The result as a file, in the format asked for; while that is being made, a page that says so and looks again."""
    document = document_for(request.user, document_id)
    format_name = request.GET.get("format", "md")
    try:
        media_type, filename, parts = exporting.export(document, format_name)
    except errors.BeingMade as error:
        actors.export_soon(error.to_make)
        return _being_made(request, document, format_name, error.retry_after_seconds)
    except errors.OcrsiteError as error:
        messages.error(request, error.message)
        return redirect("document", document_id=document.id)
    if request.GET.get("offer"):
        return render(request, "jobs/export.html", {"document": document, "format": format_name, "ready": True})
    return _file(media_type, filename, parts)


def _being_made(request: HttpRequest, document: Document, format_name: str, seconds: int) -> HttpResponseBase:
    shown = {"document": document, "format": format_name, "ready": False}
    response = render(request, "jobs/export.html", shown, status=202)
    again = urlencode({"format": format_name, "offer": 1})
    response["Refresh"] = f"{seconds}; url={reverse('download', args=[document.id])}?{again}"
    return response


@require_POST
def download_many(request: HttpRequest) -> HttpResponseBase:
    """The chosen documents in one zip, each in the format asked for; while one of them is being made, a page that says
    so, looks again and offers it."""
    form = ExportForm(request.POST)
    back = asked_from(request.POST.get("next", ""))
    if not form.is_valid():
        messages.error(request, "Choose at least one document, and a format.")
        return redirect(back)
    said = form.cleaned_data
    chosen = [document_for(request.user, document_id) for document_id in said["document"]]
    try:
        found = exporting.export_many(chosen, said["format"])
    except errors.BeingMade as error:
        actors.export_soon(error.to_make)
        return render(request, "jobs/exports.html", _together(said, chosen, back, ready=False), status=202)
    except errors.OcrsiteError as error:
        messages.error(request, error.message)
        return redirect(back)
    if said["offer"]:
        return render(request, "jobs/exports.html", _together(said, chosen, back, ready=True))
    return _file(*found)


def _together(said: dict[str, Any], chosen: Sequence[Document], back: str, *, ready: bool) -> dict[str, Any]:
    word = words.FORMATS[said["format"]]
    return {"chosen": chosen, "format": said["format"], "word": word, "back": resolve_url(back), "ready": ready}


def _file(media_type: str, filename: str, parts: Iterator[bytes]) -> HttpResponseBase:
    response = StreamingHttpResponse(parts, content_type=media_type)
    return _guard(response, content_disposition_header(True, filename) or "attachment")


@require_safe
def original(request: HttpRequest, document_id: UUID) -> HttpResponseBase:
    """The file as it was uploaded."""
    document = document_for(request.user, document_id)
    if document.original_deleted_at is not None:
        messages.error(request, retention.let_go("The uploaded file", document.original_deleted_at))
        return redirect("document", document_id=document.id)
    response = FileResponse(_open(document.original_key), content_type=document.media_type)
    return _guard(response, content_disposition_header(True, document.name) or "attachment")


@require_safe
def page_image(request: HttpRequest, document_id: UUID, number: int) -> HttpResponseBase:
    """The page as it was drawn for the host."""
    page = page_for(request.user, document_id, number)
    response = HttpResponse(_image(page), content_type="image/jpeg")
    _guard(response, "inline")
    response["Cache-Control"] = "private, max-age=600"
    return response


@require_safe
def page_thumb(request: HttpRequest, document_id: UUID, number: int) -> HttpResponseBase:
    """The page in small, for lists. Made in a few milliseconds, and kept by the browser."""
    page = page_for(request.user, document_id, number)
    small = images.scaled(_image(page), from_dpi=page.image_width_px or THUMB_PX, to_dpi=THUMB_PX)
    response = HttpResponse(small, content_type="image/jpeg")
    _guard(response, "inline")
    response["Cache-Control"] = "private, max-age=86400"
    return response


def _image(page: Page) -> bytes:
    """As it is kept, or drawn again. Raises Http404 where that is not possible any more."""
    try:
        if page.image_width_px is None:
            raise errors.NotFound("It was never drawn.")
        return redrawing.image(page.document, page)
    except (errors.NotFound, errors.PageUndrawable) as error:
        raise Http404("There is no image of this page.") from error


def _open(key: str) -> Any:
    try:
        return storage.open_file(key)
    except (FileNotFoundError, errors.NotFound) as error:
        raise Http404("The file is not there.") from error


def _guard(response: HttpResponseBase, disposition: str) -> HttpResponseBase:
    response["Content-Disposition"] = disposition
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = SANDBOX
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    response["Cache-Control"] = "private, no-store"
    return response
