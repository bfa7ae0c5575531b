"""The trash: what was deleted, until when it can be restored, and how much space it takes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.conf import settings
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from jobs.gateways import storage
from jobs.models import Document
from jobs.services import trash as service
from jobs.views import words

ROWS_A_PAGE = 20  # the files of each are counted


@dataclass(frozen=True)
class Row:
    """One document in the trash."""

    document: Document
    mine: bool

    @property
    def owner(self) -> str:
        return "you" if self.mine else self.document.owner.get_full_name() or self.document.owner.get_username()

    @property
    def left(self) -> str:
        """`29 days left`: nobody watches it run out."""
        goes_at = service.goes_at(self.document.trashed_at or timezone.now())
        return f"{words.span((goes_at - timezone.now()).total_seconds())} left"

    @cached_property
    def volume(self) -> storage.Volume:
        return storage.volume(self.document.storage_prefix)

    @property
    def pages(self) -> str:
        return words.counted(self.document.page_count, "page")


@require_safe
def trash(request: HttpRequest) -> HttpResponse:
    """Newest first, twenty at a time."""
    part = Paginator(service.contents(request.user), ROWS_A_PAGE).get_page(request.GET.get("page"))
    user: Any = request.user
    rows = [Row(document, mine=document.owner_id == user.pk) for document in part]
    return render(request, "jobs/trash.html", {"rows": rows, "part": part, "days": settings.TRASH_DAYS})
