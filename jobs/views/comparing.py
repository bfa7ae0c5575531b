"""Hosts side by side: machines, flags, and each figure expected, measured and as a ratio. For administrators."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from jobs.domain import host_profile
from jobs.models import Backend
from jobs.services import measuring
from jobs.views import host_charts, host_figures
from jobs.views.administrators import administrators_only
from jobs.views.charts import Chart
from jobs.views.host_charts import PERIODS, HostCharts
from jobs.views.host_figures import Line
from jobs.views.hosts import Host


@dataclass(frozen=True)
class Row:
    """One figure of all hosts, in their order."""

    label: str
    cells: Sequence[Line]


class Comparison:
    """All hosts over one period. Some five queries, and one more for each host that has just ended a page."""

    def __init__(self, asked: str) -> None:
        self.now = timezone.now()
        self.period = host_charts.period_of(asked)
        self.periods = PERIODS.values()
        known = Backend.objects.in_name_order().select_related("health")
        self.backends: list[Backend] = sorted(known, key=lambda backend: (backend.kind != "gpu", backend.name))
        self.hosts = [Host(backend) for backend in self.backends]
        names = [backend.name for backend in self.backends]
        self.figures = measuring.of_hosts(names, self.period.window, now=self.now)

    @cached_property
    def sections(self) -> list[tuple[str, list[Row]]]:
        """Machines first, then what is expected and measured; a figure that no host has is left out."""
        return [section for section in (self._expected, self._measured, *self._profiles) if section[1]]

    @property
    def _profiles(self) -> list[tuple[str, list[Row]]]:
        known = [host_figures.notes(backend) for backend in self.backends]
        return [
            (title, [row for item in host_profile.SECTIONS[title] if (row := self._row(item, known))])
            for title in ("Hardware", "Software", "Launch flags")
        ]

    def _row(self, item: host_profile.Item, known: list[dict[str, str]]) -> Row | None:
        cells = [
            Line(
                item.label,
                host_figures.item_words(item, getattr(b, item.group).get(item.key)),
                note=n.get(item.name, ""),
            )
            for b, n in zip(self.backends, known, strict=True)
        ]
        return Row(item.label, cells) if any(cell.expected for cell in cells) else None

    @property
    def _expected(self) -> tuple[str, list[Row]]:
        found = [
            {line.label: line for line in host_figures.expected_and_measured(b, self.figures[b.name])}
            for b in self.backends
        ]
        labels = [item.label for item in host_profile.EXPECTED if any(item.label in lines for lines in found)]
        rows = [Row(label, [lines.get(label, Line(label)) for lines in found]) for label in labels]
        return "Expected and measured", rows

    @property
    def _measured(self) -> tuple[str, list[Row]]:
        found = [host_figures.measured_alone(self.figures[backend.name]) for backend in self.backends]
        return "Measured", [Row(lines[0].label, lines) for lines in zip(*found, strict=True)]

    @cached_property
    def charts(self) -> list[tuple[Backend, Chart]]:
        times = self.period.times(self.now)
        found = measuring.series([backend.name for backend in self.backends], self.period.span, times[0])
        return [
            (b, HostCharts(b, found[b.name], self.period, self.now).pages(key=f"pages-{b.pk}")) for b in self.backends
        ]


@require_safe
@administrators_only
def compare(request: HttpRequest) -> HttpResponse:
    """`over` is hour, day or month."""
    return render(request, "jobs/compare.html", {"screen": Comparison(request.GET.get("over", ""))})
