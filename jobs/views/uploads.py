"""Uploading: one file a request from the page's own script, answered with a fragment; or a plain form with several."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_POST

from jobs import actors, errors
from jobs.forms import UploadForm
from jobs.models import Document
from jobs.services import intake, progress, trash
from jobs.views import words
from jobs.views.requests import SiteRequest
from jobs.views.rows import rows_for

SAMPLE = Path(settings.BASE_DIR) / "static" / "samples" / "sample.pdf"
FORM_BYTES = 1_048_576  # what the fields around a file may take


@dataclass(frozen=True)
class Uploaded:
    """What became of one file. `earlier`: the same file was uploaded before, and nothing new was made of it."""

    name: str
    document: Document | None = None
    earlier: Document | None = None
    error: errors.OcrsiteError | None = None

    @property
    def wants_password(self) -> bool:
        return isinstance(self.error, errors.PasswordRequired | errors.WrongPassword)


def limits(hosts: progress.Hosts) -> dict[str, Any]:
    """What one file may be, in words and for the page's script, and the languages any host can read."""
    return {
        "size": _largest(),
        "pages": settings.MAX_PAGES,
        "bytes": settings.MAX_UPLOAD_BYTES,
        "languages": hosts.languages,
    }


def _largest() -> str:
    return words.file_size(settings.MAX_UPLOAD_MB * 1_000_000)


# Exempt, to look at the length before CSRF's own check reads the whole body; `_upload` is protected.
@csrf_exempt
@require_POST
def upload(request: SiteRequest) -> HttpResponse:
    """Refuses what is announced as too large without reading it; else takes it in."""
    announced = int(request.META.get("CONTENT_LENGTH") or 0)
    if announced > (settings.MAX_UPLOAD_BYTES + FORM_BYTES) * settings.DATA_UPLOAD_MAX_NUMBER_FILES:
        raise BadRequest("Too much at once.")
    if announced > settings.MAX_UPLOAD_BYTES + FORM_BYTES and request.htmx:
        error = errors.TooLarge(f"The file is larger than {_largest()}, the most one may be.")
        return _fragment(request, Uploaded("", error=error))
    return _upload(request)


@csrf_protect
def _upload(request: SiteRequest) -> HttpResponse:
    form = UploadForm(request.POST)
    files = request.FILES.getlist("file")
    if not form.is_valid():
        results = [Uploaded(f.name or "", error=errors.Invalid(form.refusal())) for f in files]
    else:
        results = [take(file, name=file.name or "unnamed", user=request.user, options=form.options()) for file in files]
    return _fragment(request, results[0]) if request.htmx and results else _redirect(request, results)


def take(file: Any, *, name: str, user: Any, options: intake.Options) -> Uploaded:
    """One file into a document that will be read; a refusal keeps nothing, and hurts no other file."""
    try:
        document = intake.accept(file, name=name, owner=user, options=options, max_bytes=settings.MAX_UPLOAD_BYTES)
    except errors.OcrsiteError as error:
        return Uploaded(name, error=error)
    earlier = document.duplicate_of
    if earlier:
        # The person chooses: the earlier result, or a new run of it. The second copy is not needed for either.
        trash.discard(document)
        return Uploaded(name, earlier=earlier)
    actors.prepare_soon(document.id)
    return Uploaded(name, document=document)


def _fragment(request: SiteRequest, result: Uploaded) -> HttpResponse:
    if result.document:
        [row] = rows_for([result.document], request.user)
        return render(request, "jobs/partials/_document_row.html", {"row": row, "fresh": True})
    if result.earlier:
        return render(request, "jobs/partials/_upload_earlier.html", {"upload": result}, status=200)
    status = 507 if isinstance(result.error, errors.OutOfSpace) else 422
    return render(request, "jobs/partials/_upload_refused.html", {"upload": result}, status=status)


def _redirect(request: SiteRequest, results: list[Uploaded]) -> HttpResponse:
    for result in results:
        if result.document:
            messages.success(request, f"“{result.name}” was uploaded and will be read.")
        elif result.earlier:
            then = f"{result.earlier.created_at:%d %B %Y, %H:%M}"
            messages.info(
                request, f"You uploaded the same file as “{result.name}” on {then} UTC: its result stands below."
            )
        else:
            messages.error(request, f"“{result.name}”: {result.error.message if result.error else ''}")
    if not results:
        messages.error(request, "Choose at least one file first.")
    return redirect("documents")


@require_POST
def sample(request: SiteRequest) -> HttpResponse:
    """Reads the sample that comes with the site; a second time, opens the first one's result."""
    with SAMPLE.open("rb") as file:
        result = take(file, name="Sample.pdf", user=request.user, options=intake.Options())
    shown = result.document or result.earlier
    if shown is None:
        messages.error(request, result.error.message if result.error else "The sample could not be read.")
        return redirect("documents")
    return redirect("document", document_id=shown.id)
