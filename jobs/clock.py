"""The clock: whatever must happen though nobody asks. Any number of processes, one leader by a lease in the database.

Each duty survives running twice, so a leader that comes back late does no harm.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import structlog
from django.conf import settings
from django.db import DatabaseError, close_old_connections

from jobs import actors, errors
from jobs.gateways import processes, uploads
from jobs.services import backends, leading, leases, notices, preparing, retention, sampling, trash
from jobs.services.probing import Probes

log = structlog.get_logger(__name__)
FORGOTTEN_SECONDS = 3600.0  # no upload takes an hour and is still alive without having been touched
PRUNE_SECONDS = 3600.0
NOTICES_SECONDS = 15.0
TRASH_SECONDS = 30.0
RETENTION_SECONDS = 60.0
SWEEP_SECONDS = 86_400.0


class Duty:
    """Something done every so often. A failure is logged and does not keep the others from their turn."""

    def __init__(self, work: Callable[[], object], every_seconds: float) -> None:
        self.work, self.every_seconds, self._due = work, every_seconds, 0.0

    def run_if_due(self, now: float) -> None:
        if now < self._due:
            return
        self._due = now + self.every_seconds
        try:
            self.work()
        except (DatabaseError, errors.OcrsiteError):
            log.exception("clock.duty_failed", duty=self.work.__name__)


def take_back() -> None:
    """What dead workers held goes back to the queue."""
    if leases.take_back_dead():
        actors.dispatch_now()


def send_again() -> None:
    """Messages that were lost: of leases nobody claimed, of documents nobody prepared, of pages nobody draws."""
    for lease_id in leases.to_send_again():
        actors.send(actors.recognize, lease_id)
    for document in preparing.unprepared():
        actors.send(actors.prepare, str(document))
    if preparing.something_to_draw():
        actors.send(actors.draw)


def fill_slots() -> None:
    backends.finish_drains()
    actors.dispatch_now()


_probes = Probes(actors.dispatch_now)


def probe_hosts() -> None:
    """Only begins: a host that hangs must not keep the other duties waiting."""
    _probes.start_round()


def tell_owners() -> None:
    """Mails about long documents that are done, where a mail server is configured."""
    for document in notices.due():
        actors.send(actors.tell_owner, str(document))


def sweep_uploads() -> None:
    """What a killed web server left of uploads that never ended."""
    uploads.remove_forgotten(FORGOTTEN_SECONDS)


def prune_samples() -> None:
    """What the charts show no more."""
    sampling.prune()


def empty_trash() -> None:
    """What has lain in the trash for long enough, and what somebody was killed over while removing it. By a worker:
    counting and removing thousands of files takes longer than the clock may stand still."""
    if trash.something_to_remove():
        actors.send(actors.clear_trash)


def keep_to_the_rules() -> None:
    """What the retention rules say goes, a slice at a time."""
    if retention.anything_is_on():
        actors.send(actors.apply_retention)


def sweep_files() -> None:
    """Files without a document. By a worker: walking a large store takes longer than the clock may stand still."""
    actors.send(actors.sweep_files)


def duties() -> list[Duty]:
    every = settings.CLOCK_SECONDS
    return [
        Duty(take_back, every),
        Duty(send_again, every),
        Duty(fill_slots, every),
        Duty(probe_hosts, settings.PROBE_SECONDS),
        Duty(tell_owners, NOTICES_SECONDS),
        Duty(sweep_uploads, FORGOTTEN_SECONDS),
        Duty(prune_samples, PRUNE_SECONDS),
        Duty(empty_trash, TRASH_SECONDS),
        Duty(keep_to_the_rules, RETENTION_SECONDS),
        Duty(sweep_files, SWEEP_SECONDS),
    ]


def run(stop: threading.Event) -> None:
    """Do the duties until `stop` rings, whenever this process leads."""
    work = duties()
    while not stop.is_set():
        close_old_connections()
        try:
            if leading.lead(processes.identity(), seconds=settings.LEASE_SECONDS):
                for duty in work:
                    duty.run_if_due(time.monotonic())
        except DatabaseError:
            log.exception("clock.database_away")
        stop.wait(settings.CLOCK_SECONDS / 2)
    leading.resign(processes.identity())
