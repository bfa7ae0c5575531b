"""What hosts do, as measured, and what they cost: for administrators."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import Any

from django.http import HttpRequest
from ninja import Field, Query, Router, Schema

from jobs.api import host_examples as examples
from jobs.api.answers import answers
from jobs.api.auth import needs
from jobs.domain import measured
from jobs.domain.measured import Percentiles
from jobs.schemas import CostsOut, MeasuredOut
from jobs.services import backends, costing, measuring
from jobs.services.costing import HostCost

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


@router.get("/costs", summary="What the backends cost", **answers(CostsOut, example=examples.COSTS))
def get_costs(request: HttpRequest) -> dict[str, Any]:
    """A month, a year and three years of each backend, 1,000 pages at today's volume, and from how many documents a day
    the second host pays off. In dollars."""
    found = costing.overview()
    span = found.pair.pays_off() if found.pair else None
    return {
        "backends": {host.backend.name: _costs(host) for host in found.hosts},
        "first": found.first,
        "second": found.second,
        "pays_off_at_documents_per_day": span[1] if span else None,
        "documents_per_day": found.documents_today,
        "pages_per_document": found.pages_per_document,
        "price_per_kwh": found.basis.price_per_kwh,
    }


def _costs(host: HostCost) -> dict[str, Any]:
    found = host.costs
    return {
        "month": found and found.month,
        "one_year": found and found.after(12),
        "three_years": found and found.after(36),
        "per_1000_pages": host.per_1000_pages,
        "hardware": found and found.hardware,
        "power_month": found and found.power_month,
        "pages_today": host.pages_today,
        "pages_a_day": host.pages_a_day,
        "pace_from": host.pace_from,
    }
