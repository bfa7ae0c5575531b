"""What is known of hosts: calls and probes feed each backend's breaker; its state is shared through the database."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from jobs import errors
from jobs.domain import chat, circuit, failures
from jobs.domain.circuit import Circuit
from jobs.domain.failures import Blame, Failure
from jobs.domain.policies import Failover, Policy
from jobs.gateways import addresses, images, metrics, vllm
from jobs.models import Attempt, Backend, BackendHealth, SlotLease
from jobs.services import access, calling, memory_warnings, routing

log = structlog.get_logger(__name__)

PROBE_TIMEOUT_SECONDS = 3.0
CANARY_SECONDS = 60.0  # a cold host takes longer over its first page
FAULTS = ("host_down", "timeout", "garbage")


def call_succeeded(backend: Backend) -> None:
    """A page came back. Nothing is written while all is well: the row is touched only to forget a fault."""
    health = getattr(backend, "health", None)
    if health is None or health.circuit.get("failures") or health.circuit.get("openings") or health.state == "unknown":
        _change(backend.pk, lambda c, now: circuit.succeeded(c, now))


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
    recent = _recent(backend.name)
    breaker = _settings(policy.failover)
    _change(backend.pk, lambda c, now: circuit.failed(c, now, reason, breaker, recent=recent, jitter=_jitter()))


def _recent(name: str) -> tuple[int, int]:
    since = timezone.now() - timedelta(minutes=1)
    calls = Attempt.objects.filter(backend=name, started_at__gte=since).exclude(reason=failures.DRAINING.reason)
    outcomes = list(calls.values_list("outcome", flat=True)[:200])
    return sum(outcome in FAULTS for outcome in outcomes), len(outcomes)


def _settings(failover: Failover) -> circuit.Settings:
    return circuit.Settings(failover.breaker_failures, failover.breaker_seconds, failover.breaker_max_seconds)


def _jitter() -> float:
    return random.uniform(-1, 1)


def _change(backend_id: int, event: Callable[[Circuit, float], Circuit], **facts: Any) -> BackendHealth:
    """Apply one event to a backend's breaker, under its row's lock, and store what follows from it."""
    with transaction.atomic():
        health, _ = BackendHealth.objects.select_for_update().get_or_create(backend_id=backend_id)
        before = circuit.from_json(health.circuit)
        after = event(before, timezone.now().timestamp())
        for name, value in facts.items():
            setattr(health, name, value)
        _store(health, after, opened=after.state != before.state)
        health.save()
    if after.state != before.state:
        log.warning("backend.breaker", backend=backend_id, was=before.state, now=after.state, reason=after.reason)
    return health


def _store(health: BackendHealth, state: Circuit, *, opened: bool) -> None:
    word = {circuit.CLOSED: "up" if state.step is None else "slow_start"}.get(state.state, "down")
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
    changed = row.exclude(state="misconfigured").update(state="misconfigured", reason=reason, since=timezone.now())
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


def probe_all() -> bool:
    """Look after every active backend once. True when one can take work that could not before."""
    came_back = False
    for backend in Backend.objects.contactable().select_related("health"):
        came_back |= probe(backend)
    return came_back


def probe(backend: Backend) -> bool:
    """Look after one backend: let its breaker's time pass, ask how it is, read the canary when it is half open.

    True when it can take work and could not before, or takes more than before.
    """
    before = _read(backend)
    after = circuit.from_json(_change(backend.pk, circuit.ticked).circuit) if _time_matters(before) else before
    if after.state == circuit.OPEN:
        return False
    failover = routing.in_force().failover
    try:
        facts = memory_warnings.added(backend, ask(backend))
        if after.state == circuit.HALF_OPEN:
            read_canary(backend)
            _change(backend.pk, circuit.canary_read, **facts)
            return True
        _answered(backend, facts)
    except errors.BackendFailed as error:
        _probe_failed(backend, error.failure, failover)
        return False
    except errors.RequestRefused as error:
        _misconfigured(backend.pk, error.message)
        return False
    return after != before or getattr(backend, "health", None) is None


def _read(backend: Backend) -> Circuit:
    health = getattr(backend, "health", None)
    return circuit.from_json(health.circuit if health else {})


def _time_matters(state: Circuit) -> bool:
    return state.state != circuit.CLOSED or state.step is not None


def _answered(backend: Backend, facts: dict[str, Any]) -> None:
    health = getattr(backend, "health", None)
    if health is None or health.state in {"unknown", "misconfigured"}:
        _change(backend.pk, lambda c, now: c, **facts)
    else:
        BackendHealth.objects.filter(pk=backend.pk).update(**facts)


def _probe_failed(backend: Backend, failure: Failure, failover: Failover) -> None:
    if failure.blame is Blame.SETUP:
        _misconfigured(backend.pk, failure.reason)
        return
    if failure.blame is Blame.NOBODY:
        return
    breaker = _settings(failover)
    if failure.engine_death:
        _change(backend.pk, lambda c, now: circuit.opened(c, now, failure.reason, breaker, jitter=_jitter()))
    else:
        _change(
            backend.pk, lambda c, now: circuit.failed(c, now, failure.reason, breaker, recent=(0, 0), jitter=_jitter())
        )


def ask(backend: Backend) -> dict[str, Any]:
    """What the host says of itself, as fields of BackendHealth.

    Raises errors.BackendFailed (down, dead engine, wrong key), errors.Invalid (address not allowed, wrong model).
    """
    addresses.check_reachable_range(backend.base_url)
    endpoint = calling.endpoint(backend)
    if not vllm.probe_health(endpoint, PROBE_TIMEOUT_SECONDS):
        raise errors.BackendFailed(failures.ENGINE_DEAD)
    served = {model.id: model for model in vllm.list_models(endpoint, PROBE_TIMEOUT_SECONDS)}
    if backend.model not in served:
        raise errors.Invalid(f"It serves {', '.join(sorted(served)) or 'no model'}, not {backend.model}.")
    model = served[backend.model]
    return {
        "served_max_model_len": model.max_model_len,
        "languages": list(model.languages),
        "checked_at": timezone.now(),
        "warnings": _warnings(backend, model.max_model_len),
        **_optional_facts(endpoint),
    }


def _warnings(backend: Backend, served: int | None) -> list[str]:
    if served and served < backend.max_model_len:
        return [f"It serves a context of {served} tokens; its profile says {backend.max_model_len}."]
    return []


def _optional_facts(endpoint: vllm.Endpoint) -> dict[str, Any]:
    """Version and metrics: nice to have, and no reason to call a host down."""
    facts: dict[str, Any] = {}
    try:
        facts["version"] = vllm.server_version(endpoint, PROBE_TIMEOUT_SECONDS)[:60]
        reading = metrics.parse(vllm.metrics_text(endpoint, PROBE_TIMEOUT_SECONDS))
    except errors.BackendFailed as error:
        log.info("backend.no_metrics", backend=endpoint.base_url, reason=error.message)
        return facts
    return {
        **facts,
        "running": int(reading.running or 0),
        "waiting": int(reading.waiting or 0),
        "kv_usage": reading.kv_usage,
        "generation_tokens": reading.generation_tokens,
    }


def read_canary(backend: Backend) -> str:
    """Have the host read the canary page, under a slot lease of its own. Returns its text.

    Raises errors.BackendFailed, or errors.Conflict when every slot is taken (then it is at work, and alive).
    """
    lease = _canary_slot(backend)
    try:
        body = chat.build_body(
            model=backend.model,
            image=images.canary(),
            prompt=chat.prompt_for("markdown"),
            max_tokens=min(200, calling.max_tokens(backend)),
            stream=backend.streaming,
        )
        seconds = min(CANARY_SECONDS, settings.CALL_SECONDS)
        return vllm.complete(calling.endpoint(backend), body, calling.deadlines(seconds)).text
    finally:
        SlotLease.objects.filter(pk=lease.pk).delete()


def _canary_slot(backend: Backend) -> SlotLease:
    now = timezone.now()
    with transaction.atomic():
        row = Backend.objects.select_for_update().get(pk=backend.pk)
        if row.leases.count() >= row.capacity:
            raise errors.Conflict("All its slots are taken: it is at work.")
        return SlotLease.objects.create(
            backend=row,
            kind="canary",
            holder="canary",
            assigned_at=now,
            expires_at=now + timedelta(seconds=CANARY_SECONDS),
        )


def admitted(backend: Backend) -> None:
    """A backend was activated: whatever its breaker remembered is forgotten."""
    _change(backend.pk, lambda _, now: Circuit(changed_at=now))
