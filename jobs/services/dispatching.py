"""Free slots to waiting pages: one short transaction under one lock, then at most one message a page.

The database alone knows the truth. The broker never holds more than the slots can take, a cancelled document stops at
once, and an urgent one overtakes at the next free slot.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog
from django.db import transaction

from jobs.domain import circuit, placing, routing, scheduling
from jobs.domain.placing import Placement, Site
from jobs.domain.policies import Policy
from jobs.models import Backend
from jobs.services import current_backends, heads, queues, slots
from jobs.services import routing as routing_service
from jobs.services import statements as sql
from jobs.services.heads import Head
from jobs.services.queues import OpenDocument

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Dispatched:
    """`leases` to send messages for; `waiting`: drawn pages that were looked at and found no slot."""

    leases: tuple[int, ...] = ()
    waiting: int = 0


@dataclass(frozen=True)
class _Host:
    backend: Backend
    snapshot: routing.BackendSnapshot
    open_slots: int
    ahead: int  # how many of those are beyond its slots


class _OneAtATime:
    """Calls that come together become one: whoever comes while one runs leaves a note, and the runner goes again."""

    def __init__(self) -> None:
        self._running = threading.Lock()
        self._wanted = threading.Event()

    def run(self, work: Callable[[], None]) -> None:
        self._wanted.set()
        # After letting go of the lock look at the note again: it may have been left in between.
        while self._wanted.is_set() and self._running.acquire(blocking=False):
            try:
                self._wanted.clear()
                work()
            finally:
                self._running.release()


_gate = _OneAtATime()


def dispatch(send: Callable[[int], object]) -> Dispatched:
    """Give free slots to waiting pages and call `send(lease_id)` for each, after the transaction has committed.

    If another thread of this process dispatches already it is told to look again, and this call returns at once.
    """
    total: list[Dispatched] = []

    def work() -> None:
        done = assign_slots()
        for lease in done.leases:
            send(lease)
        total.append(done)

    _gate.run(work)
    return Dispatched(tuple(lease for done in total for lease in done.leases), total[-1].waiting if total else 0)


def assign_slots() -> Dispatched:
    """One round: read, decide, write. Returns the new leases; the caller sends their messages."""
    with transaction.atomic():
        slots.lock()
        hosts = _hosts()
        in_flight = _in_flight(hosts)
        free = {host.backend.name: host.open_slots - in_flight.by_backend[host.backend.name] for host in hosts}
        if not any(count > 0 for count in free.values()):
            return Dispatched()
        documents = queues.open_documents()
        if not any(document.drawn for document in documents):
            return Dispatched()
        round_ = _Round(hosts, free, documents, routing_service.in_force())
        waiting = round_.waiting()
        places = _places(hosts, sum(document.waiting for document in documents))
        given = scheduling.assign([page for page, _ in waiting.values()], free, in_flight, places)
        leases, placed = _write(given, hosts, waiting)
    for line in placed:
        log.info("page.assigned", **line)
    return Dispatched(tuple(leases), len(waiting) - len(leases))


def _hosts() -> list[_Host]:
    hosts = []
    for backend in current_backends.in_name_order():
        health = getattr(backend, "health", None)
        state = circuit.from_json(health.circuit if health else {})
        may_take = backend.lifecycle == "active"
        count = circuit.open_slots(state, backend.slots, backend.queue_ahead) if may_take else 0
        ahead = max(0, count - backend.slots)
        hosts.append(_Host(backend, routing_service.snapshot(backend), count, ahead))
    return hosts


def _places(hosts: Iterable[_Host], pages_waiting: int) -> scheduling.Places:
    """What hosts that take work now take in all: what is shut has no slot for which a page could wait."""
    open_ones = [host for host in hosts if host.open_slots > 0]
    return scheduling.Places(
        {host.backend.name: host.open_slots for host in open_ones},
        {host.backend.name: host.ahead for host in open_ones},
        pages_waiting,
    )


def _in_flight(hosts: Iterable[_Host]) -> scheduling.InFlight:
    """Leases of every kind. On PostgreSQL read after the lock, in a statement of its own."""
    names = {host.backend.pk: host.backend.name for host in hosts}
    by_owner: Counter[int] = Counter()
    by_document: Counter[str] = Counter()
    by_backend: Counter[str] = Counter()
    suspect_at, lost_at = [], []
    rows = sql.fetch(
        """SELECT l.backend_id, l.kind, d.owner_id, p.document_id, p.claims, p.engine_deaths FROM jobs_slotlease l
           LEFT JOIN jobs_page p ON p.id = l.page_id LEFT JOIN jobs_document d ON d.id = p.document_id"""
    )
    for backend_id, kind, owner, document, claims, deaths in rows:
        name = names[backend_id]
        by_backend[name] += 1
        if document is not None:
            by_owner[owner] += 1
            by_document[sql.document_key(document)] += 1
            if claims or deaths:
                suspect_at.append(name)
        elif kind == "page":
            lost_at.append(name)  # its worker may only be paused: see leases.take_back_dead
    return scheduling.InFlight(
        by_owner, by_document, len(suspect_at), by_backend, frozenset(suspect_at), frozenset(lost_at)
    )


class _Round:
    """What one round reads: which documents' turn it may be, the heads of their pages, and where each may run."""

    def __init__(
        self, hosts: list[_Host], free: Mapping[str, int], documents: list[OpenDocument], policy: Policy
    ) -> None:
        self._free, self._documents, self._policy = free, documents, policy
        default = next((h.backend for h in hosts if h.backend.name == policy.default_backend), None)
        self._depths = queues.depths(documents, policy.default_backend, queues.waiting_at_host(default))
        state = queues.observe(default, policy, self._depths)
        self._site = Site(policy, [host.snapshot for host in hosts], free, state)
        self._placements: dict[tuple[Any, ...], Placement] = {}

    def waiting(self) -> dict[int, tuple[scheduling.WaitingPage, Placement]]:
        """Pages that might get a slot now, by id, each with where it may run."""
        chosen = {document.key: document for document in self._chosen()}
        rows = heads.of(list(chosen), self._heads_each(len(chosen)))
        avoided, waited = heads.avoided(rows), heads.waited([row.page for row in rows if row.suspect])
        choices = _choices({row.document: chosen[row.document] for row in rows})
        found = {}
        for row in rows:
            document = chosen[row.document]
            placement = self._place(_choice(row, choices), document, avoided.get(row.page, {}))
            found[row.page] = (
                _waiting_page(row, document, placement, waited.get(row.page, document.age_seconds)),
                placement,
            )
        return found

    def _chosen(self) -> list[OpenDocument]:
        """Documents whose turn it may be: of each group that is placed alike, as many as there are free slots, first
        those that scheduling puts first. So a page in a long row behind others is never overlooked, and what is read
        does not grow with the row."""
        slots_free = sum(max(0, count) for count in self._free.values())
        groups: dict[tuple[Any, ...], list[OpenDocument]] = {}
        for document in self._documents:
            if document.drawn:
                leaves = placing.may_leave(self._depths[document.key], self._site) is not None
                groups.setdefault((document.rank, document.owner, document.wanted, leaves), []).append(document)
        chosen: list[OpenDocument] = []
        for group in groups.values():
            chosen += sorted(group, key=lambda d: (d.in_flight, -d.age_seconds))[:slots_free]
        return chosen

    def _heads_each(self, documents: int) -> int:
        """Pages to read of each document: all slots' worth where there are few documents, less where there are many."""
        slots_free = sum(max(0, count) for count in self._free.values())
        return min(slots_free, max(4, 2 * slots_free // max(1, documents)))

    def _place(self, choice: placing.Choice, document: OpenDocument, avoided: dict[str, str]) -> Placement:
        depth = self._depths[document.key]
        key = (choice, depth, tuple(avoided.items()))
        if key not in self._placements:
            self._placements[key] = placing.place(choice, self._site, depth=depth, avoided=avoided)
        return self._placements[key]


def _choices(documents: Mapping[str, OpenDocument]) -> dict[str, placing.Choice]:
    """Where each document's decision sends its pages. One query."""
    if not documents:
        return {}
    rows = sql.fetch(
        f"SELECT id, decision FROM jobs_document WHERE id IN ({sql.marks(list(documents))})",
        [sql.document_id(key) for key in documents],
    )
    decisions = {sql.document_key(key): sql.decoded(decision) for key, decision in rows}
    return {key: placing.choice_of(decisions.get(key), document.wanted) for key, document in documents.items()}


def _choice(row: Head, of_documents: Mapping[str, placing.Choice]) -> placing.Choice:
    """Where the page wants to be read: where somebody asked for it to be read again, else where its document goes."""
    return placing.Choice(row.wanted, None, "asked for") if row.wanted else of_documents[row.document]


def _waiting_page(
    row: Head, document: OpenDocument, placement: Placement, waited_seconds: float
) -> scheduling.WaitingPage:
    return scheduling.WaitingPage(
        page_id=row.page,
        document=row.document,
        number=row.number,
        owner=document.owner,
        priority_rank=document.priority_rank,
        age_seconds=document.age_seconds,
        candidates=placement.candidates,
        suspect=row.suspect,
        spread=placement.spread,
        waited_seconds=waited_seconds,
    )


def _write(
    given: list[scheduling.Assignment],
    hosts: list[_Host],
    waiting: Mapping[int, tuple[scheduling.WaitingPage, Placement]],
) -> tuple[list[int], list[dict[str, Any]]]:
    """Mark the pages assigned, make their leases. Returns the leases, and for each what the log says of it."""
    if not given:
        return [], []
    ids = [assignment.page_id for assignment in given]
    taken = {
        row[0]
        for row in sql.fetch(
            f"""UPDATE jobs_page SET status = 'assigned'
                WHERE id IN ({sql.marks(ids)}) AND status = 'rendered' RETURNING id""",
            ids,
        )
    }
    backend_ids = {host.backend.name: host.backend.pk for host in hosts}
    leases, lines = [], []
    for assignment in given:
        if assignment.page_id in taken:
            page, placement = waiting[assignment.page_id]
            decision = placement.decision(assignment.backend)
            leases.append(_lease(backend_ids[assignment.backend], assignment.page_id, decision))
            told = {"page": page.number, "document": str(UUID(page.document)), "backend": assignment.backend}
            lines.append({**told, "rule": decision["rule"], "reason": decision["reason"]})
    _begin_documents(sorted({waiting[page][0].document for page in taken}))
    return leases, lines


def _begin_documents(documents: list[str]) -> None:
    if documents:
        sql.change(
            f"""UPDATE jobs_document SET status = 'processing', started_at = COALESCE(started_at, {sql.now()}),
                revision = revision + 1 WHERE status IN ('queued', 'processing') AND id IN ({sql.marks(documents)})""",
            [sql.document_id(name) for name in documents],
        )


def _lease(backend_id: int, page_id: int, decision: dict[str, Any]) -> int:
    rows = sql.fetch(
        f"""INSERT INTO jobs_slotlease
                (backend_id, page_id, kind, holder, rule, reason, decision, assigned_at, sent_at, sends)
            VALUES (%s, %s, 'page', '', %s, %s, %s, {sql.now()}, {sql.now()}, 1) RETURNING id""",
        [backend_id, page_id, decision["rule"] or "", decision["reason"], json.dumps(decision)],
    )
    return int(rows[0][0])
