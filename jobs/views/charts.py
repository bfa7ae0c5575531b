"""Charts as numbers for an SVG, in steps or in bars. No database, no clock.

The drawing stretches with its frame (viewBox of WIDTH by HEIGHT, not kept in proportion), so words stand beside it as
HTML, and lines keep their width by `vector-effect`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from jobs.views import words

WIDTH, HEIGHT = 600, 150
TIMES = "From (UTC)"
ROUND = (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10)
Value = float | None


@dataclass(frozen=True)
class Series:
    """One line or one colour of bars. `look` is a class of static/css/figures.css: a colour and a way of drawing."""

    label: str
    look: str
    values: Sequence[Value]


@dataclass(frozen=True)
class Bar:
    """A rectangle in the drawing's units."""

    look: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Chart:
    """`labels`: of each place along the lower edge, of which `axis` says what they are. `stacked`: bars on top of each
    other, else stepped lines; what is None is left out. `expected`: a range that is shaded behind. `mark`: where an
    upright line stands, as a share of the width. `shown` writes a value with its unit."""

    key: str
    title: str
    note: str
    labels: Sequence[str]
    series: Sequence[Series]
    shown: Callable[[float], str]
    stacked: bool = False
    expected: tuple[float, float] | None = None
    axis: str = TIMES
    mark: float | None = None
    width: int = WIDTH
    height: int = HEIGHT

    @property
    def empty(self) -> bool:
        """Whether there is nothing to draw; `nothing` then says why."""
        return not any(value for series in self.series for value in series.values)

    @property
    def axis_words(self) -> str:
        """What stands under the lower edge: times are known for what they are."""
        return "" if self.axis == TIMES else self.axis

    @property
    def nothing(self) -> str:
        measured = any(value is not None for series in self.series for value in series.values)
        return "None in this time." if measured else "Nothing was measured in this time."

    @cached_property
    def top(self) -> float:
        """The value at the upper edge: the next round number."""
        if self.stacked:
            highest = max((sum(v or 0 for v in column) for column in self._columns), default=0)
        else:
            highest = max((v for series in self.series for v in series.values if v is not None), default=0)
        return rounded_up(max(highest, self.expected[1] if self.expected else 0))

    @property
    def _columns(self) -> list[tuple[Value, ...]]:
        return list(zip(*(series.values for series in self.series), strict=True))

    @property
    def _column(self) -> float:
        return self.width / max(1, len(self.labels))

    def _y(self, value: float) -> float:
        return round(self.height * (1 - min(value, self.top) / self.top), 1)

    @property
    def paths(self) -> list[tuple[str, str]]:
        """(look, path) of each stepped line."""
        return [] if self.stacked else [(series.look, self._steps(series.values)) for series in self.series]

    def _steps(self, values: Sequence[Value]) -> str:
        parts, drawing = [], False
        for place, value in enumerate(values):
            if value is not None:
                left = round(place * self._column, 1)
                parts.append(f"V{self._y(value)}" if drawing else f"M{left} {self._y(value)}")
                parts.append(f"H{round((place + 1) * self._column, 1)}")
            drawing = value is not None
        return "".join(parts)

    @property
    def bars(self) -> list[Bar]:
        if not self.stacked:
            return []
        found = []
        for place, column in enumerate(self._columns):
            below = 0.0
            for series, value in zip(self.series, column, strict=True):
                if value:
                    top, bottom = self._y(below + value), self._y(below)
                    left, wide = round((place + 0.1) * self._column, 1), round(self._column * 0.8, 1)
                    found.append(Bar(series.look, left, top, wide, round(bottom - top, 1)))
                    below += value
        return found

    @property
    def band(self) -> Bar | None:
        """What is expected, as a stripe at least two units high."""
        if self.expected is None or self.empty:
            return None
        top, bottom = self._y(self.expected[1]), self._y(self.expected[0])
        return Bar("expected", 0, top, self.width, max(2.0, round(bottom - top, 1)))

    @property
    def top_words(self) -> str:
        return self.shown(self.top)

    @property
    def label_words(self) -> list[str]:
        """The first, the middle and the last label, for below the drawing."""
        last = len(self.labels) - 1
        return [self.labels[place] for place in (0, (last + 1) // 2, last)] if self.labels else []

    @property
    def mark_path(self) -> str:
        """The upright line."""
        return "" if self.mark is None else f"M{round(self.mark * self.width, 1)} 0V{self.height}"

    @property
    def description(self) -> str:
        """What somebody who does not see the drawing is told."""
        if self.empty:
            return self.nothing
        said = []
        for series in self.series:
            known = [value for value in series.values if value is not None]
            if known:
                said.append(f"{series.label}: from {self.shown(min(known))} to {self.shown(max(known))}")
        return f"{'; '.join(said)}."

    @property
    def rows(self) -> list[tuple[str, list[str]]]:
        """For the table; places without anything are left out."""
        return [
            (label, ["–" if value is None else self.shown(value) for value in column])
            for label, column in zip(self.labels, self._columns, strict=True)
            if any(value is not None for value in column)
        ]


def rounded_up(value: float) -> float:
    """The next round number: of 1 to 10 those in ROUND, and so on by tens; 1 for nothing."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(power * step for step in ROUND if power * step >= value * 0.9999)


def plain(value: float) -> str:
    return words.figure(value)
