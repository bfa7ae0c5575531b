"""What a host says of itself: /health, /v1/models, /version, /metrics. Each question has its deadline."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import structlog
from django.utils import timezone

from jobs import errors
from jobs.domain import failures, versions
from jobs.gateways import addresses, metrics, vllm
from jobs.gateways.metrics import HostMetrics
from jobs.models import Backend
from jobs.services import calling, memory_warnings

log = structlog.get_logger(__name__)

PROBE_TIMEOUT_SECONDS = 3.0


@dataclass(frozen=True)
class Told:
    """`facts`: fields of BackendHealth. `reading` None: it exports no metrics."""

    facts: dict[str, Any]
    reading: HostMetrics | None = None


@dataclass(frozen=True)
class Serves:
    """What /v1/models says of our model. `problem`: a sentence when it does not serve it; else empty."""

    problem: str = ""
    max_model_len: int | None = None
    languages: list[str] = field(default_factory=list)
    root: str = ""


def ask(backend: Backend) -> Told:
    """Everything a probe wants to know.

    Raises errors.BackendFailed (down, dead engine, wrong key), errors.Invalid (address not allowed, wrong model),
    errors.Unavailable (its key cannot be read).
    """
    reachable(backend)
    model = served(backend)
    if model.problem:
        raise errors.Invalid(model.problem)
    return told(backend, model)


def reachable(backend: Backend) -> None:
    """Is its address allowed, and does its engine live? Raises as `ask` does."""
    addresses.check_reachable_range(backend.base_url)
    if not vllm.probe_health(calling.endpoint(backend), PROBE_TIMEOUT_SECONDS):
        raise errors.BackendFailed(failures.ENGINE_DEAD)


def served(backend: Backend) -> Serves:
    """The model as the host has it. Raises errors.BackendFailed; a wrong key shows here first."""
    models = {model.id: model for model in vllm.list_models(calling.endpoint(backend), PROBE_TIMEOUT_SECONDS)}
    if backend.model not in models:
        return Serves(f"It serves {', '.join(sorted(models)) or 'no model'}, not {backend.model}.")
    model = models[backend.model]
    return Serves("", model.max_model_len, list(model.languages), model.root)


def told(backend: Backend, model: Serves) -> Told:
    """Version and metrics beside the model: nice to have, and no reason to call a host down."""
    version, reading = version_of(backend), _metrics(backend)
    seen = reading or HostMetrics()
    facts = {
        "served_max_model_len": model.max_model_len,
        "languages": model.languages,
        "checked_at": timezone.now(),
        "version": version,
        "warnings": warnings(backend, model.max_model_len, version),
        "running": int(seen.running or 0),
        "waiting": int(seen.waiting or 0),
        "kv_usage": seen.kv_usage,
        "generation_tokens": seen.generation_tokens,
        "launch_seen": launch_seen(model, seen),
    }
    return Told(facts, reading)


def launch_seen(model: Serves, seen: HostMetrics) -> dict[str, Any]:
    """What of its launch can be seen from outside, by the names of the profile's flags, where it is told."""
    told = {
        "model": model.root or None,
        "gpu-memory-utilization": seen.gpu_memory_utilization,
        "enable-prefix-caching": seen.prefix_caching,
    }
    return {name: value for name, value in told.items() if value is not None}


def warnings(backend: Backend, served_length: int | None, version: str) -> list[str]:
    """Where a host differs from its profile, in sentences, and what pages and its newest self-test told of it."""
    found = []
    if served_length and served_length < backend.max_model_len:
        found.append(f"It serves a context of {served_length} tokens; its profile says {backend.max_model_len}.")
    if old := versions.too_old(version, backend.model_profile):
        found.append(old)
    if short := memory_warnings.of(backend):
        found.append(short)
    health = getattr(backend, "health", None)
    tested = health.self_test.get("warnings", []) if health else []
    return found + [warning for warning in tested if warning not in found]


def version_of(backend: Backend) -> str:
    try:
        return vllm.server_version(calling.endpoint(backend), PROBE_TIMEOUT_SECONDS)[:60]
    except errors.BackendFailed as error:
        log.debug("backend.no_version", backend=backend.name, reason=error.message)
        return ""


def _metrics(backend: Backend) -> HostMetrics | None:
    try:
        found = metrics.parse(vllm.metrics_text(calling.endpoint(backend), PROBE_TIMEOUT_SECONDS))
    except errors.BackendFailed as error:
        log.debug("backend.no_metrics", backend=backend.name, reason=error.message)
        return None
    return found if found != HostMetrics() else None
