"""How many retries are too many: when every second call fails, trying all of them again at once makes it worse.

In a minute at most 20 % of the calls may be retries, three in any case (AWS's and gRPC's retry budgets; a small site
must be able to fail over). What goes beyond waits for a later minute, and is not lost.
"""

from __future__ import annotations

WINDOW_SECONDS = 60.0
SHARE = 0.2
AT_LEAST = 3
LONGEST_WAIT_SECONDS = 600.0
REASON = "Many pages failed in the last minute: this one is tried again a little later."


def budget(calls: int) -> float:
    """How many retries `calls` calls of the last minute allow in a minute."""
    return max(float(AT_LEAST), SHARE * calls)


def wait_seconds(calls: int, retries: int) -> float:
    """How long one more retry has to wait; 0 when it may go at once.

    `calls`: all of the last minute. `retries`: those among them that were not their page's first, and every retry that
    was granted since and has not been made yet, waiting ones included. So as many as the budget allows go in this
    minute, as many in the next, and so on: whoever waits a whole minute finds those before it gone from the count.
    """
    return min(retries // budget(calls) * WINDOW_SECONDS, LONGEST_WAIT_SECONDS)
