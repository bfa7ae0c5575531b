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
from jobs.services import (
    alert_mails,
    alerts,
    backends,
    benchmarking,
    delivering,
    events,
    leading,
    leases,
    notices,
    preparing,
    retention,
    rolling_up,
    sampling,
    trash,
)
from jobs.services.probing import Probes

log = structlog.get_logger(__name__)
FORGOTTEN_SECONDS = 3600.0  # no upload takes an hour and is still alive without having been touched
PRUNE_SECONDS = 3600.0
NOTICES_SECONDS = 15.0
ROLL_UP_SECONDS = 10.0
ALERTS_SECONDS = 10.0
CERTIFICATES_SECONDS = 3600.0
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
    benchmarking.find_dead()


def send_again() -> None:
    """Messages that were lost: of leases nobody claimed, of documents nobody prepared, of pages nobody draws, of
    benchmarks nobody began."""
    for lease_id in leases.to_send_again():
        actors.send(actors.recognize, lease_id)
    for document in preparing.unprepared():
        actors.send(actors.prepare, str(document))
    for benchmark_id in benchmarking.to_send_again():
        actors.send(actors.benchmark, benchmark_id)
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
    if notices.due():
        actors.send(actors.tell_owners)


def watch_alerts() -> None:
    """Compare what is found with the alert rules, then have administrators told of what is new."""
    alerts.look()
    if alert_mails.due():
        actors.send(actors.mail_alerts)


def ask_for_certificates() -> None:
    """A worker looks at them: a host that hangs must not keep the other duties waiting."""
    actors.send(actors.look_at_certificates)


def deliver_webhooks() -> None:
    """Messages that are due, the first time or again."""
    for webhook_id in delivering.due():
        actors.send(actors.deliver, webhook_id)


def sweep_uploads() -> None:
    """What a killed process left of uploads, drawings and exports that never ended."""
    uploads.remove_forgotten(FORGOTTEN_SECONDS)


def roll_up() -> None:
    """What ended since the last time goes into the minutes, hours and days of its host."""
    rolling_up.roll_up()


def prune_samples() -> None:
    """What the charts show no more."""
    sampling.prune()
    rolling_up.prune()


def prune_notices() -> None:
    """Events, messages and alerts of long ago."""
    events.prune()
    alerts.prune()


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
        Duty(watch_alerts, ALERTS_SECONDS),
        Duty(deliver_webhooks, every),
        Duty(ask_for_certificates, CERTIFICATES_SECONDS),
        Duty(sweep_uploads, FORGOTTEN_SECONDS),
        Duty(roll_up, ROLL_UP_SECONDS),
        Duty(prune_samples, PRUNE_SECONDS),
        Duty(prune_notices, PRUNE_SECONDS),
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
