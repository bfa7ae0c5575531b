"""One document: the wall of its pages, why it went where it went, and one page's tries beside it."""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from jobs.models import Document, Page
from jobs.services import progress
from jobs.views import words
from jobs.views.fetch import document_for, page_for
from jobs.views.rows import Row, digest

LEGEND = (
    ("done", "read"),
    ("blank", "blank"),
    ("review", "to review"),
    ("running", "being read"),
    ("waiting", "waiting"),
    ("failed", "failed"),
    ("quarantined", "set aside"),
    ("cancelled", "cancelled"),
)
# Which page's tries are shown when nobody chose one: first what needs a person, then what is happening.
INTERESTING = ("quarantined", "failed", "review", "running", "done", "waiting")


class Screen:
    """One document as one person looks at it now. Fetched when first asked for, and once."""

    def __init__(self, request: HttpRequest, document: Document) -> None:
        self.document = document
        self.user = request.user
        self.asked_page = request.GET.get("page", "")

    @cached_property
    def row(self) -> Row:
        known = progress.of([self.document])[self.document.id]
        return Row(self.document, known, (), mine=self.document.owner_id == self.user.pk)

    @cached_property
    def cells(self) -> list[Any]:
        return list(progress.wall(self.document))

    @cached_property
    def hosts(self) -> progress.Hosts:
        return progress.hosts()

    @cached_property
    def looks(self) -> Counter[str]:
        return Counter(words.page_look(c.status, needs_review=c.needs_review, reason=c.reason)[0] for c in self.cells)

    @property
    def legend(self) -> list[tuple[str, str, int]]:
        return [(look, word, self.looks[look]) for look, word in LEGEND if self.looks[look]]

    @property
    def wall_size(self) -> str:
        """Says when the wall must be drawn anew: when it gets its pages, or more of them."""
        return f"{len(self.cells)}{'' if self.document.prepared else '?'}"

    @property
    def retried(self) -> int:
        return sum(1 for cell in self.cells if cell.retried)

    @cached_property
    def selected(self) -> Page | None:
        """The page asked for, or the one that most wants looking at."""
        number = int(self.asked_page) if self.asked_page.isdecimal() and len(self.asked_page) < 9 else None
        number = number if number in {c.number for c in self.cells} else self._most_interesting()
        if not self.document.prepared:
            return None
        pages = self.document.pages.select_related("lease__backend").prefetch_related("attempts")
        found: Page | None = pages.filter(number=number).first() if number else None
        return found

    def _most_interesting(self) -> int | None:
        first: dict[str, int] = {}
        for cell in self.cells:
            look = words.page_look(cell.status, needs_review=cell.needs_review, reason=cell.reason)[0]
            first.setdefault(look, cell.number)
        return next((first[look] for look in INTERESTING if look in first), None)

    @cached_property
    def first_to_review(self) -> int | None:
        return next((cell.number for cell in self.cells if cell.needs_review), None)

    @cached_property
    def first_done(self) -> int | None:
        return next((cell.number for cell in self.cells if cell.status == "done"), None)

    @property
    def summary(self) -> str:
        """`214 pages · 124 read, 16 being read, about 40 s left`."""
        counts, eta = self.row.progress.counts, self.row.progress.eta_seconds
        if not self.row.live or self.document.status != "processing":
            return self.row.pages_line
        said = [f"{counts.done:,} read", f"{counts.running:,} being read" if counts.running else ""]
        said.append(f"about {words.span(eta)} left" if eta else "")
        return f"{words.counted(counts.total, 'page')} · " + ", ".join(part for part in said if part)

    @property
    def facts(self) -> list[tuple[str, str]]:
        """What the person chose and what the file is, where it differs from what goes without saying."""
        document = self.document
        said = [
            ("Read as", "" if document.mode == "markdown" else dict(MODE_WORDS)[document.mode]),
            ("Pages", document.page_range),
            ("Language", document.language),
            ("Purpose", "a test" if document.purpose == "development" else ""),
            ("Service", "promised by an agreement" if document.sla else ""),
            ("Resolution", f"{document.dpi} dpi" if document.dpi else ""),
            ("File", f"{words.file_size(document.size_bytes)}, {TYPE_WORDS.get(document.media_type, 'file')}"),
        ]
        return [(name, value) for name, value in said if value]

    @cached_property
    def seen(self) -> str:
        return digest(progress.fingerprint([self.document]), self.hosts.no_backend, self.hosts.no_room)


MODE_WORDS = (("text", "plain text"), ("figure", "a figure"), ("custom", "own instruction"), ("markdown", "Markdown"))
TYPE_WORDS = {"application/pdf": "PDF", "image/png": "PNG", "image/jpeg": "JPEG", "image/tiff": "TIFF"}


@require_safe
def document(request: HttpRequest, document_id: UUID) -> HttpResponse:
    screen = Screen(request, document_for(request.user, document_id))
    return render(request, "jobs/document.html", {"screen": screen, "document": screen.document})


@require_safe
def document_live(request: HttpRequest, document_id: UUID) -> HttpResponse:
    """What changed: 204 if `seen` still holds. `cells` is how many the wall has; a grown one comes anew."""
    screen = Screen(request, document_for(request.user, document_id))
    if request.GET.get("seen") == screen.seen:
        return HttpResponse(status=204)
    whole = request.GET.get("cells") != screen.wall_size
    context = {"screen": screen, "document": screen.document, "whole_wall": whole}
    return render(request, "jobs/partials/_document_live.html", context)


@require_safe
def page_card(request: HttpRequest, document_id: UUID, number: int) -> HttpResponse:
    """The card of one page, for whom points at it on the wall."""
    page = page_for(request.user, document_id, number, with_tries=True)
    return render(request, "jobs/partials/_page_card.html", {"page": page, "document": page.document})
