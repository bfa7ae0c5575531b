"""One page: its image beside its text, as soon as there is one. The screens to look at; readings.py changes things."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from jobs.views.fetch import document_for, page_for
from jobs.views.room import PageScreen


@require_safe
def page(request: HttpRequest, document_id: UUID, number: int) -> HttpResponse:
    screen = PageScreen(request, page_for(request.user, document_id, number, with_tries=True))
    return render(request, "jobs/page.html", context(screen))


@require_safe
def page_live(request: HttpRequest, document_id: UUID, number: int) -> HttpResponse:
    """What changed: 204 if `seen` still holds."""
    screen = PageScreen(request, page_for(request.user, document_id, number, with_tries=True))
    if request.GET.get("seen") == screen.seen:
        return HttpResponse(status=204)
    return render(request, "jobs/partials/_page_live.html", context(screen))


@require_safe
def go_to(request: HttpRequest, document_id: UUID) -> HttpResponse:
    """The page whose number somebody typed; the nearest one where there is none of that number."""
    document = document_for(request.user, document_id)
    asked = request.GET.get("number", "")
    number = int(asked) if asked.isdecimal() and len(asked) < 9 else 1
    numbers = document.pages.order_by("number").values_list("number", flat=True)
    found = numbers.filter(number__gte=number).first() or numbers.last()
    return redirect("document-page", document_id, found) if found else redirect("document", document_id)


def context(screen: PageScreen) -> dict[str, Any]:
    return {"screen": screen, "page": screen.page, "document": screen.document}
