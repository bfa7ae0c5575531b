"""Which waiting page gets which free slot: a pure function of waiting pages, free slots and what is in flight.

Priority first. Within a priority, whoever has the least in flight goes next: first by person, then by document, the
older one on a tie, so that a 3,000-page file does not keep a two-page one waiting. Pages that a worker died with go
behind all others and run one at a time, so that a second death names the culprit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class WaitingPage:
    """A page that is drawn and waits for a slot. `candidates`: backends it may run at, best first."""

    page_id: int
    document: str
    number: int
    owner: int
    priority_rank: int  # 0 urgent, 1 normal, 2 low
    age_seconds: float  # of its document
    candidates: tuple[str, ...]
    suspect: bool = False


@dataclass(frozen=True)
class Assignment:
    page_id: int
    backend: str


@dataclass(frozen=True)
class InFlight:
    """What runs already, over all workers."""

    by_owner: Mapping[int, int]
    by_document: Mapping[str, int]
    suspects: int = 0


def assign(
    waiting: Sequence[WaitingPage], free: Mapping[str, int], in_flight: InFlight, ageing_seconds: float = 1800.0
) -> list[Assignment]:
    """The pages that get a slot now. Never more at a backend than `free` says; at most one suspect in flight.

    A page that has waited `ageing_seconds` counts one priority higher, twice that two: low priority ends too.
    """
    left = dict(free)
    by_owner, by_document = Counter(in_flight.by_owner), Counter(in_flight.by_document)
    suspects = in_flight.suspects
    given: list[Assignment] = []
    queues = _by_document(waiting)
    while queues and any(count > 0 for count in left.values()):
        turn = min(queues, key=lambda name: _turn(queues[name][0], by_owner, by_document, ageing_seconds))
        page = queues[turn].pop(0)
        if not queues[turn]:
            del queues[turn]
        if page.suspect and suspects:
            continue
        backend = next((name for name in page.candidates if left.get(name, 0) > 0), None)
        if backend is None:
            continue
        left[backend] -= 1
        by_owner[page.owner] += 1
        by_document[page.document] += 1
        suspects += page.suspect
        given.append(Assignment(page.page_id, backend))
    return given


def _by_document(waiting: Iterable[WaitingPage]) -> dict[str, list[WaitingPage]]:
    queues: dict[str, list[WaitingPage]] = {}
    for page in sorted(waiting, key=lambda page: (page.suspect, page.number)):
        queues.setdefault(page.document, []).append(page)
    return queues


def _turn(
    page: WaitingPage, by_owner: Mapping[int, int], by_document: Mapping[str, int], ageing_seconds: float
) -> tuple[object, ...]:
    rank = max(0, page.priority_rank - int(page.age_seconds // ageing_seconds))
    return (
        page.suspect,
        rank,
        by_owner.get(page.owner, 0),
        by_document.get(page.document, 0),
        -page.age_seconds,
        page.document,
    )


@dataclass(frozen=True)
class DrawCandidate:
    """A document with pages still to be drawn. `ready`: its pages that are drawn and wait for a slot."""

    document: str
    backend: str  # where it prefers to run
    owner: int
    priority_rank: int
    age_seconds: float
    ready: int
    ended_or_running: int


FIRST_CHUNK_PAGES = 2  # the first text appears after the time of two pages, not of a whole chunk
CHUNK_PAGES = 12  # enough that starting a child process costs little of it; see docs/performance.md


def next_to_draw(
    candidates: Sequence[DrawCandidate], capacity: Mapping[str, int], ready: Mapping[str, int]
) -> tuple[str, int] | None:
    """The document whose pages are drawn next, and how many; None when enough is drawn ahead.

    Ahead of a backend lie at most twice what it can take (and a chunk), so that a slot never waits for the drawing
    and a 2,000-page file never fills the disk. A document with nothing ready gets its first pages all the same.
    """

    def room(candidate: DrawCandidate) -> int:
        ahead = 2 * capacity.get(candidate.backend, 1) + CHUNK_PAGES - ready.get(candidate.backend, 0)
        return max(ahead, FIRST_CHUNK_PAGES if not candidate.ready else 0)

    by_owner: Counter[int] = Counter()
    for candidate in candidates:
        by_owner[candidate.owner] += candidate.ready
    open_ones = [candidate for candidate in candidates if room(candidate) > 0]
    if not open_ones:
        return None
    best = min(open_ones, key=lambda c: (c.priority_rank, by_owner[c.owner], c.ready, -c.age_seconds, c.document))
    size = CHUNK_PAGES if best.ready or best.ended_or_running else FIRST_CHUNK_PAGES
    return best.document, min(size, room(best))
