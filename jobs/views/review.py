"""The review list: every page that waits for a look, over all documents one may see."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from jobs.services import reviewing

PAGES_AT_ONCE = 48


@require_safe
def review(request: HttpRequest) -> HttpResponse:
    shown: Any = Paginator(reviewing.waiting(request.user), PAGES_AT_ONCE).get_page(request.GET.get("page"))
    return render(request, "jobs/review.html", {"shown": shown})
