"""What probes saw, kept: a sample each for the charts, and the watch that tells a hung host from a slow one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.utils import timezone

from jobs.domain import stalls
from jobs.domain.failures import Outcome
from jobs.domain.stalls import Watch
from jobs.gateways.metrics import HostMetrics
from jobs.models import Attempt, Backend, BackendHealth, HealthSample, SlotLease
from jobs.services import queues

KEPT = timedelta(days=31)  # a month of charts; a probe each five seconds is half a million rows a host
BATCH_ROWS = 5000  # deleted in one statement: the table is never locked for long
# Outcomes without an answer of the host's: they prove nothing about its being alive.
SILENT = (Outcome.TIMEOUT, Outcome.HOST_DOWN, Outcome.LOST, Outcome.CANCELLED)


def look(backend: Backend, reading: HostMetrics | None) -> Watch:
    """The watch after this look. Only vLLM's counters are watched: our CPU backend's move when a page has ended, and
    it ends what takes too long by itself."""
    if reading is None or backend.kind != "gpu":
        return Watch()
    health = getattr(backend, "health", None)
    seen = stalls.Reading(
        tokens=reading.generation_tokens,
        running=reading.running,
        waiting=reading.waiting,
        finished=sum(reading.finished.values()) if reading.finished else None,
        leases=_under_way(backend),
    )
    return stalls.observed(stalls.from_json(health.stall if health else {}), seen, timezone.now().timestamp())


def _under_way(backend: Backend) -> int:
    """Calls that a living worker has sent there. What was assigned but not sent proves nothing about the host."""
    return SlotLease.objects.filter(backend=backend, page__isnull=False, expires_at__gte=timezone.now()).count()


def is_hung(backend: Backend, watch: Watch) -> bool:
    """Whether it has stood still for too long, and nothing came back since."""
    now, patience = timezone.now().timestamp(), settings.STALL_SECONDS
    if not stalls.is_hung(watch, now, None, patience):
        return False
    return stalls.is_hung(watch, now, _came_back_at(backend), patience)


def _came_back_at(backend: Backend) -> float | None:
    """When the newest answer of this host's was stored; only what may have ended lately is looked at."""
    since = datetime.fromtimestamp(timezone.now().timestamp() - 2 * settings.CALL_SECONDS, UTC)
    newest = Attempt.objects.filter(backend=backend.name, started_at__gte=since).exclude(outcome__in=SILENT)
    ends = [at + timedelta(seconds=seconds) for at, seconds in newest.values_list("started_at", "seconds")]
    return max(ends).timestamp() if ends else None


def sample(backend: Backend, reading: HostMetrics | None) -> None:
    """Keep what this probe saw."""
    state = BackendHealth.objects.filter(pk=backend.pk).values_list("state", flat=True).first()
    seen = reading or HostMetrics()
    HealthSample.objects.create(
        backend=backend,
        state=state or "unknown",
        in_flight=SlotLease.objects.filter(backend=backend).count(),
        running=int(seen.running or 0),
        waiting=int(seen.waiting or 0),
        kv_usage=seen.kv_usage,
        generation_tokens=seen.generation_tokens,
        queued=queues.waiting_for(backend, reported=int(seen.waiting or 0)),
    )


def prune() -> int:
    """Samples older than KEPT are deleted, batch by batch. Returns how many."""
    old = HealthSample.objects.filter(at__lt=timezone.now() - KEPT)
    count = 0
    while ids := list(old.values_list("pk", flat=True).order_by("pk")[:BATCH_ROWS]):
        count += HealthSample.objects.filter(pk__in=ids).delete()[0]
        if len(ids) < BATCH_ROWS:
            break
    return count
