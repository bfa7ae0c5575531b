"""A host's own page: its profile, what was measured beside what is expected, and charts. For administrators."""

from __future__ import annotations

from functools import cached_property

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from jobs import errors
from jobs.domain.drift import Line as Drift
from jobs.domain.troubles import Trouble
from jobs.models import Backend
from jobs.services import backends, measuring
from jobs.views import host_charts, host_drift, host_figures, host_troubles
from jobs.views.administrators import administrators_only
from jobs.views.benchmarks import Section
from jobs.views.charts import Chart
from jobs.views.host_charts import PERIODS, HostCharts
from jobs.views.host_launch import HostLaunch
from jobs.views.hosts import Host


class HostPage:
    """One host over one period."""

    def __init__(self, backend: Backend, asked: str, version: str = "") -> None:
        self.backend, self.now = backend, timezone.now()
        self.period = host_charts.period_of(asked)
        self.periods = PERIODS.values()
        self.figures = measuring.figures(backend.name, self.period.window, now=self.now)
        self.host = Host(backend)
        self.launch = HostLaunch(backend, version) if backend.kind == "gpu" else None

    @cached_property
    def benchmarks(self) -> Section:
        return Section(self.backend)

    @cached_property
    def profile(self) -> list[tuple[str, list[host_figures.Line]]]:
        return host_figures.profile(self.backend)

    @cached_property
    def drift(self) -> list[Drift]:
        return host_drift.lines(self.backend) if self.host.shown else []

    @cached_property
    def troubles(self) -> list[Trouble]:
        name = self.backend.name
        return host_troubles.found(self.backend, measuring.rolled_up([name], host_troubles.WINDOW)[name])

    @cached_property
    def compared(self) -> list[host_figures.Line]:
        return [
            *host_figures.expected_and_measured(self.backend, self.figures),
            *host_figures.measured_alone(self.figures),
        ]

    @cached_property
    def classes(self) -> list[tuple[str, object]]:
        """(page counts of documents, percentiles) where anything was measured."""
        return [(name.replace("-", "–"), found) for name, found in sorted(self.figures.seconds_by_page_count.items())]

    @cached_property
    def charts(self) -> list[Chart]:
        times = self.period.times(self.now)
        found = measuring.series([self.backend.name], self.period.span, times[0])[self.backend.name]
        return HostCharts(self.backend, found, self.period, self.now).all()


@require_safe
@administrators_only
def host(request: HttpRequest, name: str) -> HttpResponse:
    """`over` is hour, day or month; `vllm` the version whose launch is shown."""
    try:
        backend = backends.find(name)
    except errors.NotFound as error:
        raise Http404(error.message) from None
    screen = HostPage(backend, request.GET.get("over", ""), request.GET.get("vllm", ""))
    return render(request, "jobs/backend.html", {"screen": screen})
