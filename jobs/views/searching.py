"""All pages of one document that answer a search."""

from __future__ import annotations

from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from jobs.forms import FilterForm
from jobs.services import searching
from jobs.views.fetch import document_for

HITS_A_PAGE = 50


@require_safe
def document_search(request: HttpRequest, document_id: UUID) -> HttpResponse:
    """By number, fifty at a time; `after` is the last page number seen."""
    document = document_for(request.user, document_id)
    q = FilterForm(request.GET).said()["q"].strip()
    asked = request.GET.get("after", "")
    after = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 9 else 0
    hits, more = searching.hits_in(document, searching.asked_for(q), request.user, after=after, limit=HITS_A_PAGE)
    further = "?" + urlencode({"q": q, "after": hits[-1].number}) if more else ""
    context = {"document": document, "q": q, "words_query": "?" + urlencode({"q": q}), "hits": hits, "after": after}
    return render(request, "jobs/document_search.html", context | {"further": further})
