"""Is the default backend overloaded? Former state, queue depth, time and rule in, state out.

On above the rule's threshold; off only after the depth has been at or below `release` for `hold_seconds` without a
break, so that a queue that swings about the threshold does not send documents to and fro. Without `release` the
threshold serves for both. Time is seconds, passed in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from jobs.domain import stored
from jobs.domain.policies import Rule


@dataclass(frozen=True)
class Overload:
    """`since`: when it last changed. `calm_since`: since when the depth has been low enough to let go."""

    on: bool = False
    since: float = 0.0
    calm_since: float | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def from_json(value: Mapping[str, Any]) -> Overload:
    """What `as_json` wrote; an empty object is no overload."""
    return stored.from_json(Overload, value)


def observed(state: Overload, depth: float, now: float, rule: Rule | None) -> Overload:
    """The state after a look at the queue. `rule` None or without a threshold: there is no overload."""
    if rule is None or rule.threshold is None:
        return Overload(since=now) if state.on else state
    if not state.on:
        return Overload(on=True, since=now) if depth > rule.threshold else state
    if depth > limit(state, rule):
        return replace(state, calm_since=None)
    calm_since = now if state.calm_since is None else state.calm_since
    if now - calm_since >= (rule.hold_seconds or 0.0):
        return Overload(on=False, since=now)
    return replace(state, calm_since=calm_since)


def limit(state: Overload, rule: Rule) -> float:
    """The depth over which a document's pages may leave: while overloaded the release level, else the threshold."""
    threshold = rule.threshold or 0.0
    return rule.release if state.on and rule.release is not None else threshold
