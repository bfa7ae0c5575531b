"""What a host did over a stretch of time, in sums that can be added up: minutes to hours, hours to days."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from jobs.domain import histograms
from jobs.domain.failures import Outcome
from jobs.domain.histograms import Counts
from jobs.domain.policies import RUNGS

# The least page counts of the classes, at the thresholds of the operator's rules: under 10, over 20, over 30.
CLASSES = {"1-9": 1, "10-20": 10, "21-30": 21, "31+": 31}
# Calls that a host took on and held to their end. Others end at once and would flatter it.
TIMED = frozenset({Outcome.OK, Outcome.LOOPING, Outcome.EMPTY, Outcome.CUT_OFF, Outcome.GARBAGE, Outcome.TIMEOUT})
TICKS_A_MINUTE = 600  # a minute's busy time is kept as one bit for each tenth of a second


@dataclass(frozen=True)
class Call:
    """One finished call of a page. `page_count` is its document's; `tries` how often quality had it read again."""

    ended_at: datetime
    outcome: str
    seconds: float
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    rung: str = ""
    tries: int = 0
    page_count: int = 1


@dataclass(frozen=True)
class Look:
    """One look at a host. `queued`: pages that wait for it, at ours and inside it; `slots`: how many it has."""

    queued: int
    in_flight: int
    slots: int


@dataclass(frozen=True)
class Tally:
    """Sums. `seconds`: a histogram of TIMED calls for each class of page count. `call_seconds`: of all calls together,
    so divided by `busy_seconds` (wall time with at least one under way) it says how many ran at once.

    Of looks: `looks`, their `queued` and `in_flight` added up and at most; of those at which pages waited, how many,
    and the shares of the slots in use added up.
    """

    outcomes: Mapping[str, int] = field(default_factory=dict)
    prompt_tokens: int = 0
    completion_tokens: int = 0
    quality_retries: int = 0
    call_seconds: float = 0.0
    busy_seconds: float = 0.0
    seconds: Mapping[str, Counts] = field(default_factory=dict)
    looks: int = 0
    queued: int = 0
    queued_most: int = 0
    in_flight: int = 0
    in_flight_most: int = 0
    waiting_looks: int = 0
    waiting_use: float = 0.0

    @property
    def pages(self) -> int:
        """Pages read."""
        return self.outcomes.get(Outcome.OK, 0)

    def as_json(self) -> dict[str, Any]:
        """Only what is not zero: most minutes hold little."""
        kept = {name: value for name, value in vars(self).items() if value}
        return kept | {"seconds": {name: {str(b): n for b, n in c.items()} for name, c in self.seconds.items()}}


def from_json(value: Mapping[str, Any]) -> Tally:
    """What `as_json` wrote."""
    known = {name: item for name, item in value.items() if name in Tally.__dataclass_fields__}
    seconds = {name: {int(b): int(n) for b, n in c.items()} for name, c in value.get("seconds", {}).items()}
    return Tally(**{**known, "seconds": seconds})


def class_of(page_count: int) -> str:
    """The class of a document with so many pages."""
    return [name for name, least in CLASSES.items() if page_count >= least or least == 1][-1]


def of_call(call: Call) -> Tally:
    """One call as a tally, without its busy time: see `ticks`."""
    timed = call.outcome in TIMED
    return Tally(
        outcomes={str(call.outcome): 1},
        prompt_tokens=call.prompt_tokens or 0,
        completion_tokens=call.completion_tokens or 0,
        # Halves are also what a page that ran out of memory is sent in: then quality has not tried it again.
        quality_retries=int(call.rung in RUNGS and call.tries > 0),
        call_seconds=call.seconds,
        seconds={class_of(call.page_count): {histograms.bucket_of(call.seconds): 1}} if timed else {},
    )


def of_look(look: Look) -> Tally:
    """One look as a tally."""
    waits = look.queued > 0
    use = min(look.in_flight, look.slots) / look.slots if look.slots else 0.0
    return Tally(
        looks=1,
        queued=look.queued,
        queued_most=look.queued,
        in_flight=look.in_flight,
        in_flight_most=look.in_flight,
        waiting_looks=int(waits),
        waiting_use=use if waits else 0.0,
    )


def merged(parts: Iterable[Tally]) -> Tally:
    """All of them as one, in whatever order and steps."""
    parts = list(parts)
    outcomes: dict[str, int] = {}
    seconds: dict[str, list[Counts]] = {}
    for part in parts:
        for outcome, count in part.outcomes.items():
            outcomes[outcome] = outcomes.get(outcome, 0) + count
        for name, counts in part.seconds.items():
            seconds.setdefault(name, []).append(counts)
    added = {name: sum(getattr(part, name) for part in parts) for name in _ADDED}
    most = {name: max((getattr(part, name) for part in parts), default=0) for name in _MOST}
    return Tally(
        outcomes=outcomes,
        seconds={name: histograms.merged(counts) for name, counts in seconds.items()},
        **added,
        **most,
    )


_MOST = ("queued_most", "in_flight_most")
_ADDED = tuple(name for name in Tally.__dataclass_fields__ if name not in {*_MOST, "outcomes", "seconds"})


def minute_of(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)


def ticks(call: Call) -> dict[datetime, int]:
    """The tenths of a second during which a call was under way, as bits, for each minute it touches.

    Two calls' bits of one minute are joined by `|`, so that what ran side by side counts once.
    """
    began, found = call.ended_at - timedelta(seconds=call.seconds), {}
    minute = minute_of(began)
    while minute < call.ended_at:
        first = max(0, round((began - minute).total_seconds() * 10))
        last = min(TICKS_A_MINUTE, round((call.ended_at - minute).total_seconds() * 10))
        if last > first:
            found[minute] = (1 << last) - (1 << first)
        minute += timedelta(minutes=1)
    return found


def busy_seconds(bits: int) -> float:
    """How long a host was busy in a minute of these ticks."""
    return bits.bit_count() / 10


@dataclass(frozen=True)
class Minute:
    """What one minute brought: sums without busy time, and the ticks during which a call was under way."""

    tally: Tally = field(default_factory=Tally)
    bits: int = 0

    def beside(self, bits: int) -> Tally:
        """The sums to add where `bits` of this minute are counted already: its busy time is what they leave."""
        return replace(self.tally, busy_seconds=busy_seconds(bits | self.bits) - busy_seconds(bits))


def by_minute(calls: Iterable[Call], looks: Iterable[tuple[datetime, Look]] = ()) -> dict[datetime, Minute]:
    """The minutes of these calls and looks. A call counts in the minute it ended, and is busy in all it touched."""
    parts: dict[datetime, list[Tally]] = {}
    bits: dict[datetime, int] = {}
    for call in calls:
        parts.setdefault(minute_of(call.ended_at), []).append(of_call(call))
        for minute, more in ticks(call).items():
            bits[minute] = bits.get(minute, 0) | more
    for at, look in looks:
        parts.setdefault(minute_of(at), []).append(of_look(look))
    return {minute: Minute(merged(parts.get(minute, ())), bits.get(minute, 0)) for minute in {*parts, *bits}}
