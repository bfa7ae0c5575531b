"""A host's profile beside what it runs with."""

from __future__ import annotations

from jobs.domain import drift
from jobs.domain.drift import Line, Seen
from jobs.models import Backend
from jobs.services import admission
from jobs.views.host_launch import profile_of


def lines(backend: Backend) -> list[Line]:
    """What the probes and the newest self-test told, flag by flag. For GPU hosts: only these are launched by hand."""
    health = getattr(backend, "health", None)
    if health is None or backend.kind != "gpu":
        return []
    seen = Seen(
        version=health.version,
        max_model_len=health.served_max_model_len,
        processor=admission.processor_loaded(health.self_test),
        launch=health.launch_seen,
    )
    return drift.compared(profile_of(backend), seen)


def sentence(backend: Backend) -> str:
    return drift.sentence(lines(backend))
