"""Advice from what was measured: looked at in a replay, taken over, or put off. For administrators."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from jobs import actors, errors
from jobs.domain import advice as domain
from jobs.services import advising
from jobs.views.administrators import administrators_only
from jobs.views.drafts import Draft
from jobs.views.requests import SiteRequest

REPLAYED_HOURS = 24


@require_http_methods(["GET", "HEAD", "POST"])
@administrators_only
def advice(request: SiteRequest) -> HttpResponse:
    """A POST does what the button said, `do`, with the advice of that `key`."""
    if request.method != "POST":
        return render(request, "jobs/advice.html", {"given": advising.given(), "days": advising.DAYS})
    deed = DEEDS.get(request.POST.get("do", ""))
    if deed is None:
        raise Http404
    try:
        return redirect(deed(request, request.POST.get("key", "")))
    except errors.RequestRefused as error:
        messages.error(request, error.message)
        return redirect("advice")


def _look(request: SiteRequest, key: str) -> str:
    """Makes the change in this person's draft, whatever else they edited there, and replays it."""
    change, draft = advising.find(key).change, Draft(request)
    if change is None:
        raise errors.Conflict("This advice changes no rule.")
    draft.keep(domain.applied(draft.body, change))
    return f"{reverse('backends')}?replay={REPLAYED_HOURS}#replay"


def _take(request: SiteRequest, key: str) -> str:
    found = advising.take_over(key, by=request.user)
    actors.dispatch_soon()
    messages.success(request, f"Changed: {found.what}.")
    return reverse("advice")


def _later(request: SiteRequest, key: str) -> str:
    found = advising.put_off(key, by=request.user)
    messages.success(request, f"Put off until the figures differ by a good deal: {found.what}.")
    return reverse("advice")


DEEDS: dict[str, Any] = {"look": _look, "take": _take, "later": _later}
