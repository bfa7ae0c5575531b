"""What the list of documents shows: one page of rows, the filters with their counts, and the totals."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count, Q
from django.http import HttpRequest

from jobs.domain.statuses import ENDED_DOCUMENTS, DocumentStatus
from jobs.forms import FilterForm
from jobs.models import Document
from jobs.services import progress
from jobs.views.rows import Row, digest, rows_for

ROWS_A_PAGE = 50


@dataclass(frozen=True)
class Filter:
    """A state to look at. `look` is the shape and colour it goes by."""

    key: str
    word: str
    look: str
    which: Q


FILTERS = (
    Filter("reading", "Reading", "running", Q(status=DocumentStatus.PROCESSING)),
    Filter("waiting", "Waiting", "waiting", Q(status=DocumentStatus.QUEUED)),
    Filter("paused", "Paused", "paused", Q(status=DocumentStatus.PAUSED)),
    Filter("review", "To review", "review", Q(needs_review__gt=0)),
    Filter("failed", "Failed pages", "failed", Q(pages_failed__gt=0) | Q(status=DocumentStatus.FAILED)),
    Filter("done", "Done", "done", Q(status=DocumentStatus.DONE, needs_review=0)),
    Filter("cancelled", "Cancelled", "cancelled", Q(status=DocumentStatus.CANCELLED)),
)


class Listing:
    """The list as one person looks at it now. Everything is fetched when first asked for, and once."""

    def __init__(self, request: HttpRequest) -> None:
        self.user = request.user
        said = FilterForm(request.GET).said()
        self.q: str = said["q"].strip()
        self.state: str = said["state"] if any(f.key == said["state"] for f in FILTERS) else ""
        self.asked_page: int = said["page"]
        self.have = set(request.GET.get("have", "").split(","))

    @cached_property
    def named(self) -> Any:
        return Document.objects.visible_to(self.user).named_like(self.q)

    @cached_property
    def counts(self) -> dict[str, int]:
        """How many documents each filter would show; `all` without one."""
        each = {f.key: Count("pk", filter=f.which) for f in FILTERS}
        found: dict[str, int] = self.named.order_by().aggregate(all=Count("pk"), **each)
        return found

    @property
    def found(self) -> int:
        return self.counts[self.state or "all"]

    @property
    def last_page(self) -> int:
        return max(1, -(-self.found // ROWS_A_PAGE))

    @property
    def page(self) -> int:
        return min(self.asked_page, self.last_page)

    @cached_property
    def documents(self) -> list[Document]:
        chosen = self.named
        for one in FILTERS:
            if one.key == self.state:
                chosen = chosen.filter(one.which)
        start = (self.page - 1) * ROWS_A_PAGE
        return list(chosen.select_related("owner")[start : start + ROWS_A_PAGE])

    @cached_property
    def rows(self) -> list[Row]:
        return rows_for(self.documents, self.user)

    @cached_property
    def totals(self) -> progress.Totals:
        return progress.totals(self.user)

    @cached_property
    def seen(self) -> str:
        """The print of the whole screen; a poll that has it is answered with nothing."""
        return digest(progress.fingerprint(self.documents), self.totals, sorted(self.counts.items()))

    @property
    def live(self) -> bool:
        """Whether anything on it can change by itself."""
        return any(d.status not in ENDED_DOCUMENTS for d in self.documents) or self.totals.reading > 0

    @property
    def filters(self) -> list[dict[str, Any]]:
        """Those that would show something, and the one that is on."""
        shown = [f for f in FILTERS if self.counts[f.key] or f.key == self.state]
        return [{"filter": f, "count": self.counts[f.key], "query": self.query(state=f.key, page=1)} for f in shown]

    @property
    def everything(self) -> str:
        return self.query(state="", page=1)

    @property
    def here(self) -> str:
        return self.query()

    @property
    def newer(self) -> str:
        return self.query(page=self.page - 1) if self.page > 1 else ""

    @property
    def older(self) -> str:
        return self.query(page=self.page + 1) if self.page < self.last_page else ""

    def query(self, **changes: Any) -> str:
        """This list's own query string with `changes`, without what is at rest: `?state=done&page=2`."""
        values = {"q": self.q, "state": self.state, "page": self.page} | changes
        kept = {name: value for name, value in values.items() if value and (name, value) != ("page", 1)}
        return "?" + urlencode(kept)

    @property
    def empty(self) -> bool:
        """Nothing was ever uploaded: what is missing is not a match but a first document."""
        return not self.q and not self.counts["all"]
