"""Backends as administrators change them: added, edited, drained, activated, removed."""

from __future__ import annotations

import os
from typing import Any

import structlog
from django.core.exceptions import ValidationError
from django.db import transaction

from jobs import errors
from jobs.domain import presets
from jobs.gateways import addresses, gpu_exporter, secrets
from jobs.models import Backend, BackendHealth, RoutingPolicy
from jobs.services import access, admission, gpus, health, routing, slots

log = structlog.get_logger(__name__)

FIELDS = frozenset(
    {
        "base_url", "model", "model_profile", "kind", "slots", "queue_ahead", "max_model_len", "default_dpi", "max_dpi",
        "streaming", "gpu_exporter_url", "hardware", "launch", "expected", "costs", "notes",
    }
)  # fmt: skip


def ensure_defaults() -> None:
    """What a first start holds: the operator's two machines, planned, and the hybrid policy. Later ones add nothing."""
    with transaction.atomic():
        if RoutingPolicy.objects.exists():
            return
        for fields in presets.BACKENDS:
            Backend.objects.get_or_create(
                name=fields["name"], defaults={k: v for k, v in fields.items() if k != "name"}
            )
        routing.save(presets.POLICIES["hybrid"], by=None)


def place_builtin(*, base_url: str) -> Backend:
    """The CPU backend as it runs now: at this address, one slot a core. Its other settings stay as they were edited."""
    fields = dict(presets.CPU_BACKEND)
    name = fields.pop("name")
    defaults = {**fields, "built_in": True, "base_url": base_url, "slots": os.cpu_count() or 1}
    backend, made = Backend.objects.get_or_create(name=name, defaults=defaults)
    if not made:
        Backend.objects.filter(pk=backend.pk).update(base_url=base_url, slots=defaults["slots"])
        if backend.notes.startswith(SWITCHED_OFF):
            Backend.objects.filter(pk=backend.pk).update(lifecycle="active", notes=fields["notes"])
        backend.refresh_from_db()
    health.admitted(backend)
    return backend


SWITCHED_OFF = "Switched off by OCRSITE_CPU_BACKEND."


def remove_builtin() -> None:
    """The CPU backend does not run here: disabled, so that nothing waits for it."""
    Backend.objects.filter(built_in=True, lifecycle="active").update(lifecycle="disabled", notes=SWITCHED_OFF)


def find(name: str) -> Backend:
    """The backend of that name. Raises errors.NotFound."""
    backend = Backend.objects.select_related("health").filter(name=name).first()
    if backend is None:
        raise errors.NotFound(f"There is no backend “{name}”.")
    return backend


def create(*, by: Any, name: str, base_url: str, api_key: str = "", **fields: Any) -> Backend:
    """Add a backend; planned, unless a lifecycle is given. Raises errors.Invalid, errors.Conflict for a name in use."""
    if Backend.objects.filter(name=name).exists():
        raise errors.Conflict(f"There is a backend “{name}” already.")
    lifecycle = fields.pop("lifecycle", "planned")
    backend = Backend(name=name, base_url=base_url, encrypted_api_key=secrets.encrypt(api_key))
    _apply(backend, fields)
    _validate(backend)
    backend.save()
    access.audit("backend.created", by=by, subject=name, detail={"base_url": backend.base_url})
    if lifecycle != "planned":
        _move(backend, lifecycle, by=by)
    return find(name)


def update(name: str, *, by: Any, **fields: Any) -> Backend:
    """Change a backend. A new address clears its key unless a new one comes with it: keys never follow an address."""
    backend = find(name)
    lifecycle = fields.pop("lifecycle", backend.lifecycle)
    key = fields.pop("api_key", None)
    old_address = backend.base_url
    _apply(backend, fields)
    _validate(backend)
    if key is not None:
        backend.encrypted_api_key = secrets.encrypt(key)
    elif backend.base_url != old_address:
        backend.encrypted_api_key = ""
    backend.save()
    changed = sorted(fields) + (["api_key"] if key is not None else [])
    if changed:
        access.audit("backend.changed", by=by, subject=name, detail={"fields": changed})
    if lifecycle != backend.lifecycle:
        _move(backend, lifecycle, by=by)
    return find(name)


def _apply(backend: Backend, fields: dict[str, Any]) -> None:
    unknown = sorted(set(fields) - FIELDS)
    if unknown:
        raise errors.Invalid("Some fields are unknown.", dict.fromkeys(unknown, "Unknown field."))
    for name, value in fields.items():
        setattr(backend, name, value)


OBJECTS = ("hardware", "launch", "expected", "costs")


def _validate(backend: Backend) -> None:
    wrong = [name for name in OBJECTS if not isinstance(getattr(backend, name), dict)]
    if wrong:
        fields = dict.fromkeys(wrong, "Use an object of names and values.")
        raise errors.Invalid(f"The backend was not saved: {wrong[0]}: {fields[wrong[0]]}", fields)
    try:
        backend.full_clean(exclude=["encrypted_api_key"])
    except ValidationError as error:
        fields = {name: " ".join(messages) for name, messages in error.message_dict.items()}
        raise errors.Invalid(
            "The backend was not saved: " + "; ".join(f"{k}: {v}" for k, v in fields.items()), fields
        ) from None
    backend.base_url = addresses.check_form(backend.base_url)
    if backend.gpu_exporter_url:
        backend.gpu_exporter_url = gpu_exporter.check_form(backend.gpu_exporter_url)


def _move(backend: Backend, lifecycle: str, *, by: Any) -> None:
    if lifecycle == "active":
        result = activate(backend.name, by=by)
        if not result.passed:
            raise errors.Conflict(f"{backend.name} was not activated: {result.reason}")
    elif lifecycle == "draining":
        drain(backend.name, by=by)
    elif lifecycle == "disabled":
        disable(backend.name, by=by)
    elif lifecycle == "planned":
        _set(backend, "planned", by=by)
    else:
        raise errors.Invalid("Unknown lifecycle.", {"lifecycle": "Use planned, active, draining or disabled."})


def _set(backend: Backend, lifecycle: str, *, by: Any) -> Backend:
    if backend.lifecycle != lifecycle:
        Backend.objects.filter(pk=backend.pk).update(lifecycle=lifecycle)
        access.audit(f"backend.{lifecycle}", by=by, subject=backend.name, detail={"was": backend.lifecycle})
        log.info("backend.lifecycle", backend=backend.name, was=backend.lifecycle, now=lifecycle)
        backend.lifecycle = lifecycle
    return backend


def drain(name: str, *, by: Any) -> Backend:
    """No new pages; those that run finish there. With none running it is drained at once: disabled."""
    backend = find(name)
    if backend.lifecycle not in {"active", "draining", "checking"}:
        raise errors.Conflict(f"{name} is {backend.lifecycle}: there is nothing to drain.")
    _set(backend, "draining", by=by)
    finish_drains()
    return find(name)


def finish_drains() -> int:
    """Backends that were draining and have nothing left in flight are disabled, or gone where that was wished for.
    Returns how many."""
    return sum(_finish_drain(backend) for backend in Backend.objects.filter(lifecycle="draining", leases=None))


def _finish_drain(backend: Backend) -> bool:
    with transaction.atomic():
        slots.lock()  # nobody takes a slot there between the look and the deed
        ours = Backend.objects.filter(pk=backend.pk, lifecycle="draining", leases=None)
        if not ours.update(lifecycle="disabled"):
            return False
        access.audit("backend.drained", by=None, subject=backend.name)
        if backend.remove_when_drained and not _named_by_policy(backend.name):
            Backend.objects.filter(pk=backend.pk).delete()
            access.audit("backend.removed", by=None, subject=backend.name)
    log.info("backend.drained", backend=backend.name, removed=backend.remove_when_drained)
    return True


def disable(name: str, *, by: Any) -> Backend:
    """Out of use at once: nothing new is sent, what runs there is stored when it comes back."""
    return _set(find(name), "disabled", by=by)


def activate(name: str, *, by: Any, force: bool = False) -> admission.SelfTest:
    """Test a backend and put it to work. What fails keeps it out, unless `force` overrules, which is logged."""
    backend = find(name)
    before = backend.lifecycle
    _set(backend, "checking", by=by)
    lifecycle = "disabled" if before in {"checking", "draining"} else before
    try:
        result = admission.self_test(backend)
        overruled = force and not result.passed
        admission.store(backend, result, forced=overruled)
        if result.passed or force:
            lifecycle = "active"
            Backend.objects.filter(pk=backend.pk).update(remove_when_drained=False)
            health.admitted(backend)
    finally:
        _set(backend, lifecycle, by=by)
    access.audit("backend.checked", by=by, subject=name, detail={"passed": result.passed, "forced": overruled})
    if overruled:
        failed = [step.name for step in result.steps if not step.passed]
        access.audit("backend.overruled", by=by, subject=name, detail={"failed": failed, "reason": result.reason})
        log.warning("backend.overruled", backend=name, failed=failed, reason=result.reason)
    return result


def check(name: str, *, by: Any) -> admission.SelfTest:
    """Test a backend without changing whether it is used. Planned and disabled ones are contacted by this alone."""
    backend = find(name)
    result = admission.self_test(backend)
    admission.store(backend, result)
    access.audit("backend.checked", by=by, subject=name, detail={"passed": result.passed})
    return result


def remove(name: str, *, by: Any) -> bool:
    """Remove a backend. True: it is gone. False: it is in use; it drains first, and goes when its last page is done.

    Raises errors.Conflict while the policy names it.
    """
    backend = find(name)
    if backend.built_in:
        raise errors.Conflict("The CPU backend is built in: disable it, or set OCRSITE_CPU_BACKEND to off.")
    if _named_by_policy(name):
        raise errors.Conflict(f"The routing policy names {name}: take it out of the rules first.")
    with transaction.atomic():
        slots.lock()
        row = Backend.objects.select_for_update().get(pk=backend.pk)
        if row.leases.exists():
            Backend.objects.filter(pk=row.pk).update(remove_when_drained=True)
            _set(row, "draining", by=by)
            return False
        row.delete()
    access.audit("backend.removed", by=by, subject=name)
    return True


def _named_by_policy(name: str) -> bool:
    policy = routing.in_force()
    return name in {policy.default_backend, *policy.fallback_order, *(rule.backend for rule in policy.rules)}


SHOWN = (
    "name", "base_url", "model", "model_profile", "kind", "lifecycle", "slots", "queue_ahead", "max_model_len",
    "default_dpi", "max_dpi", "streaming", "api_key_set", "gpu_exporter_url", "hardware", "launch", "expected",
    "costs", "notes",
)  # fmt: skip


def snapshot(backend: Backend) -> dict[str, Any]:
    """The API's form of a backend. Its key is never in it."""
    state = getattr(backend, "health", None) or BackendHealth(backend=backend)
    gpu = gpus.of(backend)
    problem = gpu.get("problem")
    return {
        **{name: getattr(backend, name) for name in SHOWN},
        "health": {
            "state": state.state,
            "breaker": state.breaker,
            "reason": state.reason,
            "since": state.since,
            "retry_at": state.retry_at,
            "in_flight": backend.leases.count(),
            "waiting": state.waiting,
            "version": state.version,
            "warnings": [*state.warnings, *([problem] if problem else [])],
            "gpu": {**gpus.NO_FIGURES, **gpu} if gpu else None,
        },
    }
