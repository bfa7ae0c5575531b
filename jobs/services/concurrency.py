"""How many pages at once a host takes before each takes twice as long: measured with the canary page."""

from __future__ import annotations

import statistics
import time
from concurrent.futures import ThreadPoolExecutor

from django.db import connections

from jobs import errors
from jobs.models import Backend
from jobs.services import canary

# Below this a page's time is the network's and ours, and says nothing about the host.
SHORTEST_SECONDS = 0.05
# A step is not begun when it could take longer than this: the person who asked is waiting.
PATIENCE_SECONDS = 30.0


def measure(backend: Backend) -> str:
    """One canary page, then two, four and so on up to the slots, each under a lease of its own, so that capacity is
    never exceeded. Returns what was found, as a sentence.

    Raises errors.BackendFailed when the host fails under it.
    """
    if backend.kind == "cpu":
        return "Not measured: a processor has as many slots as cores."
    if backend.leases.exists():
        return "Not measured: pages run there now."
    alone = _median_seconds(backend, 1)
    if alone is None:
        return "Not measured: pages run there now."
    base, began, fits = max(alone, SHORTEST_SECONDS), time.monotonic(), 1
    for count in _steps(backend.slots):
        if time.monotonic() - began > PATIENCE_SECONDS:
            return f"{fits} at once; more were not tried, it would have taken too long."
        seconds = _median_seconds(backend, count)
        if seconds is None:
            return f"{fits} at once; more were not tried: pages run there now."
        if seconds >= 2 * base:
            return f"{fits} at once; at {count} a page takes {seconds / base:.1f} times as long."
        fits = count
    return f"{fits} at once, all its slots, and a page takes less than twice as long."


def _steps(slots: int) -> list[int]:
    """2, 4, 8 … and the slots themselves."""
    doubled = [2**n for n in range(1, slots.bit_length()) if 2**n < slots]
    return [*doubled, slots] if slots > 1 else []


def _median_seconds(backend: Backend, count: int) -> float | None:
    """The middle one of `count` pages' times when they run together; None when there was no slot for one of them."""
    with ThreadPoolExecutor(max_workers=count, thread_name_prefix="concurrency") as pool:
        try:
            return statistics.median(pool.map(lambda _: _timed(backend), range(count)))
        except errors.Conflict:
            return None


def _timed(backend: Backend) -> float:
    try:
        with canary.slot(backend):
            began = time.monotonic()
            canary.read(backend)
            return time.monotonic() - began
    finally:
        connections.close_all()
