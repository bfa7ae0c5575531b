"""What is known of hosts: calls and probes feed each backend's breaker; its state is shared through the database."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from jobs import errors
from jobs.domain import circuit, failures
from jobs.domain.circuit import Circuit
from jobs.domain.failures import Blame, Failure, Outcome
from jobs.domain.policies import Failover, Policy
from jobs.models import Attempt, Backend, BackendHealth
from jobs.services import access, asking, canary, events, progress, routing, sampling

log = structlog.get_logger(__name__)

FAULTS = ("host_down", "timeout", "garbage")


def call_succeeded(backend: Backend) -> None:
    """A page came back. Nothing is written while all is well: the row is touched only where the breaker learns."""
    health = getattr(backend, "health", None)
    now = timezone.now().timestamp()
    if health is None or health.state == "unknown" or circuit.learns(circuit.from_json(health.circuit), now):
        _change(backend.pk, lambda c, now: circuit.succeeded(c, now, slots=backend.slots))


def call_failed(backend: Backend, failure: Failure, policy: Policy) -> None:
    """A call failed: count it against the host where it is the host's fault."""
    if failure.blame is Blame.SETUP:
        _misconfigured(backend.pk, failure.reason)
    elif failure.engine_death:
        _change(
            backend.pk,
            lambda c, now: circuit.opened(c, now, failure.reason, _settings(policy.failover), jitter=_jitter()),
        )
    elif failure.blame is Blame.HOST:
        _host_fault(backend, failure.reason, policy)


def _host_fault(backend: Backend, reason: str, policy: Policy) -> None:
    breaker, recent = _settings(policy.failover), _recent(backend)

    def event(state: Circuit, now: float) -> Circuit:
        if state.state == circuit.HALF_OPEN:
            return state  # a late answer of a call from before: the canary alone decides now
        return circuit.failed(state, now, reason, breaker, recent=recent, jitter=_jitter())

    _change(backend.pk, event)


RECENT = timedelta(minutes=1)
RECENT_CALLS = 200  # more than any host ends in a minute, and enough to say how many of them fail


def _recent(backend: Backend) -> tuple[int, int]:
    """Calls that failed, and all calls, that ended within the last minute and since the breaker last moved; the one
    that has just failed is not stored yet, and counted."""
    changed_at = _read(backend).changed_at
    since = max(timezone.now() - RECENT, datetime.fromtimestamp(changed_at, UTC))
    calls = Attempt.objects.filter(backend=backend.name).exclude(reason=failures.DRAINING.reason)
    newest = calls.order_by("-started_at")[:RECENT_CALLS]
    ended = [
        outcome
        for outcome, began, seconds in newest.values_list("outcome", "started_at", "seconds")
        if began + timedelta(seconds=seconds) >= since
    ]
    return 1 + sum(outcome in FAULTS for outcome in ended), 1 + len(ended)


def _settings(failover: Failover) -> circuit.Settings:
    return circuit.Settings(failover.breaker_failures, failover.breaker_seconds, failover.breaker_max_seconds)


def _jitter() -> float:
    return random.uniform(-1, 1)


def _change(backend_id: int, event: Callable[[Circuit, float], Circuit], **facts: Any) -> BackendHealth:
    """Apply one event to a backend's breaker, under its row's lock, and store what follows from it."""
    with transaction.atomic():
        health, _ = BackendHealth.objects.select_for_update().get_or_create(backend_id=backend_id)
        was, before = health.state, circuit.from_json(health.circuit)
        after = event(before, timezone.now().timestamp())
        for name, value in facts.items():
            setattr(health, name, value)
        _store(health, after, opened=after.state != before.state)
        health.save()
        events.backend_moved(backend_id, was, health.state, health.reason)
    if after.state != before.state:
        log.warning("backend.breaker", backend=backend_id, was=before.state, now=after.state, reason=after.reason)
    return health


def _store(health: BackendHealth, state: Circuit, *, opened: bool) -> None:
    word = {circuit.CLOSED: "up" if state.step is None else "slow_start"}.get(state.state, "down")
    word = "hung" if state.hung and word == "down" else word
    if state.state == circuit.HALF_OPEN and health.state == "misconfigured":
        return  # its canary told why: that stands until one is read
    if opened or health.state != word:
        health.since = timezone.now()
    health.state, health.breaker, health.circuit = word, state.state, state.as_json()
    health.reason = state.reason if state.state != circuit.CLOSED else ""
    health.retry_at = datetime.fromtimestamp(state.retry_at, UTC) if state.state == circuit.OPEN else None


def _misconfigured(backend_id: int, reason: str) -> None:
    """Out of rotation until a probe finds it in order; no attempt was spent. Administrators are told of the change,
    not of every page and probe that meets it."""
    BackendHealth.objects.get_or_create(backend_id=backend_id)
    row = BackendHealth.objects.select_related("backend").filter(pk=backend_id)
    with transaction.atomic():
        was = row.values_list("state", flat=True).first()
        changed = row.exclude(state="misconfigured").update(state="misconfigured", reason=reason, since=timezone.now())
        if changed:
            events.backend_moved(backend_id, str(was), "misconfigured", reason)
    if not changed:
        row.update(reason=reason)
        return
    name = row.get().backend.name
    log.error("backend.misconfigured", backend=name, reason=reason)
    access.audit("backend.misconfigured", by=None, subject=name, detail={"reason": reason})


def is_shut(backend: Backend) -> bool:
    """Whether a page that was assigned to it had better not be sent any more."""
    health = getattr(backend, "health", None)
    state = health.state if health else "unknown"
    return backend.lifecycle not in {"active", "draining"} or state in {"down", "hung", "misconfigured"}


def probe(backend: Backend) -> bool:
    """Look after one backend: let its breaker's time pass, ask how it is, read the canary when it is half open.

    True when it can take work and could not before, or takes more than before.
    """
    before = _read(backend)
    after = circuit.from_json(_change(backend.pk, circuit.ticked).circuit) if _time_matters(backend, before) else before
    reading = None
    if after.state != circuit.OPEN:
        try:
            told = asking.ask(backend)
            reading = told.reading
            more = after.state == circuit.CLOSED and after != before  # the next step of a slow start
            return _answered(backend, after, told) or more
        except errors.BackendFailed as error:
            _probe_failed(backend, error.failure, routing.in_force().failover)
        except (errors.Invalid, errors.Unavailable) as error:
            _misconfigured(backend.pk, error.message)
        finally:
            sampling.sample(backend, reading)
    else:
        sampling.sample(backend, None)
    return False


def _read(backend: Backend) -> Circuit:
    health = getattr(backend, "health", None)
    return circuit.from_json(health.circuit if health else {})


def _time_matters(backend: Backend, state: Circuit) -> bool:
    """An open breaker or a slow start goes on with time; a misconfigured host's slow start waits for its canary."""
    if state.state != circuit.CLOSED:
        return True
    return state.step is not None and backend.health.state != "misconfigured"


def _answered(backend: Backend, state: Circuit, told: asking.Told) -> bool:
    """The host answers. True when that puts it back to work."""
    health = getattr(backend, "health", None)
    if state.state == circuit.HALF_OPEN or (health and health.state == "misconfigured"):
        return _try(backend, told.facts)
    if health is None or health.state == "unknown":
        _change(backend.pk, lambda c, now: c, **told.facts)
        return True
    watch = sampling.look(backend, told.reading)
    BackendHealth.objects.filter(pk=backend.pk).update(**told.facts, stall=watch.as_json())
    if sampling.is_hung(backend, watch):
        _hung(backend)
    return False


def _try(backend: Backend, facts: dict[str, Any]) -> bool:
    """One canary page, and a half-open host is back, in slow start; a misconfigured one is in order again."""
    if backend.lifecycle != "active":
        return False  # it drains: nothing new will be sent there, so nothing is tried
    try:
        # The slot is held until the outcome is stored: of two processes that would try a host, one does.
        with canary.slot(backend, alone=True):
            if not _still_to_be_tried(backend):
                return False
            canary.read(backend)
            _change(backend.pk, circuit.canary_read, **facts, stall={})
    except errors.Conflict as error:
        log.info("backend.canary_waits", backend=backend.name, reason=error.message)
        return False
    return True


def _still_to_be_tried(backend: Backend) -> bool:
    rows = BackendHealth.objects.filter(pk=backend.pk)
    return rows.filter(Q(breaker=circuit.HALF_OPEN) | Q(state="misconfigured")).exists()


def _hung(backend: Backend) -> None:
    reason = "It answers, but stands still: requests run there, and nothing comes back."
    breaker = _settings(routing.in_force().failover)
    _change(
        backend.pk,
        lambda c, now: circuit.opened(c, now, reason, breaker, jitter=_jitter(), hung=True),
        stall={},
    )


def _probe_failed(backend: Backend, failure: Failure, failover: Failover) -> None:
    if failure.blame is Blame.SETUP:
        _misconfigured(backend.pk, failure.reason)
        return
    if failure.blame is Blame.NOBODY:
        return
    breaker = _settings(failover)

    def event(state: Circuit, now: float) -> Circuit:
        if failure.engine_death or state.state == circuit.HALF_OPEN:
            # One that hung, and still lets the canary wait in vain, hangs still.
            hung = state.hung and failure.outcome is Outcome.TIMEOUT
            return circuit.opened(state, now, failure.reason, breaker, jitter=_jitter(), hung=hung)
        return circuit.failed(state, now, failure.reason, breaker, recent=(0, 0), jitter=_jitter())

    _change(backend.pk, event)


@dataclass(frozen=True)
class Outage:
    """No backend can take work: `waiting_pages` wait, `reason` is a sentence, `next_probe_at` None when nothing will
    be probed (then somebody has to activate one)."""

    waiting_pages: int
    reason: str
    next_probe_at: datetime | None


def outage() -> Outage | None:
    """Why nothing can be read now; None while something can."""
    return outage_of(progress.hosts())


def outage_of(hosts: progress.Hosts) -> Outage | None:
    """As `outage`, of hosts that were asked for already. No query."""
    backends = hosts.backends
    told = routing.why_none_is_able(backends, hosts)
    if told is None:
        return None
    probes = [at for backend in backends if (at := _next_probe(backend))]
    reason = f"No host can read pages now: {told}." if told else "No host can read pages: there is none yet."
    return Outage(hosts.waiting_pages, reason, min(probes, default=None))


def _next_probe(backend: Backend) -> datetime | None:
    if backend.lifecycle != "active":
        return None
    health = getattr(backend, "health", None)
    if health and health.retry_at:
        return max(health.retry_at, timezone.now())
    return timezone.now() + timedelta(seconds=settings.PROBE_SECONDS)


def admitted(backend: Backend) -> None:
    """A backend was activated: whatever its breaker remembered is forgotten."""
    _change(backend.pk, lambda _, now: Circuit(changed_at=now))
