"""A host's charts over an hour, a day or a month, from its sums."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from jobs.domain import histograms, measured
from jobs.domain.tallies import Tally
from jobs.models import Backend
from jobs.services import rolling_up
from jobs.views import charts, words
from jobs.views.charts import Chart, Series


@dataclass(frozen=True)
class Period:
    """A stretch of time that charts show: `count` times `step`, each a Measurement's `span`."""

    key: str
    label: str
    words: str
    span: str
    step: timedelta
    count: int

    @property
    def window(self) -> timedelta:
        return self.step * self.count

    def times(self, now: datetime) -> list[datetime]:
        """When each step of it began, oldest first, the present one last."""
        last = {"minute": _minute, "hour": rolling_up.hour_of, "day": rolling_up.day_of}[self.span](now)
        return [last - self.step * place for place in range(self.count - 1, -1, -1)]

    def label_of(self, at: datetime) -> str:
        """`14:05`, of a day `3 Mar`."""
        return f"{at.day} {at:%b}" if self.span == "day" else f"{at:%H:%M}"


def _minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)


PERIODS = {
    period.key: period
    for period in (
        Period("hour", "Hour", "the last hour", "minute", timedelta(minutes=1), 60),
        Period("day", "Day", "the last 24 hours", "hour", timedelta(hours=1), 24),
        Period("month", "Month", "the last 30 days", "day", timedelta(days=1), 30),
    )
}


def period_of(asked: str) -> Period:
    """The period asked for; the day where there is none of that name."""
    return PERIODS.get(asked, PERIODS["day"])


Values = Mapping[datetime, Tally]
Reckoned = Callable[[Tally], float | None]


class HostCharts:
    """All charts of one host."""

    def __init__(self, backend: Backend, found: Values, period: Period, now: datetime) -> None:
        self._backend, self._found, self._period, self._now = backend, found, period, now
        self._times = period.times(now)

    def all(self) -> list[Chart]:
        return [self.pages(), self.tokens(), self.latency(), self.queue(), self.outcomes(), self.retries()]

    def pages(self, key: str = "pages") -> Chart:
        line = Series("pages a minute", "line-1", [self._a_minute(at) for at in self._times])
        return self._chart(key, "Pages a minute", "Read, over all the time, idle or not.", [line], charts.plain)

    def tokens(self) -> Chart:
        line = self._line("tokens/s", "line-1", lambda t: measured.figures(t, self._now, self._now).tokens_per_second)
        expected = measured.span(self._backend.expected.get("tokens_per_second"))
        note = "Written while it was busy, all requests together." + (" Shaded: expected." if expected else "")
        return self._chart("tokens", "Tokens a second", note, [line], charts.plain, expected=expected)

    def latency(self) -> Chart:
        shares = ((0.5, "p50", "line-1"), (0.95, "p95", "line-2"), (0.99, "p99", "line-3"))
        lines = [self._line(label, look, _seconds(share)) for share, label, look in shares]
        return self._chart("latency", "Seconds a page", "Half, 95 % and 99 % were faster.", lines, words.moments)

    def queue(self) -> Chart:
        lines = [
            self._line("on the mean", "line-1", lambda t: t.queued / t.looks if t.looks else None),
            self._line("at most", "line-2", lambda t: t.queued_most if t.looks else None),
        ]
        return self._chart("queue", "Queue depth", "Pages that waited for it.", lines, charts.plain)

    def outcomes(self) -> Chart:
        bars = [
            self._line("read", "good", lambda t: t.pages),
            self._line("read badly", "doubtful", lambda t: _sum(t, ("looping", "empty"))),
            self._line("failed", "bad", lambda t: sum(t.outcomes.values()) - t.pages - _sum(t, ("looping", "empty"))),
        ]
        return self._chart(
            "outcomes", "How calls ended", "One bar’s height is all calls.", bars, charts.plain, stacked=True
        )

    def retries(self) -> Chart:
        bars = [self._line("quality retries", "doubtful", lambda t: t.quality_retries)]
        note = "Calls made because a page was read badly."
        return self._chart("retries", "Quality retries", note, bars, charts.plain, stacked=True)

    def _chart(
        self, key: str, title: str, note: str, series: list[Series], shown: Callable[[float], str], **more: Any
    ) -> Chart:
        return Chart(key, title, note, [self._period.label_of(at) for at in self._times], series, shown, **more)

    def _line(self, label: str, look: str, reckon: Reckoned) -> Series:
        return Series(label, look, [reckon(self._found[at]) if at in self._found else None for at in self._times])

    def _a_minute(self, at: datetime) -> float | None:
        found = self._found.get(at)
        lasted = min(self._period.step, max(self._now - at, timedelta(minutes=1)))  # the present one is not over yet
        return found.pages * 60 / lasted.total_seconds() if found else None


def _seconds(share: float) -> Reckoned:
    return lambda tally: histograms.quantile(histograms.merged(tally.seconds.values()), share)


def _sum(tally: Tally, outcomes: tuple[str, ...]) -> int:
    return sum(tally.outcomes.get(outcome, 0) for outcome in outcomes)
