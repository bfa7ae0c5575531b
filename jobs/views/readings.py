"""What people do in the reading room: save, approve, accept, discard, restore, read again. By plain forms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from jobs import actors, errors
from jobs.forms import RerunForm
from jobs.services import readings, rerunning, writing
from jobs.views import words
from jobs.views.fetch import document_for, page_for
from jobs.views.pages import context
from jobs.views.room import PageScreen

CHOICES: dict[str, tuple[Callable[..., Any], str]] = {
    "accept": (readings.accept, "The new reading is in force now."),
    "discard": (readings.discard, "The text stays as it was. The new reading is kept among the versions."),
    "restore": (readings.restore, "That version is in force again."),
}


@require_POST
def save_text(request: HttpRequest, document_id: UUID, number: int) -> HttpResponse:
    """The text in force from now on. Where somebody else was quicker, both texts are shown and nothing is lost."""
    page = page_for(request.user, document_id, number)
    text, base = request.POST.get("text", ""), request.POST.get("base", "")
    try:
        known = int(base) if base.isdecimal() and len(base) < 19 else None
        writing.save(document_id, number, text, base=known, by=request.user)
    except readings.EditedMeanwhile as conflict:
        page.reading = conflict.in_force
        shown = {"conflict": conflict.message, "mine": text}
        screen = PageScreen(request, page, view="edit")
        return render(request, "jobs/page.html", context(screen) | shown, status=409)
    except errors.RequestRefused as error:
        messages.error(request, error.message)
        return render(request, "jobs/page.html", context(PageScreen(request, page, view="edit")) | {"mine": text})
    messages.success(request, f"Page {number} was saved.")
    return redirect("document-page", document_id, number)


@require_POST
def approve(request: HttpRequest, document_id: UUID, number: int) -> HttpResponse:
    return _done(request, document_id, number, readings.approve, f"Page {number} is approved.")


@require_POST
def choose(request: HttpRequest, document_id: UUID, number: int, what: str) -> HttpResponse:
    """Accept or discard the proposed reading, or restore an earlier one."""
    deed, said = CHOICES[what]
    asked = request.POST.get("reading", "")
    chosen = int(asked) if asked.isdecimal() and len(asked) < 19 else 0
    return _done(request, document_id, number, deed, said, chosen)


def _done(
    request: HttpRequest, document_id: UUID, number: int, deed: Callable[..., Any], said: str, *more: Any
) -> HttpResponse:
    try:
        deed(document_id, number, *more, by=request.user)
        messages.success(request, said)
    except errors.NotFound:
        page_for(request.user, document_id, number)  # 404 where the page itself is not theirs
        messages.error(request, "That version is not there any more.")
    except errors.RequestRefused as error:
        messages.error(request, error.message)
    return redirect(_back(request, document_id, number))


@require_POST
def accept_all(request: HttpRequest, document_id: UUID) -> HttpResponse:
    """Every new reading of the document is put in force."""
    document_for(request.user, document_id)
    many = readings.accept_all(document_id, by=request.user)
    messages.success(request, f"{words.counted(many, 'new reading')} accepted.")
    return redirect(_back(request, document_id, None))


@require_POST
def rerun(request: HttpRequest, document_id: UUID) -> HttpResponse:
    """Pages are read again; their text stays until the new one is accepted."""
    document_for(request.user, document_id)
    form = RerunForm(request.POST, user=request.user)
    try:
        if not form.is_valid():
            raise errors.Invalid(form.refusal())
        rerunning.rerun(document_id, form.wish(), by=request.user)
    except errors.RequestRefused as error:
        messages.error(request, error.message)
    else:
        messages.success(request, "Being read again. The text stays as it is until you accept the new one.")
        actors.dispatch_soon()
    return redirect(_back(request, document_id, None))


def _back(request: HttpRequest, document_id: UUID, number: int | None) -> str:
    """Where it was asked for, if that is on this site; else the page, or the document."""
    there = request.POST.get("next", "")
    if there and url_has_allowed_host_and_scheme(there, allowed_hosts=None):
        return there
    return reverse("document-page", args=[document_id, number]) if number else reverse("document", args=[document_id])
