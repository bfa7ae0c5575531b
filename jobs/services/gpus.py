"""What hosts' GPU exporters tell, read after each probe. An exporter that fails costs a warning, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from statistics import fmean
from typing import Any

import structlog
from django.utils import timezone

from jobs import errors
from jobs.domain.failures import Outcome
from jobs.gateways import gpu_exporter
from jobs.gateways.gpu_exporter import GpuReading
from jobs.models import Backend, BackendHealth, HealthSample

log = structlog.get_logger(__name__)

DEADLINE_SECONDS = 2.0  # an exporter on the same network answers in some hundredths
FRESH = timedelta(minutes=1)  # what is older says nothing of now; a probe comes each five seconds
MOST_SAMPLES = 2000  # a minute of a hundred and more hosts
GIB = 1024.0**3
NO_FIGURES: dict[str, Any] = asdict(GpuReading())
NOTHING_TOLD = "Its GPU exporter tells none of the figures that are looked for: is this its address?"


def look(backend: Backend) -> None:
    """Read a backend's exporter and keep what it tells, with the newest probe's sample. Never for a planned or
    disabled backend, also where it became so a moment ago. Takes DEADLINE_SECONDS at most."""
    now = Backend.objects.contactable().select_related("health").filter(pk=backend.pk).first()
    health = getattr(now, "health", None)
    if now is None or health is None:
        return
    if not now.gpu_exporter_url:
        if health.gpu:
            BackendHealth.objects.filter(pk=now.pk).update(gpu={})
        return
    reading, problem = _ask(now.gpu_exporter_url)
    if problem and problem != health.gpu.get("problem"):
        log.warning("backend.gpu_exporter", backend=now.name, reason=problem)
    told = {name: value for name, value in asdict(reading).items() if value is not None}
    at = timezone.now().isoformat()
    BackendHealth.objects.filter(pk=now.pk).update(gpu={**told, "problem": problem, "at": at})
    newest = HealthSample.objects.filter(backend=now).values_list("pk", flat=True).first()
    if told and newest is not None:
        HealthSample.objects.filter(pk=newest).update(**{f"gpu_{name}": value for name, value in told.items()})


def _ask(address: str) -> tuple[GpuReading, str]:
    try:
        reading = gpu_exporter.read(address, DEADLINE_SECONDS)
    except errors.Invalid as error:
        return GpuReading(), f"Its GPU exporter is not asked: {error.message}"
    except errors.BackendFailed as error:
        log.debug("backend.no_gpu_figures", address=address, reason=error.message)
        late = error.failure.outcome is Outcome.TIMEOUT
        slow = f"Its GPU exporter did not answer within {DEADLINE_SECONDS:g} seconds."
        return GpuReading(), slow if late else "Its GPU exporter does not answer as it should."
    return reading, "" if reading != GpuReading() else NOTHING_TOLD


@dataclass(frozen=True)
class Lately:
    """Of the last minute: the newest memory in use; the mean utilisation (0 to 1) at the looks that found pages waiting
    for the host, None where none waited; whether its utilisation was told at all."""

    memory_used_bytes: float | None = None
    utilization_while_waiting: float | None = None
    tells_utilization: bool = False


def lately(backends: Sequence[Backend]) -> dict[str, Lately]:
    """By name what the exporters of these hosts told in the last minute; without those that have none, or told nothing.
    One query."""
    asked = [backend.pk for backend in backends if backend.gpu_exporter_url]
    rows = HealthSample.objects.filter(backend__in=asked, at__gte=timezone.now() - FRESH).order_by("-at")
    found: dict[str, list[tuple[float | None, float | None, int]]] = {}
    fields = ("backend__name", "gpu_memory_used_bytes", "gpu_utilization", "queued")
    for name, *figures in rows.values_list(*fields)[:MOST_SAMPLES]:
        found.setdefault(name, []).append((figures[0], figures[1], figures[2]))
    return {name: _lately(samples) for name, samples in found.items()}


def _lately(samples: Sequence[tuple[float | None, float | None, int]]) -> Lately:
    """`samples`: (memory used, utilisation, pages waiting), newest first."""
    used = next((memory for memory, _, _ in samples if memory is not None), None)
    busy = [share for _, share, queued in samples if share is not None and queued]
    told = any(share is not None for _, share, _ in samples)
    return Lately(used, fmean(busy) if busy else None, told)


def of(backend: Backend) -> dict[str, Any]:
    """What its exporter last told: the fields of GpuReading that it knows, `at`, and `problem`, a sentence or empty.
    Empty where the backend has no exporter, or nobody has asked it yet."""
    health = getattr(backend, "health", None)
    return health.gpu if health and backend.gpu_exporter_url else {}
