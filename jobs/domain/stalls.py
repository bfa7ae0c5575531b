"""Is a host hung? Its exported counters stand still while requests run and nothing comes back.

A vLLM whose engine hangs still answers /health with 200 (vllm#39863); only its counters tell. The watch is state, kept
between probes; time is seconds, passed in. A host without /metrics is never hung: there is nothing to watch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from jobs.domain import stored

# The slowest page measured on a real GPU took 23 s from sending to answer, with 64 in flight, and its counters moved
# all the while. Nothing well stands still for more than twice that.
STALL_SECONDS = 60.0


@dataclass(frozen=True)
class Watch:
    """The counters as they stood when they last moved (at `since`); None before the first look."""

    tokens: float | None = None
    running: float | None = None
    waiting: float | None = None
    finished: float | None = None
    since: float | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def from_json(value: Mapping[str, Any]) -> Watch:
    """What `as_json` wrote; an empty object is a watch that has seen nothing."""
    return stored.from_json(Watch, value)


@dataclass(frozen=True)
class Reading:
    """One look: the host's counters, None where it exports none, and how many leases of ours are held there."""

    tokens: float | None
    running: float | None
    waiting: float | None
    finished: float | None
    leases: int

    @property
    def at_work(self) -> bool:
        return bool(self.running) or self.leases > 0


def observed(watch: Watch, reading: Reading, now: float) -> Watch:
    """The watch after a look. It starts anew whenever a counter moves, and while the host has nothing to do."""
    seen = Watch(reading.tokens, reading.running, reading.waiting, reading.finished, now)
    if reading.tokens is None:
        return Watch()
    same = (watch.tokens, watch.running, watch.waiting, watch.finished) == (
        seen.tokens,
        seen.running,
        seen.waiting,
        seen.finished,
    )
    return watch if same and watch.since is not None and reading.at_work else seen


def is_hung(watch: Watch, now: float, came_back_at: float | None, patience_seconds: float = STALL_SECONDS) -> bool:
    """Whether its counters have stood still for too long. `came_back_at`: when the newest answer of the host's came,
    which proves it alive whatever it exports."""
    if watch.since is None:
        return False
    return now - max(watch.since, came_back_at or 0.0) >= patience_seconds
