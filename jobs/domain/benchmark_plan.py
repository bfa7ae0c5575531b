"""A benchmark of one host: which steps it takes, one after another, and what follows from their results.

The standard set: 10 pages, 50 pages, pages at rising concurrency, pages at each resolution. Which concurrency comes
next follows from what was measured, so that the number of slots is found exactly and not to the next power of two.
"""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from jobs.domain import deadlines
from jobs.domain.failures import Outcome

Kind = Literal["document", "concurrency", "resolution"]

DOCUMENTS = (10, 50)  # pages; those the operator's expected figures speak of
RESOLUTIONS = (150, 200, 300)  # dpi, least first: the one that kills a host comes last
ROUNDS = 4  # pages each of those at once reads: fewer, and the first and the last round decide the figure
ENOUGH = 0.93  # of the best throughput: more at once only makes each page wait
DOUBLED = 1.95  # as good as twice: at exactly twice the slots it would be chance
UNREADABLE = (Outcome.OUT_OF_MEMORY, Outcome.REFUSED)


@dataclass(frozen=True)
class Setup:
    """The host as it was set when the benchmark began. `dpi` is what its pages are sent at."""

    slots: int
    queue_ahead: int
    dpi: int
    call_seconds: float

    @property
    def capacity(self) -> int:
        """The most that may be in flight there, whoever sends it: no step has more at once."""
        return self.slots + self.queue_ahead


@dataclass(frozen=True)
class Step:
    """`pages` sent, `at_once` of them in flight."""

    kind: Kind
    pages: int
    at_once: int
    dpi: int

    @property
    def title(self) -> str:
        if self.kind == "document":
            return f"{self.pages} pages"
        if self.kind == "resolution":
            return f"{self.dpi} dpi, caps set aside"
        return f"{self.at_once} at once"


@dataclass(frozen=True)
class Call:
    """One page that was sent: seconds from sending to the answer's end, tokens written where the host told them.
    `first` of those that its sender sent, one after another: the host was cold, or its queue only filling."""

    seconds: float
    outcome: str = Outcome.OK
    tokens: int | None = None
    first: bool = False


@dataclass(frozen=True)
class Result:
    """What came of a step. `seconds`: from its first call to its end. `p50`, `p95`, `mean` of one page, first calls
    left out where there are others; None where none was read. `gap_seconds`: on the mean between a call's end and the
    next one's beginning, at our side. `disturbed`: people's pages ran there meanwhile, or waited, or a slot was not
    free."""

    step: Step
    seconds: float
    p50: float | None = None
    p95: float | None = None
    mean: float | None = None
    tokens: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    gap_seconds: float = 0.0
    disturbed: bool = False

    @property
    def read(self) -> int:
        return self.outcomes.get(Outcome.OK, 0)

    @property
    def whole(self) -> bool:
        """Whether every page was read."""
        return self.read == self.step.pages

    @property
    def pages_per_second(self) -> float | None:
        """By Little's law, which the step's beginning and end do not distort as they do pages over seconds."""
        return self.step.at_once / self.mean if self.mean and self.whole else None

    @property
    def pages_per_minute(self) -> float | None:
        rate = self.pages_per_second
        return None if rate is None else rate * 60

    def stored(self) -> dict[str, Any]:
        return asdict(self)


def result_of(
    step: Step, calls: Sequence[Call], *, seconds: float, gap_seconds: float = 0.0, disturbed: bool = False
) -> Result:
    """The figures that a step's calls make."""
    fine = [call for call in calls if call.outcome == Outcome.OK]
    read = sorted(call.seconds for call in [call for call in fine if not call.first] or fine)
    return Result(
        step=step,
        seconds=seconds,
        p50=statistics.median(read) if read else None,
        p95=read[math.ceil(0.95 * len(read)) - 1] if read else None,
        mean=statistics.fmean(read) if read else None,
        tokens=sum(call.tokens or 0 for call in calls),
        outcomes=dict(Counter(str(call.outcome) for call in calls)),
        gap_seconds=gap_seconds,
        disturbed=disturbed,
    )


def result_from(stored: dict[str, Any]) -> Result:
    """A result as it was stored."""
    return Result(**{**stored, "step": Step(**stored["step"])})


def next_step(setup: Setup, results: Sequence[Result]) -> Step | None:
    """The step that comes after these; None at the end. A host that gave nothing back in a step is asked no more."""
    taken = {result.step for result in results}
    fixed = next((step for step in _fixed(setup) if step not in taken), None)
    if fixed:
        return fixed
    between = _between(results)
    if between is not None:
        return _at_once(setup, between)
    tried = [result for result in results if result.step.kind == "resolution"]
    if any(set(result.outcomes) & set(UNREADABLE) for result in tried):
        return None  # what did not fit at one resolution does not fit at a larger one
    return next((step for step in _resolutions(setup) if step not in taken), None)


def _fixed(setup: Setup) -> Iterator[Step]:
    for pages in DOCUMENTS:
        yield Step("document", pages, min(pages, setup.capacity), setup.dpi)
    for count in levels(setup):
        yield _at_once(setup, count)


def _resolutions(setup: Setup) -> Iterator[Step]:
    for dpi in RESOLUTIONS:
        yield Step("resolution", max(3, setup.slots), setup.slots, dpi)


def levels(setup: Setup) -> list[int]:
    """1, 2, 4 … up to what is set, and that itself."""
    doubled = {2**n for n in range(setup.capacity.bit_length()) if 2**n < setup.capacity}
    return sorted(doubled | {setup.capacity})


def _at_once(setup: Setup, count: int) -> Step:
    return Step("concurrency", max(ROUNDS, ROUNDS * count), count, setup.dpi)


def concurrency(results: Sequence[Result]) -> list[Result]:
    """The steps at rising concurrency, by how many were at once."""
    return sorted((r for r in results if r.step.kind == "concurrency"), key=lambda result: result.step.at_once)


def fewest_enough(results: Sequence[Result]) -> Result | None:
    """The fewest at once that read nearly as many pages a second as any number did; None where nothing was read."""
    found = [(result, result.pages_per_second) for result in concurrency(results)]
    best = max((rate for _, rate in found if rate), default=0.0)
    return next((result for result, rate in found if rate and rate >= ENOUGH * best), None)


def _between(results: Sequence[Result]) -> int | None:
    """A number at once not yet measured that may be enough already: between the fewest that are and those below."""
    enough = fewest_enough(results)
    if enough is None:
        return None
    below = max((r.step.at_once for r in concurrency(results) if r.step.at_once < enough.step.at_once), default=0)
    return (below + enough.step.at_once) // 2 if enough.step.at_once - below > 1 else None


def latency_doubles_at(results: Sequence[Result]) -> int | None:
    """The fewest at once at which a page takes twice as long on the mean as alone; None where none does. The median
    would jump: where half of the pages wait for one turn it doubles long before the time that they share."""
    found = [(result.step.at_once, result.mean) for result in concurrency(results) if result.mean]
    if not found or found[0][0] != 1:
        return None
    alone = found[0][1]
    return next((count for count, mean in found if mean >= DOUBLED * alone), None)


@dataclass(frozen=True)
class Proposal:
    """A setting, what it is and what it should be, and why. `field` "" where it is none of the host's own: `title`
    then says where it is set."""

    field: str
    title: str
    current: float
    proposed: float
    reason: str


@dataclass(frozen=True)
class Verdict:
    """What a whole benchmark found. None: not measured. `highest_dpi`: at which every page was read."""

    tokens_per_second: float | None
    seconds_by_pages: dict[int, float]
    latency_doubles_at: int | None
    enough_at_once: int | None
    highest_dpi: int | None
    disturbed: bool
    proposals: tuple[Proposal, ...]

    def figures(self) -> dict[str, float | None]:
        """By the names of a host's expected figures."""
        return {
            "tokens_per_second": self.tokens_per_second,
            "seconds_10_pages": self.seconds_by_pages.get(10),
            "seconds_50_pages": self.seconds_by_pages.get(50),
            "concurrent_requests": self.enough_at_once,
            "highest_dpi": self.highest_dpi,
        }


def verdict(setup: Setup, results: Sequence[Result], *, ended: bool) -> Verdict:
    """What these results say. Only a benchmark that `ended` and was not disturbed proposes settings."""
    documents = [result for result in results if result.step.kind == "document" and result.whole]
    longest = max(documents, key=lambda result: result.step.pages, default=None)
    enough = fewest_enough(results)
    disturbed = any(result.disturbed for result in results)
    resolutions = [r.step.dpi for r in results if r.step.kind == "resolution" and r.whole]
    return Verdict(
        tokens_per_second=longest.tokens / longest.seconds if longest and longest.tokens and longest.seconds else None,
        seconds_by_pages={result.step.pages: result.seconds for result in documents},
        latency_doubles_at=latency_doubles_at(results),
        enough_at_once=enough.step.at_once if enough else None,
        highest_dpi=max(resolutions, default=None),
        disturbed=disturbed,
        proposals=tuple(_proposals(setup, results, enough)) if enough and ended and not disturbed else (),
    )


def _proposals(setup: Setup, results: Sequence[Result], enough: Result) -> Iterator[Proposal]:
    yield _slots(setup, results, enough.step.at_once)
    ahead = queue_ahead(enough)
    yield Proposal(
        "queue_ahead",
        "Queue ahead",
        setup.queue_ahead,
        ahead,
        f"Between two pages {enough.gap_seconds:.2g} s pass at our side, and a page takes {enough.mean or 0:.2g} s: "
        f"{ahead} more under way keep the host from waiting.",
    )
    slowest = max((result.p95 or 0.0) for result in concurrency(results))
    seconds = math.ceil(max(deadlines.FLOOR_SECONDS, deadlines.SAFETY * slowest))
    yield Proposal(
        "",
        "Longest call, in seconds (OCRSITE_CALL_SECONDS, for all hosts)",
        setup.call_seconds,
        seconds,
        f"95 of 100 pages took no longer than {slowest:.2g} s. Five times that, and never under "
        f"{deadlines.FLOOR_SECONDS:.0f} s, ends what hangs and nothing else.",
    )


def _slots(setup: Setup, results: Sequence[Result], enough: int) -> Proposal:
    """So many as are enough. Where the most that may be in flight read more than any fewer did, and each page as
    quickly as before, the host's own number lies further up and was not seen: then twice the slots, to be tried."""
    most = concurrency(results)[-1].step.at_once
    doubles_at = latency_doubles_at(results)
    if enough < most:
        reason = f"{enough} at once read nearly as many pages a second as any number up to {most}."
        return Proposal("slots", "Slots", setup.slots, enough, reason)
    if doubles_at:
        reason = f"More were read up to {most} at once, though from {doubles_at} on a page takes twice as long."
        return Proposal("slots", "Slots", setup.slots, enough, reason)
    tried = max(2 * setup.slots, most)  # most: with more ahead than slots, so many are known to be good already
    reason = (
        f"Up to {most} at once, all that slots and queue ahead allow, more were read and no page took twice as long: "
        f"nothing more could be seen within what is set. Try {tried} slots with another benchmark."
    )
    return Proposal("slots", "Slots", setup.slots, tried, reason)


def queue_ahead(result: Result) -> int:
    """Requests ahead of the slots, so that the host has the next page while ours goes from one to the other: as many
    as end in that time, one at the least."""
    return max(1, math.ceil(result.step.at_once * result.gap_seconds / result.mean)) if result.mean else 1
