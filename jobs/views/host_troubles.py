"""What is wrong with one host, and what to do about it."""

from __future__ import annotations

from datetime import timedelta

from jobs.domain import measured, troubles
from jobs.domain.measured import Figures
from jobs.domain.troubles import Observed, Trouble
from jobs.models import Backend
from jobs.services import admission
from jobs.views.host_launch import profile_of

WINDOW = timedelta(days=1)


def found(backend: Backend, day: Figures) -> list[Trouble]:
    """`day`: what was measured of it over WINDOW. Nothing is said of a host that is not in use, nor of a CPU host."""
    health = getattr(backend, "health", None)
    if health is None or backend.kind != "gpu" or backend.lifecycle in ("planned", "disabled"):
        return []
    expected = measured.span(backend.expected.get("tokens_per_second"))
    return troubles.found(
        Observed(
            profile_of(backend),
            state=health.state,
            reason=health.reason,
            version=health.version,
            served_max_model_len=health.served_max_model_len,
            processor=admission.processor_loaded(health.self_test),
            out_of_memory=day.out_of_memory,
            pages=day.pages,
            quality_retries=day.quality_retries,
            tokens_per_second=day.tokens_per_second,
            at_once=day.at_once,
            expected=expected[0] if expected else None,
        )
    )
