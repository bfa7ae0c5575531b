"""How fast a host reads, as an exponentially weighted mean over its newest pages."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

WEIGHT = 0.2  # of the newest page: ten pages on, nine tenths of a change are seen


@dataclass(frozen=True)
class Sample:
    """One page that was read: seconds of wall time, and the tokens that came, None where the host told none."""

    seconds: float
    tokens: int | None


@dataclass(frozen=True)
class Speed:
    """`tokens_per_second` of one request, its waiting included; None while nothing was measured."""

    seconds_per_page: float | None = None
    tokens_per_second: float | None = None


def after(speed: Speed, samples: Iterable[Sample]) -> Speed:
    """The speed once these pages have been read too, oldest first. Impossible times are left out."""
    for sample in samples:
        if sample.seconds <= 0:
            continue
        rate = sample.tokens / sample.seconds if sample.tokens else None
        speed = Speed(_mean(speed.seconds_per_page, sample.seconds), _mean(speed.tokens_per_second, rate))
    return speed


def _mean(before: float | None, newest: float | None) -> float | None:
    if before is None or newest is None:
        return before if newest is None else newest
    return before + WEIGHT * (newest - before)
