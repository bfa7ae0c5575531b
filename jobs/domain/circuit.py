"""A backend's breaker: state, event and time in, state out. Nothing here reads a clock; time is seconds, passed in.

closed ──(faults in a row, half of a minute's calls, or engine death)──▶ open ──(retry time)──▶ half open
half open ──(canary page read)──▶ closed, in slow start: a quarter of the slots, half, all
half open ──(canary fails)──▶ open, for twice as long, with jitter, up to a limit
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from jobs.domain import stored

CLOSED, OPEN, HALF_OPEN = "closed", "open", "half_open"
SLOW_START_STEPS = 2  # a quarter, a half, then all
SLOW_START_STEP_SECONDS = 20.0
SLOW_START_STEP_ROUNDS = 2  # or sooner: when as many good pages came back for each slot that was open
FORGIVEN_AFTER_SECONDS = 600.0  # ten good minutes forget earlier openings
JITTER = 0.2


@dataclass(frozen=True)
class Settings:
    failures: int = 3
    seconds: float = 15.0
    max_seconds: float = 300.0


@dataclass(frozen=True)
class Circuit:
    """`openings`: times it opened without a good spell between; `step`: of the slow start, None when over; `good`:
    pages that came back in that step; `hung`: it was opened because the host stands still, though it answers."""

    state: str = CLOSED
    failures: int = 0
    openings: int = 0
    retry_at: float = 0.0
    changed_at: float = 0.0
    step: int | None = None
    step_at: float = 0.0
    good: int = 0
    reason: str = ""
    hung: bool = False

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def from_json(value: dict[str, Any]) -> Circuit:
    """The circuit that `as_json` wrote; an empty object is a closed one."""
    return stored.from_json(Circuit, value)


def learns(circuit: Circuit, now: float) -> bool:
    """Whether a success changes anything; while all is well it does not."""
    return succeeded(circuit, now, slots=1) != circuit


def succeeded(circuit: Circuit, now: float, *, slots: int) -> Circuit:
    """A call to a host of so many slots came back well."""
    if circuit.state != CLOSED:
        return circuit  # a late answer of a host that has died since says nothing
    forgiven = circuit.openings and now - circuit.changed_at >= FORGIVEN_AFTER_SECONDS
    after = replace(circuit, failures=0, openings=0 if forgiven else circuit.openings)
    if circuit.step is None:
        return after
    after = replace(after, good=circuit.good + 1)
    enough = SLOW_START_STEP_ROUNDS * open_slots(circuit, slots, 0)
    return _stepped(after, circuit.step, now) if after.good >= enough else after


def failed(
    circuit: Circuit, now: float, reason: str, settings: Settings, *, recent: tuple[int, int], jitter: float
) -> Circuit:
    """A fault of the host's. `recent`: calls that failed, and all calls, of the last minute, this one among both.
    `jitter`: -1 … 1."""
    if circuit.state == OPEN:
        return circuit
    count = circuit.failures + 1
    bad, calls = recent
    if (
        circuit.state == HALF_OPEN
        or circuit.step is not None
        or count >= settings.failures
        or (calls >= 6 and bad * 2 >= calls)
    ):
        return opened(circuit, now, reason, settings, jitter=jitter)
    return replace(circuit, failures=count, reason=reason)


def opened(
    circuit: Circuit, now: float, reason: str, settings: Settings, *, jitter: float, hung: bool = False
) -> Circuit:
    """Open at once: the engine died, it hangs, or enough is enough. Each opening without a good spell doubles the
    wait."""
    if circuit.state == OPEN:
        return circuit
    # The exponent is bounded: a host that is away for a month would else make a number too large for a float.
    wait = min(settings.seconds * 2.0 ** min(circuit.openings, 30), settings.max_seconds)
    return Circuit(
        state=OPEN,
        openings=circuit.openings + 1,
        # Jitter keeps hosts that fell together from being tried together; the limit holds for it too.
        retry_at=now + min(wait * (1 + JITTER * jitter), settings.max_seconds),
        changed_at=now,
        reason=reason,
        hung=hung,
    )


def ticked(circuit: Circuit, now: float) -> Circuit:
    """What time alone changes: an open breaker half opens, a slow start takes its next step."""
    if circuit.state == OPEN and now >= circuit.retry_at:
        return replace(circuit, state=HALF_OPEN, changed_at=now)
    if circuit.step is not None and now - circuit.step_at >= SLOW_START_STEP_SECONDS:
        return _stepped(circuit, circuit.step, now)
    return circuit


def _stepped(circuit: Circuit, step: int, now: float) -> Circuit:
    """The slow start after its step `step`."""
    return replace(circuit, step=step + 1 if step + 1 < SLOW_START_STEPS else None, step_at=now, good=0)


def canary_read(circuit: Circuit, now: float) -> Circuit:
    """The canary page of a half-open breaker came back: closed, in slow start."""
    if circuit.state == CLOSED:
        return circuit
    return replace(
        circuit,
        state=CLOSED,
        failures=0,
        retry_at=0.0,
        changed_at=now,
        step=0,
        step_at=now,
        good=0,
        reason="",
        hung=False,
    )


def open_slots(circuit: Circuit, slots: int, queue_ahead: int) -> int:
    """How many requests may be in flight now: none while open or half open (the canary has its own), a share of the
    slots in slow start, all and `queue_ahead` more when closed."""
    if circuit.state != CLOSED:
        return 0
    if circuit.step is None:
        return slots + queue_ahead
    return max(1, slots // 4 if circuit.step == 0 else slots // 2)
