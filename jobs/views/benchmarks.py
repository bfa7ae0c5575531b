"""A host's benchmarks on its page: begun, watched, stopped, what was found and taken over. For administrators."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from jobs import actors, errors
from jobs.domain import benchmark_plan, host_profile
from jobs.domain.benchmark_plan import Proposal, Result, Verdict
from jobs.models import Backend, Benchmark
from jobs.services import backends, benchmarking
from jobs.views import host_figures, words
from jobs.views.administrators import administrators_only
from jobs.views.rows import digest

SHOWN = 6  # the newest and those before it
ITEMS = {item.key: item for item in host_profile.EXPECTED}
# (look, word) of each state.
LOOKS = {
    "waiting": ("waiting", "waits for a worker"),
    "running": ("running", "running"),
    "done": ("done", "done"),
    "failed": ("failed", "the host failed"),
    "stopped": ("cancelled", "stopped"),
    "interrupted": ("failed", "interrupted"),
}


@dataclass(frozen=True)
class Line:
    """One figure: what is expected, what was found, how they go together, what the benchmark before found."""

    label: str
    expected: str
    found: str
    ratio: str
    verdict: str
    before: str


@dataclass(frozen=True)
class Offer:
    """A proposed setting; `taken`: it is set so already."""

    proposal: Proposal
    taken: bool


class Section:
    """All that the host's page shows of benchmarks, as it is now. Three queries at the most."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        rows = benchmarking.of(backend, limit=SHOWN)
        self.newest: Benchmark | None = rows[0] if rows else None
        self.earlier = [(row, *LOOKS[row.state], _found(row)) for row in rows[1:]]
        self.refusal = benchmarking.refusal(backend)
        self.offers: list[Offer] = []
        self.lines: list[Line] = []
        self.concurrency: list[Result] = []
        self.resolutions: list[tuple[Result, str]] = []
        if self.newest:
            self._read(self.newest)

    def _read(self, newest: Benchmark) -> None:
        results = benchmarking.results(newest)
        self.look, self.word = LOOKS[newest.state]
        self.verdict: Verdict = benchmarking.verdict(newest)
        self.concurrency = benchmark_plan.concurrency(results)
        self.resolutions = [(r, _ended(r)) for r in results if r.step.kind == "resolution"]
        self.lines = _lines(newest) if results else []
        self.offers = [
            Offer(one, bool(one.field) and getattr(self.backend, one.field) == one.proposed)
            for one in self.verdict.proposals
        ]

    @property
    def seen(self) -> str:
        newest = self.newest
        told = (newest.pk, newest.state, newest.doing, len(newest.steps)) if newest else ()
        return digest(told, self.refusal, [offer.taken for offer in self.offers])


def _lines(newest: Benchmark) -> list[Line]:
    earlier = benchmarking.before(newest)
    before = benchmarking.verdict(earlier).figures() if earlier else {}
    lines = []
    for one in benchmarking.compared(newest):
        item = ITEMS[one.name]
        ratio, verdict = host_figures.ratio_words(one)
        if one.name in ("concurrent_requests", "highest_dpi") and one.ratio not in (None, 1):
            ratio, verdict = f"{one.ratio:.2g}×", "good" if (one.ratio or 0) > 1 else "bad"
        expected = host_figures.range_words(one.expected, item.unit)
        lines.append(
            Line(
                item.label,
                expected,
                _said(one.measured, item.unit),
                ratio,
                verdict,
                _said(before.get(one.name), item.unit),
            )
        )
    return lines


def _said(value: float | None, unit: str) -> str:
    if value is None:
        return ""
    return words.moments(value) if unit == "s" else host_figures.with_unit(words.figure(value), unit)


def _ended(result: Result) -> str:
    """How the calls of a step ended: `all 4 read`, `1 read, 3 out of memory`."""
    if result.whole:
        return f"all {result.read} read"
    ends = {"ok": "read", "host_down": "lost with the host"}
    return ", ".join(f"{n} {ends.get(o, o.replace('_', ' '))}" for o, n in sorted(result.outcomes.items()))


def _found(row: Benchmark) -> str:
    """One line about an earlier one."""
    figures = benchmarking.verdict(row).figures()
    told = [_said(figures[name], ITEMS[name].unit) for name in ("tokens_per_second", "seconds_10_pages")]
    return " · ".join(part for part in (told[0], told[1] and f"10 pages in {told[1]}") if part)


@require_safe
@administrators_only
def live(request: HttpRequest, name: str) -> HttpResponse:
    """What changed: 204 if `seen` still holds."""
    section = Section(_host(name))
    if request.GET.get("seen") == section.seen:
        return HttpResponse(status=204)
    return render(request, "jobs/partials/_benchmark_live.html", {"section": section})


@require_POST
@administrators_only
def act(request: HttpRequest, name: str, deed: str) -> HttpResponse:
    """Does it and goes back to the host's page."""
    if deed not in DEEDS:
        raise Http404
    _host(name)
    try:
        DEEDS[deed](request, name)
    except errors.RequestRefused as error:
        messages.error(request, error.message)
    return redirect(f"{reverse('backend', args=[name])}#benchmark")


def _host(name: str) -> Backend:
    try:
        return backends.find(name)
    except errors.NotFound as error:
        raise Http404(error.message) from None


def _begin(request: HttpRequest, name: str) -> None:
    begun = benchmarking.begin(name, by=request.user)
    actors.benchmark_soon(begun.pk)
    messages.success(request, f"The benchmark of {name} begins. It takes some minutes; pages go first.")


def _stop(request: HttpRequest, name: str) -> None:
    benchmarking.stop(name, by=request.user)
    messages.success(request, f"The benchmark of {name} stops.")


def _take_over(request: HttpRequest, name: str) -> None:
    asked, _, field = request.POST.get("proposal", "").partition(" ")
    taken = benchmarking.take_over(int(asked) if asked.isdecimal() and len(asked) < 18 else 0, field, by=request.user)
    actors.dispatch_soon()
    messages.success(
        request, f"{taken.name} has {words.counted(taken.slots, 'slot')} and {taken.queue_ahead} ahead now."
    )


DEEDS: dict[str, Callable[[HttpRequest, str], Any]] = {"begin": _begin, "stop": _stop, "take-over": _take_over}
