"""How many retries are too many: when every second call fails, trying all of them again at once makes it worse.

In a minute at most 20 % of the calls may be retries, three in any case (AWS's and gRPC's retry budgets; a small site
must be able to fail over). What goes beyond waits for its turn, and is not lost.
"""

from __future__ import annotations

from collections.abc import Sequence

WINDOW_SECONDS = 60.0
SHARE = 0.2
AT_LEAST = 3
LONGEST_WAIT_SECONDS = 600.0
REASON = "Many pages failed in the last minute: this one is tried again a little later."


def budget(calls: int) -> float:
    """How many retries `calls` calls of the last minute allow in a minute."""
    return max(float(AT_LEAST), SHARE * calls)


def wait_seconds(calls: int, turns: Sequence[float]) -> float:
    """How long one more retry has to wait; 0 when it may go at once.

    `calls`: all of the last minute. `turns`: when the retries granted so far were or will be made, in seconds from now:
    negative for those of the last minute. With a budget of three, the fourth goes a minute after the first.
    """
    allowed = int(budget(calls))
    if len(turns) < allowed:
        return 0.0
    return min(max(0.0, sorted(turns)[-allowed] + WINDOW_SECONDS), LONGEST_WAIT_SECONDS)
