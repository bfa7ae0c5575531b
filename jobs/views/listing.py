"""What the list of documents shows: one page of rows, the filters with their counts, and the totals."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django.db.models import Case, Count, Max, Q, When, Window
from django.http import HttpRequest
from django.utils import timezone

from jobs.domain.search_words import MIN_BEGINNING
from jobs.domain.statuses import ENDED_DOCUMENTS, DocumentStatus
from jobs.forms import FilterForm
from jobs.models import Backend, Document
from jobs.services import finding, progress, searching, tagging
from jobs.views.rows import Row, digest, rows_for

ROWS_A_PAGE = 50
RESULTS_A_PAGE = 20  # of a search: each brings pieces of its text
LAST_OF_A_DAY = timedelta(days=1, microseconds=-1)
CHIP_WORDS = {
    "review": "needs review",
    "tag": "tag: {}",
    "backend": "backend: {}",
    "since": "from {:%-d %b %Y}",
    "until": "to {:%-d %b %Y}",
    "owner": "by {}",
}


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
COUNTED = {"all": Q(pk__isnull=False)} | {one.key: one.which for one in FILTERS}


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=timezone.get_current_timezone())


class Listing:
    """The list as one person looks at it now. Everything is fetched when first asked for, and once."""

    def __init__(self, request: HttpRequest) -> None:
        self.user = request.user
        said = FilterForm(request.GET).said()
        self.said: dict[str, Any] = said | {"q": said["q"].strip()}
        self.q: str = self.said["q"]
        self.state: str = said["state"] if any(f.key == said["state"] for f in FILTERS) else ""
        self.asked = searching.asked_for(self.q)
        self.asked_page: int = said["page"]
        self.have = set(request.GET.get("have", "").split(","))
        self.rows_a_page = RESULTS_A_PAGE if self.q else ROWS_A_PAGE

    @cached_property
    def named(self) -> Any:
        """All that the search and the narrower filters leave, whatever its state."""
        said = self.said
        filters = finding.Filters(
            words=self.q,
            backend=said["backend"],
            since=said["since"] and _midnight(said["since"]),
            until=said["until"] and _midnight(said["until"]) + LAST_OF_A_DAY,
            tag=said["tag"],
            owner=said["owner"],
            needs_review=True if said["review"] else None,
        )
        return finding.documents(self.user, filters)

    @cached_property
    def _numbers(self) -> tuple[dict[str, int], progress.Own]:
        """What each filter would show and what is one's own, asked together: the list is polled by everybody."""
        if self._found:
            told = self._found[0]
            return {key: told[f"n_{key}"] for key in COUNTED}, progress.Own(*(told[name] for name in progress.OWN))
        if self.asked.asks:
            return dict.fromkeys(COUNTED, 0), progress.own(self.user)
        beside = {name: Max(number) for name, number in progress.counting(self.user).items()}
        found = self.named.order_by().aggregate(**{key: Count("pk", filter=q) for key, q in COUNTED.items()}, **beside)
        own = [found.pop(name) for name in progress.OWN]
        # Of no rows there is no maximum.
        return found, progress.Own(*own) if found["all"] else progress.own(self.user)

    @cached_property
    def _found(self) -> list[dict[str, Any]]:
        """Of a search: this page's documents and all numbers in one go, for to search is what takes time. Empty
        without one, and where nothing was found."""
        return (self._found_on(self.asked_page) or self._found_on(1)) if self.asked.asks else []

    def _found_on(self, page: int) -> list[dict[str, Any]]:
        """Those of the state that is on come first, so that the numbers come even where there are none."""
        numbers = {f"n_{key}": Window(Count("pk", filter=which)) for key, which in COUNTED.items()}
        shown = self.named.annotate(
            elsewhere=Case(When(COUNTED[self.state or "all"], then=0), default=1), **numbers,
            **progress.counting(self.user),
        )  # fmt: skip
        start = (page - 1) * self.rows_a_page
        rows = shown.order_by("elsewhere", "-created_at", "-id").values("pk", "elsewhere", *numbers, *progress.OWN)
        return list(rows[start : start + self.rows_a_page])

    @property
    def counts(self) -> dict[str, int]:
        """How many documents each filter would show; `all` without one."""
        return self._numbers[0]

    @property
    def own(self) -> progress.Own:
        return self._numbers[1]

    @property
    def found(self) -> int:
        return self.counts[self.state or "all"]

    @property
    def last_page(self) -> int:
        return max(1, -(-self.found // self.rows_a_page))

    @property
    def page(self) -> int:
        return min(self.asked_page, self.last_page)

    @cached_property
    def documents(self) -> list[Document]:
        of_page = Document.objects.filter(pk__in=self._keys).select_related("owner").order_by("-created_at", "-id")
        return list(tagging.with_tags(progress.with_running(of_page)))

    @property
    def _keys(self) -> Any:
        """Of this page's documents, chosen first: what is told of each is counted for these alone."""
        if self.asked.asks:
            rows = self._found if self.page == self.asked_page else self._found_on(self.page)
            return [row["pk"] for row in rows if not row["elsewhere"]]
        start = (self.page - 1) * self.rows_a_page
        return self.named.filter(COUNTED[self.state or "all"]).values("pk")[start : start + self.rows_a_page]

    @cached_property
    def rows(self) -> list[Row]:
        return rows_for(self.documents, self.user, self.asked)

    @cached_property
    def hosts(self) -> progress.Hosts:
        return progress.hosts()

    @cached_property
    def seen(self) -> str:
        """The print of the whole screen; a poll that has it is answered with nothing."""
        hosts = (self.hosts.busy_slots, self.hosts.open_slots, self.hosts.no_backend, self.hosts.no_room)
        return digest(progress.fingerprint(self.documents), self.own, *hosts, sorted(self.counts.items()))

    @property
    def live(self) -> bool:
        """Whether anything on it can change by itself."""
        return any(d.status not in ENDED_DOCUMENTS for d in self.documents) or self.own.reading > 0

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
        values = self._values | {"page": self.page} | changes
        kept = {name: value for name, value in values.items() if value and (name, value) != ("page", 1)}
        return "?" + urlencode(kept)

    @property
    def _values(self) -> dict[str, Any]:
        return self.said | {"state": self.state, "review": int(self.said["review"])}

    @property
    def kept(self) -> list[tuple[str, str]]:
        """What a new search keeps: every filter that is on."""
        narrowing = {name: value for name, value in self._values.items() if name not in ("q", "page")}
        return [(name, str(value)) for name, value in narrowing.items() if value]

    @property
    def chips(self) -> list[dict[str, str]]:
        """The narrower filters that are on, in words, each with the list without it."""
        return [
            {"name": name, "words": words.format(self.said[name]), "without": self.query(**{name: "", "page": 1})}
            for name, words in CHIP_WORDS.items()
            if self.said[name]
        ]

    @property
    def filtered(self) -> bool:
        return bool(self.q or self.state or self.chips)

    @property
    def words_to_begin(self) -> str:
        """The search with its last word left open: what to try when whole words find nothing."""
        last = self.asked.wanted[-1] if self.asked.wanted else None
        if last is None or last.begins or not self.q.endswith(last.typed) or len(last.words[-1]) < MIN_BEGINNING:
            return ""
        return f"{self.q}*"

    @property
    def begun(self) -> str:
        return self.query(q=self.words_to_begin, page=1)

    @property
    def words_query(self) -> str:
        """`?q=` for the address of a page, which shows there what was found."""
        return "?" + urlencode({"q": self.q}) if self.q else ""

    @property
    def empty(self) -> bool:
        """Nothing was ever uploaded: what is missing is not a match but a first document."""
        return not self.q and not self.chips and not self.counts["all"]


class Choices:
    """What the filters can be set to, for one person."""

    def __init__(self, user: Any) -> None:
        self.user = user

    @property
    def backends(self) -> list[str]:
        return list(Backend.objects.in_name_order().values_list("name", flat=True))

    @property
    def owners(self) -> list[str]:
        """For administrators; the others see only their own."""
        return finding.owners() if self.user.is_superuser else []

    @property
    def tags(self) -> list[str]:
        return tagging.in_use(self.user)
