"""What a benchmark found: a figure, what it is held against in the same run, and the target for their ratio."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Measurement:
    """`value` and `reference` in `unit`; what is judged is `value / reference`, or `value` where there is no reference.

    `at_most` and `at_least` are the target, None where the figure is only told. `policy`: what the site ran under.
    """

    bench: str
    what: str
    value: float
    unit: str
    reference: float | None = None
    at_most: float | None = None
    at_least: float | None = None
    policy: str = ""

    @property
    def judged(self) -> float:
        return self.value / self.reference if self.reference else self.value

    @property
    def holds(self) -> bool | None:
        """Whether the target was met; None where there is none."""
        if self.at_most is None and self.at_least is None:
            return None
        return (self.at_most is None or self.judged <= self.at_most) and (
            self.at_least is None or self.judged >= self.at_least
        )

    @property
    def target(self) -> str:
        if self.at_most is not None:
            return f"≤ {self.at_most:g}"
        return f"≥ {self.at_least:g}" if self.at_least is not None else ""

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"judged": round(self.judged, 4), "target": self.target, "holds": self.holds}


def from_json(row: dict[str, Any]) -> Measurement:
    """What `as_json` wrote; what is derived is left out."""
    return Measurement(**{name: row[name] for name in Measurement.__dataclass_fields__})


def p95(ascending: Sequence[float]) -> float:
    """By nearest rank: of twenty the last but one."""
    return ascending[math.ceil(len(ascending) * 0.95) - 1]


VERDICTS = {True: "met", False: "MISSED", None: "–"}
COLUMNS = ("bench", "what", "measured", "reference", "ratio", "target", "")


def rows(measurements: list[Measurement]) -> list[tuple[str, ...]]:
    """Each measurement as the cells of COLUMNS."""
    return [
        (
            one.bench,
            one.what,
            f"{one.value:.4g} {one.unit}".strip(),
            f"{one.reference:.4g} {one.unit}".strip() if one.reference else "",
            f"{one.judged:.3f}" if one.reference else "",
            one.target,
            VERDICTS[one.holds],
        )
        for one in measurements
    ]


def markdown(measurements: list[Measurement]) -> str:
    """A pipe table of them."""
    return table(COLUMNS, rows(measurements))


def table(columns: Sequence[str], cells: Sequence[Sequence[str]]) -> str:
    """A pipe table, as docs/performance.md shows it."""
    lines = [columns, ["---"] * len(columns), *cells]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
