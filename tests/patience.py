"""Waiting in tests: for something to come true, or no longer than a bound."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator


def until(true: Callable[[], object], seconds: float = 120.0) -> None:
    """Return as soon as `true()` is. Fails after `seconds`, a bound that a working program never comes near."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came true"
        threading.Event().wait(0.01)


@contextlib.contextmanager
def at_most(*, seconds: int) -> Iterator[None]:
    """Ends what hangs: for work that takes a second when it is linear and hours when it is not."""

    def give_up(*_: object) -> None:
        raise AssertionError(f"not done after {seconds} seconds")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
