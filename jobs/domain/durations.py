"""Durations sorted into spans, as a Prometheus histogram has them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping

# Seconds. From a hand-over between two processes (some hundredths) to a page's time limit; a page takes 2 to 40 s, and
# the operator's threshold for the slowest one in a hundred is 60 s, so that is a bound.
BOUNDS_SECONDS = (0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0, 300.0)
_BOUNDS_MS = tuple(round(bound * 1000) for bound in BOUNDS_SECONDS)
BEYOND_MS = 2_147_483_647  # the span above the last bound: the largest number that the column holds


def up_to_ms(seconds: float) -> int:
    """The upper bound, in milliseconds, of the span that a duration falls into; the bound itself belongs to it."""
    place = bisect_left(_BOUNDS_MS, seconds * 1000)
    return _BOUNDS_MS[place] if place < len(_BOUNDS_MS) else BEYOND_MS


def cumulative(spans: Mapping[int, int]) -> list[tuple[str, float]]:
    """Counts by span as Prometheus wants them: for each bound, the last of them +Inf, how many were no longer.

    Spans may have bounds that are none any more: each counts from the next bound on.
    """
    found: list[tuple[str, float]] = [
        (str(bound), float(sum(count for span, count in spans.items() if span <= bound_ms)))
        for bound, bound_ms in zip(BOUNDS_SECONDS, _BOUNDS_MS, strict=True)
    ]
    return [*found, ("+Inf", float(sum(spans.values())))]
