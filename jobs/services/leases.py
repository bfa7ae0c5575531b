"""Leases: claimed by a worker, renewed while it lives, taken back when it does not.

A lease's id is the fencing token of what it covers: whatever a worker brings back under a lease that is no longer its
own is discarded.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from django.conf import settings
from django.db import DatabaseError, close_old_connections, connection, transaction

from jobs.domain import attempts
from jobs.domain.failures import Outcome
from jobs.domain.statuses import PageStatus
from jobs.gateways import processes
from jobs.models import Attempt, Page, SlotLease
from jobs.services import outcomes, routing, settling, tallies
from jobs.services import statements as sql
from jobs.services.settling import Claim

log = structlog.get_logger(__name__)


def claim(lease_id: int) -> Claim | None:
    """Take an assigned lease for this process; None when somebody else has it, or it is gone. The page then runs."""
    holder = processes.identity()
    with transaction.atomic():
        rows = sql.fetch(
            f"""UPDATE jobs_slotlease SET holder = %s, claimed_at = {sql.now()}, expires_at = {sql.now_plus()}
                WHERE id = %s AND holder = '' RETURNING page_id, backend_id""",
            [holder, settings.LEASE_SECONDS, lease_id],
        )
        if not rows or rows[0][0] is None:
            return None
        page_id, backend_id = rows[0]
        if not sql.change("UPDATE jobs_page SET status = 'running' WHERE id = %s AND status = 'assigned'", [page_id]):
            # Cancelled or taken back between assignment and now: the slot is free again.
            sql.change("DELETE FROM jobs_slotlease WHERE id = %s", [lease_id])
            return None
    return Claim(lease_id, page_id, backend_id, holder)


class Keeper(threading.Thread):
    """Renews what this process holds, with one statement every few seconds, and rings for what it holds no longer."""

    def __init__(self) -> None:
        super().__init__(name="lease-keeper", daemon=True)
        self._held: dict[int, threading.Event] = {}
        self._drawn: set[str] = set()
        self._unstored: list[Claim] = []
        self._guard = threading.Lock()
        self._ended = threading.Event()

    def run(self) -> None:
        while not self._ended.wait(settings.LEASE_RENEW_SECONDS):
            try:
                close_old_connections()
                self.renew()
            except DatabaseError:
                # The database is away: leases run out if it stays away, and whoever comes back late is fenced off.
                log.warning("leases.not_renewed", held=len(self._held), exc_info=True)
        connection.close()

    def end(self) -> None:
        self._ended.set()

    @contextmanager
    def holding(self, lease_id: int) -> Iterator[threading.Event]:
        """Renew the lease while the block runs. The event rings when it is lost, or its page was cancelled."""
        lost = threading.Event()
        with self._guard:
            self._held[lease_id] = lost
        try:
            yield lost
        finally:
            with self._guard:
                self._held.pop(lease_id, None)

    @contextmanager
    def drawing(self, document: str) -> Iterator[None]:
        """Keep others from drawing the same document while the block runs."""
        with self._guard:
            self._drawn.add(document)
        try:
            yield
        finally:
            with self._guard:
                self._drawn.discard(document)

    def could_not_store(self, claim: Claim) -> None:
        """The call is over, and the database took nothing: the page goes back and the slot is free once it answers.
        Else the slot would stay taken for as long as a call may last."""
        with self._guard:
            self._unstored.append(claim)

    def renew(self) -> None:
        with self._guard:
            held, drawn = dict(self._held), sorted(self._drawn)
        if held:
            kept = set(self._renew_leases(sorted(held)))
            for lease_id, lost in held.items():
                if lease_id not in kept:
                    lost.set()
        if drawn:
            sql.change(
                f"UPDATE jobs_document SET drawing_until = {sql.now_plus()} WHERE id IN ({sql.marks(drawn)})",
                [settings.LEASE_SECONDS, *(sql.document_id(key) for key in drawn)],
            )
        self._give_up_unstored()

    def _give_up_unstored(self) -> None:
        with self._guard:
            claims = list(self._unstored)
        for claim in claims:
            for lease in SlotLease.objects.filter(pk=claim.lease_id, holder=claim.holder):
                _take_back(lease, call_over=True, reason="What was read could not be stored.")
            with self._guard:
                self._unstored.remove(claim)

    def _renew_leases(self, ids: list[int]) -> list[int]:
        """Renew and name those that are still ours and whose page still runs."""
        rows = sql.fetch(
            f"""UPDATE jobs_slotlease SET expires_at = {sql.now_plus()}
                WHERE holder = %s AND id IN ({sql.marks(ids)})
                  AND EXISTS (SELECT 1 FROM jobs_page p WHERE p.id = jobs_slotlease.page_id AND p.status = 'running')
                RETURNING id""",
            [settings.LEASE_SECONDS, processes.identity(), *ids],
        )
        return [int(row[0]) for row in rows]


keeper = Keeper()


def start_keeper() -> None:
    keeper.start()


def stop_keeper() -> None:
    """End renewing, and give back what this process still holds: it is about to exit, which also ends its calls."""
    keeper.end()
    given_back = give_back(processes.identity())
    if given_back:
        log.info("leases.given_back", pages=given_back)


def give_back(holder: str) -> int:
    """Pages that a worker holds go back to the queue without charge: it stops in good order. Returns how many."""
    held = SlotLease.objects.filter(holder=holder, page__isnull=False)
    return sum(hand_back(Claim(lease.pk, lease.page_id or 0, lease.backend_id, holder)) for lease in held)


def hand_back(claim: Claim) -> bool:
    """One page goes back to the queue, unread and without charge. False when the lease was lost already."""
    with transaction.atomic():
        if not SlotLease.objects.filter(pk=claim.lease_id, holder=claim.holder).delete()[0]:
            return False
        settling.move_page(Page.objects.get(pk=claim.page_id), attempts.Step(PageStatus.RENDERED))
    return True


def to_send_again() -> list[int]:
    """Leases that were assigned but never claimed: their message was lost with the broker's memory, or no worker runs.

    The wait grows to six times, so that messages do not pile up while no worker runs.
    """
    patience = f"{settings.RESEND_SECONDS} * (CASE sends WHEN 1 THEN 1 WHEN 2 THEN 2 ELSE 6 END)"
    rows = sql.fetch(
        f"""UPDATE jobs_slotlease SET sent_at = {sql.now()}, sends = CASE sends WHEN 3 THEN 3 ELSE sends + 1 END
            WHERE holder = '' AND page_id IS NOT NULL AND {sql.seconds_since("sent_at")} >= {patience} RETURNING id"""
    )
    return [int(row[0]) for row in rows]


def take_back_dead() -> int:
    """Take back what dead workers held: at once where the worker surely died, else when its lease has run out."""
    expired = {
        row[0]
        for row in sql.fetch(
            f"SELECT id FROM jobs_slotlease WHERE holder <> '' AND page_id IS NOT NULL AND expires_at < {sql.now()}"
        )
    }
    count = 0
    for lease in SlotLease.objects.exclude(holder="").filter(page__isnull=False):
        gone = processes.is_gone(lease.holder)
        if gone or lease.pk in expired:
            count += _take_back(lease, call_over=gone, reason="The worker reading it died.")
    return count + _forget_ghosts()


def _take_back(lease: SlotLease, *, call_over: bool, reason: str) -> int:
    """The page goes back, its claims counted. A worker that may only be paused still has its call in flight: the slot
    stays taken, without a page, until the call's own deadline."""
    with transaction.atomic():
        if call_over:
            taken = SlotLease.objects.filter(pk=lease.pk, holder=lease.holder).delete()[0]
        else:
            taken = sql.change(
                f"""UPDATE jobs_slotlease SET page_id = NULL, expires_at = {sql.now_plus()}
                    WHERE id = %s AND holder = %s AND expires_at < {sql.now()}""",
                [settings.CALL_SECONDS, lease.pk, lease.holder],
            )
        page = Page.objects.select_for_update().filter(pk=lease.page_id or 0, status=PageStatus.RUNNING).first()
        if not taken or page is None:
            return int(bool(taken))
        _charge(page, lease, reason)
    log.warning("page.taken_back", page=page.number, document=str(page.document_id), lease=lease.pk, reason=reason)
    return 1


def _charge(page: Page, lease: SlotLease, reason: str) -> None:
    """A worker that died cannot tell of its host's death: the page was there at both."""
    began = lease.claimed_at or lease.assigned_at
    step = attempts.after_worker_death(page.claims + 1)
    if outcomes.died_since(lease.backend, began):
        page.engine_deaths += 1
        limit = routing.in_force().failover.quarantine_deaths
        step = attempts.after_both_deaths(step, engine_deaths=page.engine_deaths, quarantine_deaths=limit)
    page.claims += step.claim
    reason = reason if step.status is PageStatus.RENDERED else step.reason
    Attempt.objects.create(
        page=page,
        backend=lease.backend.name,
        outcome=Outcome.LOST,
        reason=reason,
        rule=lease.rule,
        decision=settling.decision_of(lease.rule, lease.reason, lease.decision),
        lease=lease.pk,
        started_at=began,
    )
    page.save(update_fields=["claims", "engine_deaths"])
    settling.move_page(page, step)
    tallies.add(backend=lease.backend.name, outcome=str(Outcome.LOST), seconds=0.0)


def _forget_ghosts() -> int:
    """Slots whose lost call has passed its deadline, or whose worker has died since, are free again."""
    ghosts = SlotLease.objects.exclude(holder="").filter(page__isnull=True)
    gone = [lease.pk for lease in ghosts if processes.is_gone(lease.holder)]
    freed = sql.change(
        f"DELETE FROM jobs_slotlease WHERE page_id IS NULL AND holder <> '' AND expires_at < {sql.now()}"
    )
    return freed + (SlotLease.objects.filter(pk__in=gone).delete()[0] if gone else 0)
