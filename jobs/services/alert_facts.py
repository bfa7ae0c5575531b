"""What the alert rules compare, as it is now: of each host that is looked after, and of the site.

A handful of queries, however many pages and calls there were: the newest calls, bounded, and the open documents.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from jobs import errors
from jobs.domain import ladder
from jobs.domain.alerts import Fact
from jobs.domain.failures import Outcome
from jobs.gateways import disk, secrets
from jobs.models import Attempt, Backend
from jobs.services import gpus, queues, routing
from jobs.services.gpus import Lately
from jobs.services.queues import OpenDocument

WINDOW_SECONDS = 300.0  # the operator's rates are over five minutes
QUALITY_SECONDS = 900.0
MOST_CALLS = 5000  # the newest; more than the hosts end in the windows, and read in milliseconds
FEWEST_READINGS = 20  # of fewer no share is worth an alert
# Calls that say how long a host takes: it answered, or it was waited for to the end.
TIMED = {Outcome.OK, Outcome.LOOPING, Outcome.EMPTY, Outcome.CUT_OFF, Outcome.GARBAGE, Outcome.TIMEOUT}


@dataclass(frozen=True)
class Call:
    """One attempt that ended `ago` seconds ago, having taken `seconds`."""

    backend: str
    outcome: str
    rung: str
    ago: float
    seconds: float


def gather() -> list[Fact]:
    """Every fact, with no value where there is nothing to compare. Raises errors.Unavailable without a policy."""
    backends = list(Backend.objects.select_related("health").in_name_order())
    watched = [backend for backend in backends if backend.lifecycle in ("active", "draining")]
    calls = _calls([backend.name for backend in watched])
    cards = gpus.lately(watched)
    documents = queues.open_documents()
    default = routing.in_force().default_backend
    facts = [_no_host(backends, watched, documents), _disk_free(), _oldest_wait(documents), _quality(calls)]
    for backend in watched:
        mine = [call for call in calls if call.backend == backend.name and call.ago <= WINDOW_SECONDS]
        facts += _of_host(backend, mine, documents)
        facts += _of_gpu(backend, cards.get(backend.name))
        if backend.name == default:
            depths = queues.depths(documents, default, queues.waiting_at_host(backend))
            facts.append(Fact("queue_depth", default, float(max(depths.values(), default=0))))
    return facts


def _calls(names: Sequence[str]) -> list[Call]:
    now = timezone.now()
    since = now - timedelta(seconds=QUALITY_SECONDS + settings.CALL_SECONDS)
    newest = Attempt.objects.filter(backend__in=names, started_at__gte=since).order_by("-started_at")
    rows = newest.values_list("backend", "outcome", "rung", "started_at", "seconds")[:MOST_CALLS]
    return [Call(name, outcome, rung, _ago(now, began, took), took) for name, outcome, rung, began, took in rows]


def _ago(now: datetime, began: datetime, took: float) -> float:
    return (now - began).total_seconds() - took


def _of_host(backend: Backend, calls: Sequence[Call], documents: Sequence[OpenDocument]) -> Iterator[Fact]:
    name, health = backend.name, getattr(backend, "health", None)
    state, reason = (health.state, health.reason) if health else ("unknown", "")
    down, wrong = state in ("down", "hung"), state == "misconfigured"
    yield Fact("host_down", name, float(down), reason if down else "")
    yield Fact("misconfigured", name, float(wrong), reason if wrong else "")
    yield _api_key(backend)
    yield Fact("certificate", name, _days_left(health.certificate_ends_at if health else None, backend))
    yield Fact("out_of_memory", name, float(sum(call.outcome == Outcome.OUT_OF_MEMORY for call in calls)))
    yield Fact("latency_p99", name, percentile([call.seconds for call in calls if call.outcome in TIMED], 0.99))
    read = sum(call.outcome == Outcome.OK for call in calls)
    waits = any(document.waiting for document in documents if document.backend == name)
    yield Fact("throughput", name, read * 60 / WINDOW_SECONDS if read or waits else None)


def _of_gpu(backend: Backend, told: Lately | None) -> Iterator[Fact]:
    if backend.kind != "gpu":
        return
    silent = "its GPU exporter tells nothing now" if backend.gpu_exporter_url else ""
    used, busy = (told.memory_used_bytes, told.utilization_while_waiting) if told else (None, None)
    yield Fact("gpu_memory", backend.name, None if used is None else used / gpus.GIB, absent=silent)
    idle = "no work waits now" if told and told.tells_utilization else silent
    yield Fact("utilization", backend.name, None if busy is None else busy * 100, absent=idle)


def _api_key(backend: Backend) -> Fact:
    try:
        secrets.decrypt(backend.encrypted_api_key)
    except errors.Unavailable:
        return Fact("api_key", backend.name, 1.0, "OCRSITE_SECRET_KEY has changed since it was entered; enter it again")
    return Fact("api_key", backend.name, 0.0)


def _days_left(end: datetime | None, backend: Backend) -> float | None:
    if end is None or not backend.base_url.startswith("https://"):
        return None
    return max(0.0, (end - timezone.now()).total_seconds() / 86_400)


def percentile(values: Sequence[float], share: float) -> float | None:
    """The smallest value that `share` of all do not exceed (nearest rank); None of none."""
    return sorted(values)[math.ceil(share * len(values)) - 1] if values else None


def _no_host(backends: Sequence[Backend], watched: Sequence[Backend], documents: Sequence[OpenDocument]) -> Fact:
    """A site on which nothing was put to work yet has no fault, until pages wait."""
    told = routing.why_none_is_able(backends, routing.in_force())
    wrong = told is not None and (bool(watched) or any(document.waiting for document in documents))
    return Fact("no_host", value=float(wrong), cause=(told or "there is none yet") if wrong else "")


def _disk_free() -> Fact:
    try:
        return Fact("disk_free", value=disk.space(settings.DATA_DIR).free_percent)
    except errors.OcrsiteError as error:  # a disk that cannot even be asked has no room for anything
        return Fact("disk_free", value=0.0, cause=error.message)


def _oldest_wait(documents: Sequence[OpenDocument]) -> Fact:
    """Minutes since the oldest document came of which pages wait and none is being read."""
    ages = [document.age_seconds for document in documents if document.waiting and not document.in_flight]
    return Fact("oldest_wait", value=max(ages) / 60 if ages else None)


def _quality(calls: Sequence[Call]) -> Fact:
    """The share of readings that were tried again for their quality, in per cent."""
    answered = [call for call in calls if call.ago <= QUALITY_SECONDS and call.outcome in TIMED]
    again = sum(call.rung in ladder.WORDS for call in answered)
    enough = len(answered) >= FEWEST_READINGS
    return Fact("quality_retries", value=100.0 * again / len(answered) if enough else None)
