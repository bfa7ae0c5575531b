"""What hosts do, as measured, and what they cost: for administrators."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import Any

from django.http import HttpRequest
from ninja import Field, Query, Router, Schema

from jobs.api import examples
from jobs.api.answers import answers
from jobs.api.auth import needs
from jobs.domain import measured
from jobs.domain.measured import Percentiles
from jobs.schemas import MeasuredOut
from jobs.services import backends, measuring

router = Router(tags=["Figures"], auth=needs("admin"))


class MeasuredQuery(Schema):
    hours: float = Field(24, gt=0, le=87_600, examples=[24], description="How far back, at most ten years.")


@router.get(
    "/backends/{name}/measured",
    summary="What was measured of a backend",
    **answers(MeasuredOut, example=examples.MEASURED, refusals=("not_found", "invalid")),
)
def get_measured(request: HttpRequest, name: str, query: Query[MeasuredQuery]) -> dict[str, Any]:
    """From real attempts, up to this moment. `since` is the beginning of the minute, hour or day in which the time
    begins. Paces are over the time in which the host was busy: an idle night makes no host slow."""
    backend = backends.find(name)
    found = measuring.figures(name, timedelta(hours=query.hours))
    compared = measured.compared(backend.expected, found, slots=backend.slots)
    return {
        **asdict(found),
        "backend": name,
        "seconds": _percentiles(found.seconds),
        "compared": [{**asdict(one), "ratio": one.ratio} for one in compared],
    }


def _percentiles(found: Percentiles | None) -> dict[str, float | None]:
    return asdict(found) if found else {"p50": None, "p95": None, "p99": None}
