"""How far documents are, for people who watch: a constant number of queries, however many pages there are."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db.models import Count, F, Func, IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from jobs.domain import circuit, statuses
from jobs.domain.statuses import DocumentStatus, PageCounts, PageStatus
from jobs.gateways import disk
from jobs.models import Backend, Document, Page, RoutingPolicy, SlotLease
from jobs.services import reviewing
from jobs.services import routing as routing_service

# How many rows a subquery has: Django's own Count would group them.
COUNT = Func("pk", function="COUNT", output_field=IntegerField())
OWN = ("own_documents", "own_reading", "own_waiting", "own_to_review")
STRIP_BARS = 44
STRIP_PAGES = 2000  # beyond, a strip shows shares instead of places: nobody sees the difference, a database does


@dataclass(frozen=True)
class Progress:
    counts: PageCounts
    eta_seconds: int | None
    ahead_documents: int


@dataclass(frozen=True)
class Cell:
    """One page on the wall."""

    number: int
    status: str
    needs_review: bool
    retried: bool
    reason: str


@dataclass(frozen=True)
class Own:
    """What one person may see, in numbers; `to_review` counts pages."""

    documents: int
    reading: int
    waiting_pages: int
    to_review: int


@dataclass(frozen=True)
class Hosts:
    """All backends with their health, what is in flight at them (`busy`), the pages of everybody's that wait for them,
    and what a CPU backend may do."""

    backends: Sequence[Backend]
    busy: int
    waiting_pages: int
    cpu: str

    @property
    def languages(self) -> list[str]:
        """What any of them can read."""
        known = (backend.health.languages for backend in self.backends if hasattr(backend, "health"))
        return sorted({language for languages in known for language in languages})

    @property
    def open_slots(self) -> int:
        return sum(_open_slots(backend) for backend in self.backends)

    @property
    def busy_slots(self) -> int:
        return min(self.busy, self.open_slots)

    @property
    def no_room(self) -> bool:
        """Whether the disk is nearly full, so that nothing new is taken in or drawn."""
        return disk.room().is_short

    @property
    def no_backend(self) -> str:
        """Why nothing can be read now, in one sentence; empty while something can."""
        told = routing_service.why_none_is_able(self.backends, self)
        if told is None:
            return ""
        return f"No host can read pages now: {told}. Uploads are accepted; pages wait and nothing is lost."


def of(documents: Sequence[Document]) -> dict[UUID, Progress]:
    """How far each document is. At most two queries, one where `with_running` counted already."""
    running = _running(documents)
    order = _waiting_order(documents)
    return {d.pk: _progress(d, running.get(d.pk, 0), order.get(d.pk, 0)) for d in documents}


def _running(documents: Sequence[Document]) -> dict[UUID, int]:
    under_way = [d.pk for d in documents if d.status in statuses.UNFINISHED_DOCUMENTS]
    if not under_way:
        return {}
    if all("running_pages" in d.__dict__ for d in documents):
        return {d.pk: d.running_pages for d in documents}  # type: ignore[attr-defined] # annotated by with_running
    rows = SlotLease.objects.filter(page__document__in=under_way, page__status=PageStatus.RUNNING)
    return dict(rows.values_list("page__document").annotate(n=Count("id")))


def with_running(documents: QuerySet[Document]) -> QuerySet[Document]:
    """The same documents, each with `running_pages`, so that whoever asks how far they are asks one query less."""
    leases = SlotLease.objects.filter(page__document=OuterRef("pk"), page__status=PageStatus.RUNNING).order_by()
    count = Subquery(leases.values_list(COUNT))
    return documents.annotate(running_pages=count)


def _waiting_order(documents: Sequence[Document]) -> dict[UUID, int]:
    """For documents that have not begun: how many go before them."""
    if not any(d.status == DocumentStatus.QUEUED for d in documents):
        return {}
    order = Document.objects.open().in_work_order().values_list("pk", flat=True)[:1000]
    return {key: place for place, key in enumerate(order)}


def _progress(document: Document, running: int, ahead: int) -> Progress:
    counts = PageCounts(
        document.page_count, document.pages_done, document.pages_failed, document.pages_cancelled, running
    )
    return Progress(counts, _eta(document, counts), ahead)


def _eta(document: Document, counts: PageCounts) -> int | None:
    """Seconds left at the speed so far; None before there is a speed to speak of."""
    if document.status != DocumentStatus.PROCESSING or not document.started_at or counts.ended < 1:
        return None
    if document.rerun_at is not None:
        return None  # its pages that ended say nothing of how fast the others are read again
    elapsed = (timezone.now() - document.started_at).total_seconds()
    return max(1, round(elapsed / counts.ended * (counts.total - counts.ended)))


def wall(document: Document) -> list[Cell]:
    """Every page's state, in order. One query; before the pages exist, waiting ones are shown in their place."""
    rows = document.pages.order_by("number").values_list(
        "number", "status", "needs_review", "host_failures", "claims", "reason"
    )
    cells = [
        Cell(n, status, review, bool(fails or claims), reason) for n, status, review, fails, claims, reason in rows
    ]
    return cells or [Cell(n + 1, PageStatus.PENDING.value, False, False, "") for n in range(document.page_count)]


def strips(documents: Sequence[Document], bars: int = STRIP_BARS) -> dict[UUID, list[str]]:
    """Each document as a row of bars, each the word of what it stands for: done, review, running, failed, quarantined,
    cancelled or waiting. One query."""
    small = [d.pk for d in documents if d.page_count <= STRIP_PAGES and d.prepared]
    words: dict[UUID, list[str]] = {}
    rows = Page.objects.filter(document__in=small).order_by("document_id", "number") if small else Page.objects.none()
    for key, status, review in rows.values_list("document_id", "status", "needs_review"):
        words.setdefault(key, []).append(_word(status, review))
    return {d.pk: _bars(words.get(d.pk) or _shares(d), bars) for d in documents}


def _word(status: str, needs_review: bool) -> str:
    if status in statuses.WAITING_PAGES:
        return "waiting"
    return "review" if needs_review and status == PageStatus.DONE else status


def _shares(document: Document) -> list[str]:
    done = document.pages_done - document.needs_review
    parts = [
        ("done", done),
        ("review", document.needs_review),
        ("failed", document.pages_failed),
        ("cancelled", document.pages_cancelled),
    ]
    words = [word for word, count in parts for _ in range(max(0, count))]
    return words + ["waiting"] * (document.page_count - len(words))


RANK = ("failed", "quarantined", "review", "running", "waiting", "cancelled", "done")


def _bars(words: list[str], bars: int) -> list[str]:
    """As many bars as asked for, whatever the number of pages. Where several pages share a bar what needs attention
    shows: a single failed page of a thousand is seen."""
    count = len(words)
    if not count:
        return ["waiting"] * bars
    spans = [words[i * count // bars : max(i * count // bars + 1, (i + 1) * count // bars)] for i in range(bars)]
    return [min(span, key=RANK.index) for span in spans]


def fingerprint(documents: Sequence[Document]) -> str:
    """Changes when anything a person may see of these documents changes. One query, none after
    `with_running`."""
    running = _running(documents)
    parts = [f"{d.pk.hex}.{d.revision}.{d.status}.{running.get(d.pk, 0)}" for d in documents]
    return hashlib.blake2b("|".join(parts).encode(), digest_size=8).hexdigest()


def counting(user: Any) -> dict[str, Subquery]:
    """The numbers of `Own`, by the names of OWN, as expressions: in a query about anything each is asked once."""
    mine = Document.objects.visible_to(user).order_by()
    under_way = mine.filter(status__in=sorted(statuses.OPEN_DOCUMENTS))
    return {
        "own_documents": _one(mine, COUNT),
        "own_reading": _one(mine.filter(status=DocumentStatus.PROCESSING), COUNT),
        "own_waiting": _one(under_way, _pages_left()),
        "own_to_review": _one(reviewing.waiting(user).select_related(None).order_by(), COUNT),
    }


def _pages_left() -> Coalesce:
    left = F("page_count") - F("pages_done") - F("pages_failed") - F("pages_cancelled")
    return Coalesce(Func(left, function="SUM", output_field=IntegerField()), 0)


def _one(rows: QuerySet[Any], expression: Any) -> Subquery:
    return Subquery(rows.values_list(expression))


def own(user: Any) -> Own:
    """One query."""
    person = get_user_model().objects.filter(pk=user.pk)
    return Own(*person.annotate(**counting(user)).values_list(*OWN).get())


def hosts() -> Hosts:
    """How busy they are, and whether any can take work. One query."""
    leases, under_way = SlotLease.objects.order_by(), Document.objects.open().order_by()
    rows = Backend.objects.select_related("health").annotate(
        in_flight=_one(leases.filter(backend=OuterRef("pk")), COUNT),
        pages_left=_one(under_way, _pages_left()),
        pages_sent=_one(leases.filter(page__document__in=under_way), COUNT),
        policy_cpu=Subquery(RoutingPolicy.objects.order_by("pk").values("cpu")[:1]),
    )
    known = list(rows)
    if not known:
        return Hosts((), 0, 0, "")
    waiting = max(0, known[0].pages_left - known[0].pages_sent)
    return Hosts(known, sum(host.in_flight for host in known), waiting, known[0].policy_cpu or "")


def _open_slots(backend: Backend) -> int:
    if backend.lifecycle != "active":
        return 0
    health = getattr(backend, "health", None)
    return circuit.open_slots(circuit.from_json(health.circuit if health else {}), backend.slots, 0)
