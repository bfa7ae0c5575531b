"""Free slots to waiting pages: one short transaction under one lock, then one message a page.

The database alone knows the truth. The broker never holds more than the slots can take, a cancelled document stops at
once, and an urgent one overtakes at the next free slot.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import structlog
from django.db import connection, transaction

from jobs.domain import circuit, routing, scheduling
from jobs.domain.policies import Policy
from jobs.domain.statuses import OPEN_DOCUMENTS
from jobs.models import Backend
from jobs.services import routing as routing_service
from jobs.services import statements as sql

log = structlog.get_logger(__name__)
LOCK_KEY = 0x0C55  # any number, the same in every process: the advisory lock of dispatch on PostgreSQL
LOOK_AHEAD_PAGES = 1000  # drawn pages are bounded (scheduling.next_to_draw); this bounds what is read of them


@dataclass(frozen=True)
class Dispatched:
    """`leases` to send messages for; `waiting`: drawn pages that found no slot."""

    leases: tuple[int, ...] = ()
    waiting: int = 0


@dataclass(frozen=True)
class _Host:
    backend: Backend
    snapshot: routing.BackendSnapshot
    open_slots: int


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
        _lock()
        hosts = _hosts()
        free = _free(hosts)
        if not any(count > 0 for count in free.values()):
            return Dispatched()
        rows = _waiting_rows()
        if not rows:
            return Dispatched()
        policy = routing_service.in_force()
        waiting = _waiting_pages(rows, hosts, policy, free)
        given = scheduling.assign(waiting, free, _in_flight())
        leases = _write(given, hosts, {page.page_id: page for page in waiting})
    for assignment in given:
        log.debug("page.assigned", page=assignment.page_id, backend=assignment.backend)
    return Dispatched(tuple(leases), len(rows) - len(leases))


def _lock() -> None:
    """One dispatcher at a time, over all machines. SQLite's transaction is IMMEDIATE: it holds the only write lock."""
    if connection.vendor == "postgresql":
        sql.fetch("SELECT pg_advisory_xact_lock(%s)", [LOCK_KEY])


def _hosts() -> list[_Host]:
    backends = Backend.objects.filter(lifecycle__in=["active", "checking", "draining", "planned", "disabled"])
    hosts = []
    for backend in backends.select_related("health").in_name_order():
        health = getattr(backend, "health", None)
        state = circuit.from_json(health.circuit if health else {})
        may_take = backend.lifecycle == "active"
        slots = circuit.open_slots(state, backend.slots, backend.queue_ahead) if may_take else 0
        hosts.append(_Host(backend, routing_service.snapshot(backend), slots))
    return hosts


def _free(hosts: Iterable[_Host]) -> dict[str, int]:
    """Open slots less leases of every kind. On PostgreSQL counted after the lock, in a statement of its own."""
    held: dict[int, int] = dict(sql.fetch("SELECT backend_id, count(*) FROM jobs_slotlease GROUP BY backend_id"))
    return {host.backend.name: host.open_slots - held.get(host.backend.pk, 0) for host in hosts}


def _waiting_rows() -> list[sql.Row]:
    states = sorted(OPEN_DOCUMENTS)
    return sql.fetch(
        f"""SELECT p.id, p.document_id, p.number, p.claims, p.avoid, d.owner_id, d.priority_rank,
                   COALESCE(NULLIF(p.wanted_backend, ''), d.wanted_backend),
                   {sql.seconds_since("d.created_at")}
            FROM jobs_page p JOIN jobs_document d ON d.id = p.document_id
            WHERE p.status = 'rendered' AND d.status IN ({sql.marks(states)})
              AND (p.not_before IS NULL OR p.not_before <= {sql.now()})
            ORDER BY d.priority_rank, d.created_at, p.claims, p.number LIMIT {LOOK_AHEAD_PAGES}""",
        states,
    )


def _in_flight() -> scheduling.InFlight:
    by_owner: Counter[int] = Counter()
    by_document: Counter[str] = Counter()
    suspects = 0
    rows = sql.fetch(
        """SELECT d.owner_id, p.document_id, p.claims FROM jobs_slotlease l
           JOIN jobs_page p ON p.id = l.page_id JOIN jobs_document d ON d.id = p.document_id"""
    )
    for owner, document, claims in rows:
        by_owner[owner] += 1
        by_document[sql.document_key(document)] += 1
        suspects += claims > 0
    return scheduling.InFlight(by_owner, by_document, suspects)


def _waiting_pages(
    rows: list[sql.Row], hosts: list[_Host], policy: Policy, free: dict[str, int]
) -> list[scheduling.WaitingPage]:
    choices = _Choices([host.snapshot for host in hosts], policy, free)
    return [
        scheduling.WaitingPage(
            page_id=page,
            document=sql.document_key(document),
            number=number,
            owner=owner,
            priority_rank=rank,
            age_seconds=float(age),
            candidates=choices.of(wanted, _names(avoid), rank),
            suspect=claims > 0,
        )
        for page, document, number, claims, avoid, owner, rank, wanted, age in rows
    ]


def _names(avoid: Any) -> tuple[str, ...]:
    """SQLite hands JSON over as text, PostgreSQL decoded."""
    return tuple(json.loads(avoid) if isinstance(avoid, str) else avoid or ())


class _Choices:
    """Where a page may run now, worked out once for each wanted backend and each list of backends to avoid."""

    def __init__(self, backends: list[routing.BackendSnapshot], policy: Policy, free: dict[str, int]) -> None:
        self._backends, self._policy, self._free = backends, policy, free
        self._able = {b.name for b in backends if not routing.obstacle(b, policy, backends)}
        self._known: dict[tuple[str, tuple[str, ...], int], tuple[str, ...]] = {}
        self._gpus = [b.name for b in backends if b.kind == "gpu"]

    def of(self, wanted: str, avoid: tuple[str, ...], rank: int) -> tuple[str, ...]:
        key = (wanted, avoid, rank)
        if key not in self._known:
            self._known[key] = self._work_out(wanted, avoid, rank)
        return self._known[key]

    def _work_out(self, wanted: str, avoid: tuple[str, ...], rank: int) -> tuple[str, ...]:
        chain = [n for n in routing.candidates(wanted, self._policy, self._backends) if n in self._able]
        fresh = [name for name in chain if name not in avoid]
        chosen = (fresh or chain)[:1]
        if chosen and self._may_spread(chosen[0], rank):
            chosen += [n for n in self._others(chosen[0]) if n not in avoid and n not in chosen]
        return tuple(chosen)

    def _may_spread(self, target: str, rank: int) -> bool:
        if self._policy.spread == "free":
            return True
        rule = self._policy.overload_rule
        if self._policy.spread != "overload" or rule is None or target != self._policy.default_backend:
            return False
        if self._free.get(target, 0) > 0 or self._free.get(rule.backend, 0) <= 0 or rule.threshold is None:
            return False
        return routing_service.queue_depth(rank, target) > rule.threshold

    def _others(self, target: str) -> list[str]:
        """By free capacity, the roomiest first: unequal backends share by what they can take, not by count."""
        if self._policy.spread == "overload":
            rule = self._policy.overload_rule
            return [rule.backend] if rule and rule.backend in self._able else []
        able = [name for name in self._gpus if name in self._able and name != target]
        return sorted(able, key=lambda name: -self._free.get(name, 0))


def _write(
    given: list[scheduling.Assignment], hosts: list[_Host], pages: dict[int, scheduling.WaitingPage]
) -> list[int]:
    if not given:
        return []
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
    leases = [
        _lease(backend_ids[assignment.backend], assignment.page_id)
        for assignment in given
        if assignment.page_id in taken
    ]
    documents = sorted({pages[page].document for page in taken})
    if documents:
        sql.change(
            f"""UPDATE jobs_document SET status = 'processing', started_at = COALESCE(started_at, {sql.now()}),
                revision = revision + 1 WHERE status IN ('queued', 'processing') AND id IN ({sql.marks(documents)})""",
            [sql.document_id(name) for name in documents],
        )
    return leases


def _lease(backend_id: int, page_id: int) -> int:
    rows = sql.fetch(
        f"""INSERT INTO jobs_slotlease (backend_id, page_id, kind, holder, rule, reason, assigned_at, sent_at, sends)
            VALUES (%s, %s, 'page', '', '', '', {sql.now()}, {sql.now()}, 1) RETURNING id""",
        [backend_id, page_id],
    )
    return int(rows[0][0])
