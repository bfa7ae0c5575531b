"""What the hosts cost at today's volume, and what that is reckoned with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Avg, Max, Min
from django.utils import timezone

from jobs import errors
from jobs.domain import costs, measured
from jobs.domain.costs import Basis, Drawn, HostCosts, Pair, Range
from jobs.domain.measured import Figures
from jobs.models import Backend, CostBasis, Document, HealthSample
from jobs.services import access, measuring, routing

DAY = timedelta(days=1)
LATELY = timedelta(days=30)
ENOUGH_PAGES = 100  # from which a measured pace says more than the expected one
MEASURED_FROM = timedelta(hours=1)  # a shorter stretch says nothing about a month
LABELS = {
    "price_per_kwh": "price of a kWh",
    "hours_a_day": "hours a day",
    "pages_per_document": "pages a document",
    "elsewhere_per_1000": "1,000 pages read elsewhere",
}
# (least, most) of each; a price of 0 is one.
LIMITS = {
    "price_per_kwh": (0.0, 100.0),
    "hours_a_day": (0.1, 24.0),
    "pages_per_document": (0.1, 100_000.0),
    "elsewhere_per_1000": (0.0, 1_000_000.0),
}


@dataclass(frozen=True)
class HostCost:
    """One host. `costs` None: not entered. `pages_today`: read there in the last 24 hours. `pages_a_day`: what it can
    read, by `pace_from` (`measured`, `expected`, empty where nothing is known). `drawn` None: no exporter told it for
    MEASURED_FROM yet."""

    backend: Backend
    costs: HostCosts | None
    pages_today: int
    pages_a_day: float | None
    pace_from: str
    drawn: Drawn | None = None

    @property
    def per_1000_pages(self) -> Range | None:
        """At today's volume; None where it read nothing, or its costs are not known."""
        return self.costs.per_1000_pages(self.pages_today) if self.costs else None


@dataclass(frozen=True)
class Overview:
    """All hosts. `pair`: the policy's default host and the next that takes over from it; None where there is none, or
    its costs or paces are not known."""

    basis: Basis
    hosts: list[HostCost]
    documents_today: int
    pages_per_document: float
    pair: Pair | None
    first: str
    second: str


def basis() -> Basis:
    """What is reckoned with: as it was entered, else as it ships."""
    row = CostBasis.objects.first()
    return Basis(**{name: getattr(row, name) for name in LABELS}) if row else Basis()


def change(*, by: Any, **fields: Any) -> Basis:
    """Enter another basis; what is left out stays. Raises errors.Invalid, naming each field."""
    wrong = {name: words for name, value in fields.items() if (words := _refusal(name, value))}
    if wrong:
        raise errors.Invalid(f"The costs were not saved: {'; '.join(wrong.values())}", wrong)
    with transaction.atomic():
        before = basis()
        after = Basis(**(asdict(before) | fields))
        CostBasis.objects.update_or_create(pk=1, defaults=asdict(after))
        changed = [
            f"{LABELS[name]}: {_plain(old)} → {_plain(getattr(after, name))}"
            for name, old in asdict(before).items()
            if old != getattr(after, name)
        ]
        if changed:
            access.audit("costs.changed", by=by, subject="costs", detail={"changes": changed})
    return after


def _refusal(name: str, value: Any) -> str:
    if name not in LIMITS:
        return "Unknown field."
    if value is None and name in ("pages_per_document", "elsewhere_per_1000"):
        return ""
    low, high = LIMITS[name]
    known = measured.span(value)
    if known is None or isinstance(value, list | tuple) or not low <= known[0] <= high:
        return f"Use a number from {low:g} to {high:g}."
    return ""


def _plain(value: float | None) -> str:
    return "none" if value is None else f"{value:g}"


def overview() -> Overview:
    """What every host costs now. Some ten queries, whatever was measured."""
    reckoned_with, now = basis(), timezone.now()
    backends = list(Backend.objects.in_name_order())
    names = [backend.name for backend in backends]
    today, lately = measuring.of_hosts(names, DAY, now=now), measuring.of_hosts(names, LATELY, now=now)
    drawn = _drawn(backends, now)
    hosts = [_host(b, today[b.name], lately[b.name], reckoned_with, drawn.get(b.pk)) for b in backends]
    by_name = {host.backend.name: host for host in hosts}
    uploaded = Document.objects.filter(created_at__gte=now - LATELY)
    mean = uploaded.aggregate(mean=Avg("page_count"))["mean"]
    pages = reckoned_with.pages_per_document or mean or costs.USUAL_PAGES
    first, second = _first_and_second(by_name)
    return Overview(
        basis=reckoned_with,
        hosts=sorted(hosts, key=lambda host: host.backend.kind != "gpu"),
        documents_today=uploaded.filter(created_at__gte=now - DAY).count(),
        pages_per_document=float(pages),
        pair=_pair(by_name.get(first), by_name.get(second), float(pages), reckoned_with),
        first=first,
        second=second,
    )


def _drawn(backends: Iterable[Backend], now: datetime) -> dict[int, Drawn]:
    """What the GPUs of hosts with an exporter drew over the last 24 hours, by the host's id. One query, or none.

    The mean of the power at each look, rather than the counter of energy, which begins anew with the driver and falls
    where a card is not told for a moment."""
    told = [backend.pk for backend in backends if backend.gpu_exporter_url]
    if not told:
        return {}
    rows = HealthSample.objects.filter(backend__in=told, at__gte=now - DAY, at__lte=now, gpu_power_watts__isnull=False)
    found = rows.order_by().values("backend").annotate(watts=Avg("gpu_power_watts"), since=Min("at"), until=Max("at"))
    return {
        row["backend"]: Drawn(row["watts"], row["since"])
        for row in found
        if row["until"] - row["since"] >= MEASURED_FROM
    }


def _host(backend: Backend, today: Figures, lately: Figures, reckoned_with: Basis, drawn: Drawn | None) -> HostCost:
    found = costs.of_host(backend.costs, backend.hardware, reckoned_with)
    pace, source = _pages_a_minute(backend, lately)
    pages_a_day = pace * 60 * reckoned_with.hours_a_day if pace else None
    return HostCost(backend, found, today.pages, pages_a_day, source, drawn)


def _pages_a_minute(backend: Backend, lately: Figures) -> tuple[float | None, str]:
    """What it can read. Measured only where it had much to do: a host with one page at a time shows half its pace."""
    busy_enough = lately.pages >= ENOUGH_PAGES and (lately.at_once or 0) >= backend.slots / 2
    if busy_enough and lately.pages_per_minute:
        return lately.pages_per_minute, "measured"
    expected = measured.span(backend.expected.get("seconds_10_pages"))
    return (10 * 60 * 2 / sum(expected), "expected") if expected and sum(expected) else (None, "")


def _first_and_second(hosts: Mapping[str, HostCost]) -> tuple[str, str]:
    """The default host, and the first GPU host after it in the order in which hosts take over; empty: there is none."""
    policy = routing.in_force()
    able = [name for name in policy.fallback_order if name in hosts and hosts[name].backend.lifecycle != "disabled"]
    others = [name for name in able if name != policy.default_backend and hosts[name].backend.kind == "gpu"]
    return policy.default_backend, others[0] if others else ""


def _pair(first: HostCost | None, second: HostCost | None, pages: float, reckoned_with: Basis) -> Pair | None:
    if not (first and second and first.costs and second.costs and first.pages_a_day and second.pages_a_day):
        return None
    return Pair(
        first.costs, second.costs, first.pages_a_day, second.pages_a_day, pages, reckoned_with.elsewhere_per_1000
    )
