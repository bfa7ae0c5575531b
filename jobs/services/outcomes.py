"""What a page's call tells of its host: alive or dead, busy until when, how fast."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from jobs import errors
from jobs.domain import attempts, circuit, failures, speed
from jobs.domain.failures import Failure, Outcome
from jobs.domain.policies import Policy
from jobs.domain.speed import Sample, Speed
from jobs.gateways import vllm
from jobs.models import Backend, BackendHealth
from jobs.services import calling, health

log = structlog.get_logger(__name__)

CONFIRM_SECONDS = 1.5  # for /health, while a slot is held: a well host answers in milliseconds
SPEED_EVERY_SECONDS = 3.0


def understood(failure: Failure, backend: Backend, *, began: datetime) -> Failure:
    """What a call's failure really was: an engine's death does not always come in words.

    A call that broke off is a death if /health says so now, or if the breaker was opened for a death since the call
    began (the last of the dying calls answers ten seconds after the first). A host that ran out of memory may have
    died of it. May take CONFIRM_SECONDS.
    """
    if failure.outcome is Outcome.OUT_OF_MEMORY:
        return failures.as_engine_death(failure) if _is_dead(backend) else failure
    if failure.may_hide_death and (died_since(backend, began) or _is_dead(backend)):
        return failures.as_engine_death(failure)
    return failure


def _is_dead(backend: Backend) -> bool:
    try:
        return vllm.is_dead(calling.endpoint(backend), CONFIRM_SECONDS)
    except errors.Unavailable:  # its key cannot be read just now: nothing was learned
        log.warning("backend.not_asked", backend=backend.name, exc_info=True)
        return False


def died_since(backend: Backend, began: datetime) -> bool:
    """Was its breaker opened for an engine's death since then, and is still open?"""
    row = BackendHealth.objects.filter(pk=backend.pk).first()
    state = circuit.from_json(row.circuit if row else {})
    return (
        state.state != circuit.CLOSED
        and state.reason == failures.ENGINE_DEAD.reason
        and state.changed_at >= began.timestamp()
    )


def call_failed(backend: Backend, failure: Failure, policy: Policy) -> None:
    """Tell the host's health what happened: its breaker, its bad setting, or that it is busy."""
    health.call_failed(backend, failure, policy)
    if failure.outcome is Outcome.BUSY:
        _busy(backend, attempts.busy_seconds(failure))
    if failure.outcome is Outcome.OUT_OF_MEMORY:
        log.warning("backend.out_of_memory", backend=backend.name)


def _busy(backend: Backend, seconds: float) -> None:
    """No page is sent there before it wants one. A later time that is known already stands."""
    until = timezone.now() + timedelta(seconds=seconds)
    BackendHealth.objects.get_or_create(backend=backend)
    sooner = Q(busy_until=None) | Q(busy_until__lt=until)
    BackendHealth.objects.filter(sooner, pk=backend.pk).update(busy_until=until)
    log.info("backend.busy", backend=backend.name, seconds=seconds)


def call_succeeded(backend: Backend, *, seconds: float, tokens: int | None) -> None:
    """A page came back: the host is well, and this fast."""
    health.call_succeeded(backend)
    speeds.add(backend.pk, Sample(seconds, tokens))


class Speeds:
    """What this process measured and has not written yet. Written every few seconds, or a fast host would cost a write
    a page. A few pages' measurements are lost with a process; two that write at once lose one's, which is as little."""

    def __init__(self, every_seconds: float = SPEED_EVERY_SECONDS, now: Callable[[], float] = time.monotonic) -> None:
        self._every_seconds, self._now = every_seconds, now
        self._samples: dict[int, list[Sample]] = {}
        self._written: dict[int, float] = {}
        self._guard = threading.Lock()

    def add(self, backend_id: int, sample: Sample) -> None:
        with self._guard:
            self._samples.setdefault(backend_id, []).append(sample)
            last = self._written.get(backend_id)
            if last is not None and self._now() - last < self._every_seconds:
                return
            self._written[backend_id] = self._now()
            samples = self._samples.pop(backend_id)
        _write(backend_id, samples)

    def forget(self) -> None:
        """As in a process that has just started."""
        with self._guard:
            self._samples.clear()
            self._written.clear()


speeds = Speeds()


def _write(backend_id: int, samples: list[Sample]) -> None:
    with transaction.atomic():
        row = BackendHealth.objects.select_for_update().filter(pk=backend_id).first()
        if row is None:
            return  # no probe has made it yet, or the backend is gone
        new = speed.after(Speed(row.seconds_per_page, row.tokens_per_second), samples)
        BackendHealth.objects.filter(pk=backend_id).update(
            seconds_per_page=new.seconds_per_page, tokens_per_second=new.tokens_per_second
        )
