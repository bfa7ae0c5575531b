"""Spans of time counted in fixed logarithmic buckets, so that percentiles of parts can be put together to those of the
whole: the counts of two histograms add up, whatever they were counted over.

Bucket n holds the seconds from LEAST_SECONDS · GROWTH^n up to the next. A percentile is told as the middle of its
bucket, so it is off by at most 2.5 %.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

GROWTH = 1.05
LEAST_SECONDS = 0.001  # what is shorter is counted as this
MOST_SECONDS = 86_400.0  # what is longer, too: no call lasts a day

Counts = Mapping[int, int]  # bucket -> how many; empty buckets are left out


def bucket_of(seconds: float) -> int:
    """The bucket that holds a span of so many seconds."""
    within = min(max(seconds, LEAST_SECONDS), MOST_SECONDS)
    return math.floor(math.log(within / LEAST_SECONDS) / math.log(GROWTH) + 1e-9)


def counted(spans: Iterable[float]) -> dict[int, int]:
    """A histogram of these spans, in seconds."""
    counts: dict[int, int] = {}
    for seconds in spans:
        bucket = bucket_of(seconds)
        counts[bucket] = counts.get(bucket, 0) + 1
    return counts


def merged(parts: Iterable[Counts]) -> dict[int, int]:
    """All of them as one. In whatever order, and in whatever steps."""
    counts: dict[int, int] = {}
    for part in parts:
        for bucket, count in part.items():
            counts[bucket] = counts.get(bucket, 0) + count
    return counts


def quantile(counts: Counts, share: float) -> float | None:
    """The seconds that `share` (0 to 1) of the spans do not exceed; None where nothing was counted."""
    total = sum(counts.values())
    if not total:
        return None
    wanted, seen = max(1, math.ceil(share * total - 1e-9)), 0
    for bucket in sorted(counts):
        seen += counts[bucket]
        if seen >= wanted:
            return float(LEAST_SECONDS * GROWTH ** (bucket + 0.5))
    raise AssertionError("the counts of all buckets make up the total")
