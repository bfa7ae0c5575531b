"""The list of documents."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from jobs.forms import UploadForm
from jobs.views.listing import Choices, Listing
from jobs.views.uploads import limits


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    return redirect("documents")


@require_safe
def documents(request: HttpRequest) -> HttpResponse:
    """The whole screen: drop zone, filters, rows."""
    listing = Listing(request)
    shown = {"listing": listing, "form": UploadForm(), "limits": limits(listing.hosts)}
    return render(request, "jobs/documents.html", shown)


@require_safe
def documents_live(request: HttpRequest) -> HttpResponse:
    """What changed on it: 204 if `seen` still holds; rows named in `have` are only kept in their place."""
    listing = Listing(request)
    if request.GET.get("seen") == listing.seen:
        return HttpResponse(status=204)
    return render(request, "jobs/partials/_documents_live.html", {"listing": listing})


@require_safe
def documents_filter(request: HttpRequest) -> HttpResponse:
    """The narrower filters as a form: a page of its own, or for a script the form alone."""
    listing = Listing(request)
    context = {"listing": listing, "choices": Choices(request.user)}
    part = request.headers.get("HX-Request") and not request.headers.get("HX-History-Restore-Request")
    return render(request, "jobs/partials/_filter_form.html" if part else "jobs/filter.html", context)
