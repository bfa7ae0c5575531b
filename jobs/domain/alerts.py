"""Is something wrong long enough to tell of it, or right long enough to stop? Former state, value, time, rule in,
state out.

A value has to be beyond its threshold for a while before an alert fires, and back at the release level for a while
before it is over: one that swings about the threshold neither fires nor clears at each swing. Time is seconds, passed
in.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from jobs.domain.alert_rules import Rule

QUIET, PENDING, FIRING = "quiet", "pending", "firing"


@dataclass(frozen=True)
class State:
    """`since`: when it began to be beyond the threshold, or to fire. `calm_since`: since when it has been back."""

    phase: str = QUIET
    since: float = 0.0
    calm_since: float | None = None


@dataclass(frozen=True)
class Fact:
    """What was found of one kind at one host, or of the site (`subject` empty). `value` None: there is nothing to
    compare; `absent` says why, where it is not for the kind's usual reason. `cause` is a sentence in somebody's words,
    where there is one."""

    kind: str
    subject: str = ""
    value: float | None = None
    cause: str = ""
    absent: str = ""


def observed(state: State, value: float | None, now: float, rule: Rule | None) -> State:
    """The state after a look. No value counts as calm: a host that is gone, or idle, has no fault any more. Without a
    rule, or with one that is switched off, nothing is an alert."""
    if rule is None or not rule.enabled or rule.threshold is None:
        return State()
    if state.phase == FIRING:
        return _firing(state, value, now, rule)
    if value is None or not rule.is_beyond(value):
        return State()
    since = state.since if state.phase == PENDING else now
    if now - since >= rule.for_seconds:
        return State(FIRING, now)
    return State(PENDING, since)


def _firing(state: State, value: float | None, now: float, rule: Rule) -> State:
    if value is not None and not rule.is_calm(value):
        return replace(state, calm_since=None)
    calm_since = now if state.calm_since is None else state.calm_since
    if now - calm_since >= rule.clear_seconds:
        return State()
    return replace(state, calm_since=calm_since)
