"""One page: its image beside its text, as soon as there is one."""

from __future__ import annotations

from functools import cached_property
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.http import require_safe

from jobs.domain.statuses import ENDED_DOCUMENTS, PageStatus
from jobs.gateways import markup
from jobs.models import Attempt, Document, Page
from jobs.views.fetch import page_for
from jobs.views.rows import digest

VIEWS = (("text", "Text"), ("source", "Source"), ("output", "Model output"))
NEIGHBOURS = 4  # pages shown on either side


class PageScreen:
    """A page as it stands now. Fetched when first asked for, and once."""

    def __init__(self, request: HttpRequest, page: Page) -> None:
        self.page = page
        asked = request.GET.get("view", "")
        self.view = asked if asked in dict(VIEWS) else "text"

    @property
    def document(self) -> Document:
        return self.page.document

    @property
    def views(self) -> list[tuple[str, str, bool]]:
        return [(key, word, key == self.view) for key, word in VIEWS]

    @property
    def text(self) -> str:
        return self.page.reading.text if self.page.reading else ""

    @property
    def output(self) -> str:
        return self.page.reading.raw if self.page.reading else ""

    @property
    def html(self) -> SafeString:
        return mark_safe(markup.to_html(self.text))  # noqa: S308 - markup.to_html ends in the sanitiser

    @property
    def drawn(self) -> bool:
        return self.page.image_width_px is not None

    @property
    def done(self) -> bool:
        return bool(self.page.status == PageStatus.DONE)

    @cached_property
    def attempts(self) -> list[Attempt]:
        return list(self.page.attempts.all())

    @cached_property
    def before(self) -> list[Page]:
        around = self.document.pages.filter(number__lt=self.page.number).order_by("-number")
        return list(reversed(around[:NEIGHBOURS]))

    @cached_property
    def after(self) -> list[Page]:
        return list(self.document.pages.filter(number__gt=self.page.number).order_by("number")[:NEIGHBOURS])

    @property
    def around(self) -> list[Page]:
        return [*self.before, self.page, *self.after]

    @property
    def previous(self) -> Page | None:
        return self.before[-1] if self.before else None

    @property
    def next(self) -> Page | None:
        return self.after[0] if self.after else None

    @property
    def live(self) -> bool:
        return self.document.status not in ENDED_DOCUMENTS

    @cached_property
    def seen(self) -> str:
        states: list[Any] = [(p.number, p.status, p.needs_review) for p in self.around]
        return digest(states, self.page.reading_id, self.page.reason, len(self.attempts), self.drawn, self.live)


@require_safe
def page(request: HttpRequest, document_id: UUID, number: int) -> HttpResponse:
    screen = PageScreen(request, page_for(request.user, document_id, number))
    return render(request, "jobs/page.html", _context(screen))


@require_safe
def page_live(request: HttpRequest, document_id: UUID, number: int) -> HttpResponse:
    """What changed: 204 if `seen` still holds."""
    screen = PageScreen(request, page_for(request.user, document_id, number))
    if request.GET.get("seen") == screen.seen:
        return HttpResponse(status=204)
    return render(request, "jobs/partials/_page_live.html", _context(screen))


def _context(screen: PageScreen) -> dict[str, Any]:
    return {"screen": screen, "page": screen.page, "document": screen.document}
