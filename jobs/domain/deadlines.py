"""How long a call may take: as long as the longest answer would, at the speed measured of that host.

A slow page is not a sick host, and a hung host should not hold a slot for minutes where pages take seconds.
"""

from __future__ import annotations

BASE_SECONDS = 20.0  # the image's preparation, and the wait for a slot behind another page
# Measured on one H200 with vLLM 0.25.1: a request among 16 is 3.4 times slower than one alone. A host measured
# while idle must not fail its pages when it fills.
SAFETY = 5.0
FLOOR_SECONDS = 60.0  # below this a hiccup (a neighbour's start, a long prefill) would look like a hang


def call_seconds(max_tokens: int, tokens_per_second: float | None, *, cap_seconds: float) -> float:
    """The time limit of one call in seconds, never over `cap_seconds`, which it is while nothing has been measured.

    `tokens_per_second` is that of one request, its waiting and prefill included.
    """
    if not tokens_per_second or tokens_per_second <= 0:
        return cap_seconds
    wanted = BASE_SECONDS + SAFETY * max_tokens / tokens_per_second
    return min(max(wanted, FLOOR_SECONDS), cap_seconds)
