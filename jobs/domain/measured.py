"""A host's figures, reckoned from its sums, and set beside what is expected of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from jobs.domain import histograms
from jobs.domain.failures import Outcome
from jobs.domain.histograms import Counts
from jobs.domain.tallies import Tally

MOST = 1e12  # no figure of a host is larger


@dataclass(frozen=True)
class Percentiles:
    """Seconds."""

    p50: float
    p95: float
    p99: float


@dataclass(frozen=True)
class Figures:
    """What a host did from `since` until `until`. None: not measured.

    `pages` were read; `pages_per_minute` and `tokens_per_second` (written, all requests together) are over
    `busy_seconds`, the time in which it had at least one call: an idle night makes no host slow. `at_once`: calls under
    way while it was busy, on the mean. `seconds`: of one page, its waiting inside the host included, over calls that
    the host held to their end, timeouts too; `seconds_by_page_count`: the same for documents of so many pages.
    `queued_mean` and `queued_most`: pages that waited for it. `utilisation_while_waiting`: the share of its slots in
    use (0 to 1) at the looks that found pages waiting for it.
    """

    since: datetime
    until: datetime
    pages: int = 0
    pages_per_minute: float | None = None
    tokens_per_second: float | None = None
    seconds: Percentiles | None = None
    seconds_by_page_count: Mapping[str, Percentiles] = field(default_factory=dict)
    outcomes: Mapping[str, int] = field(default_factory=dict)
    out_of_memory: int = 0
    quality_retries: int = 0
    at_once: float | None = None
    at_once_most: int | None = None
    busy_seconds: float = 0.0
    queued_mean: float | None = None
    queued_most: int | None = None
    utilisation_while_waiting: float | None = None


def figures(tally: Tally, since: datetime, until: datetime) -> Figures:
    """The figures that these sums make."""
    busy = tally.busy_seconds
    by_class = {name: percentiles(counts) for name, counts in tally.seconds.items()}
    return Figures(
        since=since,
        until=until,
        pages=tally.pages,
        pages_per_minute=tally.pages * 60 / busy if busy else None,
        tokens_per_second=tally.completion_tokens / busy if busy and tally.completion_tokens else None,
        seconds=percentiles(histograms.merged(tally.seconds.values())),
        seconds_by_page_count={name: found for name, found in by_class.items() if found},
        outcomes=tally.outcomes,
        out_of_memory=tally.outcomes.get(Outcome.OUT_OF_MEMORY, 0),
        quality_retries=tally.quality_retries,
        at_once=tally.call_seconds / busy if busy else None,
        at_once_most=tally.in_flight_most if tally.looks else None,
        busy_seconds=busy,
        queued_mean=tally.queued / tally.looks if tally.looks else None,
        queued_most=tally.queued_most if tally.looks else None,
        utilisation_while_waiting=tally.waiting_use / tally.waiting_looks if tally.waiting_looks else None,
    )


def percentiles(counts: Counts) -> Percentiles | None:
    """None where nothing was counted."""
    p50, p95, p99 = (histograms.quantile(counts, share) for share in (0.5, 0.95, 0.99))
    return None if p50 is None or p95 is None or p99 is None else Percentiles(p50, p95, p99)


@dataclass(frozen=True)
class Compared:
    """One figure of a host: the range that is expected, None where nobody said; what was measured, None where nothing
    was. `ratio`: measured to the nearest end of the range, 1 inside it."""

    name: str
    expected: tuple[float, float] | None
    measured: float | None

    @property
    def ratio(self) -> float | None:
        if self.expected is None or self.measured is None or not all(self.expected):
            return None
        low, high = self.expected
        return self.measured / min(max(self.measured, low), high)


def compared(expected: Mapping[str, Any], found: Figures, *, slots: int) -> list[Compared]:
    """The figures that are expected of a host (a backend's `expected`) beside what was measured.

    How long ten or fifty pages take is reckoned from the median page of that class of documents, `slots` at a time.
    """
    measured = {
        "tokens_per_second": found.tokens_per_second,
        "seconds_10_pages": _document_seconds(found, 10, "10-20", slots),
        "seconds_50_pages": _document_seconds(found, 50, "31+", slots),
        "concurrent_requests": float(found.at_once_most) if found.at_once_most else None,
    }
    return [Compared(name, span(expected.get(name)), value) for name, value in measured.items()]


def _document_seconds(found: Figures, pages: int, page_count_class: str, slots: int) -> float | None:
    one = found.seconds_by_page_count.get(page_count_class)
    return one.p50 * math.ceil(pages / slots) if one else None


def span(value: Any) -> tuple[float, float] | None:
    """A figure as it is entered, a number or a pair, as a range; None where it is neither, or beyond all measure."""
    ends = value if isinstance(value, list | tuple) else [value, value]
    numbers = [end for end in ends if isinstance(end, int | float) and not isinstance(end, bool) and -MOST < end < MOST]
    return (float(min(numbers)), float(max(numbers))) if len(ends) == len(numbers) == 2 else None
