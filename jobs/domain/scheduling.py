"""Which waiting page gets which free slot: a pure function of waiting pages, free slots and what is in flight.

Priority first. Within a priority, whoever has the least in flight goes next: first by person, then by document, the
older one on a tie, so that a 3,000-page file does not keep a two-page one waiting.

A suspect (a worker or a host's engine died with it) runs alone at its host, and only one runs anywhere, so that a
second death names the culprit and never an innocent neighbour. It goes behind all others until it has waited for
`SUSPECT_PATIENCE_SECONDS`; then nothing more is sent to one host until that is empty, and the suspect has it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

AGEING_SECONDS = 1800.0  # a page that has waited this long counts one priority higher, twice as long two
# Emptying a host costs it about one page's time at each slot (2 to 14 s at the median of a real GPU's
# measurements): not for every page, and late enough that a short queue ends first.
SUSPECT_PATIENCE_SECONDS = 30.0


@dataclass(frozen=True)
class WaitingPage:
    """A page that is drawn and waits for a slot. `candidates`: backends it may run at, best first; with `spread` any
    of them as good as the first, so that the roomiest takes it. `waited_seconds` counts since its last attempt, and
    matters for suspects alone."""

    page_id: int
    document: str
    number: int
    owner: int
    priority_rank: int  # 0 urgent, 1 normal, 2 low
    age_seconds: float  # of its document
    candidates: tuple[str, ...]
    suspect: bool = False
    spread: bool = False
    waited_seconds: float = 0.0


@dataclass(frozen=True)
class Assignment:
    page_id: int
    backend: str


@dataclass(frozen=True)
class InFlight:
    """What runs already, over all workers. `by_backend` counts calls of every kind; `suspects` are those anywhere,
    `suspect_at` the backends where one runs; `lost_at` those with a call nobody waits for any more, which may take
    until its deadline: no host is emptied behind such a one."""

    by_owner: Mapping[int, int]
    by_document: Mapping[str, int]
    suspects: int = 0
    by_backend: Mapping[str, int] = field(default_factory=dict)
    suspect_at: frozenset[str] = frozenset()
    lost_at: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Places:
    """What each backend takes. `capacity`: in all, for sharing by free capacity (without it by what is free); `ahead`:
    how much of that lies beyond its slots, where a page waits inside the host.

    A page ahead hides our own time between two pages. That pays while `pages_waiting` are more than all slots; of the
    last pages, those that may run at any backend wait here for whichever slot comes free first.
    """

    capacity: Mapping[str, int] = field(default_factory=dict)
    ahead: Mapping[str, int] = field(default_factory=dict)
    pages_waiting: int | None = None

    @property
    def last_pages(self) -> bool:
        slots = sum(self.capacity.values()) - sum(self.ahead.values())
        return self.pages_waiting is not None and self.pages_waiting <= slots


def effective_rank(priority_rank: int, age_seconds: float, ageing_seconds: float = AGEING_SECONDS) -> int:
    """The priority that counts now: low priority grows old, and ends too."""
    return max(0, priority_rank - int(age_seconds // ageing_seconds))


def assign(
    waiting: Sequence[WaitingPage],
    free: Mapping[str, int],
    in_flight: InFlight,
    places: Places | None = None,
    ageing_seconds: float = AGEING_SECONDS,
) -> list[Assignment]:
    """The pages that get a slot now. Never more at a backend than `free` says; at most one suspect anywhere, alone."""
    return _Round(free, in_flight, places or Places(), ageing_seconds).fill(waiting)


class _Round:
    """One assignment of slots, while it is worked out."""

    def __init__(self, free: Mapping[str, int], in_flight: InFlight, places: Places, ageing_seconds: float) -> None:
        self.left = {name: 0 if name in in_flight.suspect_at else count for name, count in free.items()}
        self.busy = Counter(in_flight.by_backend)
        self.by_owner, self.by_document = Counter(in_flight.by_owner), Counter(in_flight.by_document)
        self.suspect_runs = in_flight.suspects > 0
        self.lost_at = in_flight.lost_at
        self.places, self.ageing_seconds = places, ageing_seconds
        self.given: list[Assignment] = []

    def fill(self, waiting: Sequence[WaitingPage]) -> list[Assignment]:
        suspects = [page for page in waiting if page.suspect]
        self._empty_a_host([page for page in suspects if page.waited_seconds >= SUSPECT_PATIENCE_SECONDS])
        self._give_in_turn(page for page in waiting if not page.suspect)
        self._give_alone(suspects)
        return self.given

    def _empty_a_host(self, suspects: list[WaitingPage]) -> None:
        """For the suspect that has waited long enough: nothing goes to one host until it can have that for itself."""
        if self.suspect_runs or not suspects:
            return
        self._give_alone(suspects)
        if self.suspect_runs:
            return
        page = min(suspects, key=self._turn)
        # The one with least in flight: nothing refills it, so the choice does not wander for ever.
        hosts = [name for name in page.candidates if name in self.left and name not in self.lost_at]
        if hosts:
            self.left[min(hosts, key=lambda name: self.busy[name])] = 0

    def _give_alone(self, suspects: Iterable[WaitingPage]) -> None:
        for page in sorted(suspects, key=self._turn):
            if self.suspect_runs:
                return
            alone = [name for name in page.candidates if self.left.get(name, 0) > 0 and not self.busy[name]]
            if alone:
                self._give(page, alone[0])
                self.left[alone[0]] = 0
                self.suspect_runs = True

    def _give_in_turn(self, waiting: Iterable[WaitingPage]) -> None:
        queues = _by_document(waiting)
        while queues and any(count > 0 for count in self.left.values()):
            turn = min(queues, key=lambda name: self._turn(queues[name][0]))
            page = queues[turn].pop(0)
            if not queues[turn]:
                del queues[turn]
            roomy = [name for name in page.candidates if self.left.get(name, 0) > 0]
            if page.spread:
                # Into a free slot rather than behind a busy one; into the roomiest of them.
                roomy = [name for name in roomy if self._has_slot(name)] or ([] if self.places.last_pages else roomy)
                roomy.sort(key=self._room, reverse=True)
            if roomy:
                self._give(page, roomy[0])

    def _give(self, page: WaitingPage, backend: str) -> None:
        self.left[backend] -= 1
        self.busy[backend] += 1
        self.by_owner[page.owner] += 1
        self.by_document[page.document] += 1
        self.given.append(Assignment(page.page_id, backend))

    def _room(self, backend: str) -> float:
        """The share of it that is free: four of sixteen are less room than two of four."""
        return self.left[backend] / max(1, self.places.capacity.get(backend, 1))

    def _has_slot(self, backend: str) -> bool:
        return self.left[backend] > self.places.ahead.get(backend, 0)

    def _turn(self, page: WaitingPage) -> tuple[object, ...]:
        return (
            effective_rank(page.priority_rank, page.age_seconds, self.ageing_seconds),
            self.by_owner[page.owner],
            self.by_document[page.document],
            -page.age_seconds,
            page.document,
            page.number,
        )


def _by_document(waiting: Iterable[WaitingPage]) -> dict[str, list[WaitingPage]]:
    queues: dict[str, list[WaitingPage]] = {}
    for page in sorted(waiting, key=lambda page: page.number):
        queues.setdefault(page.document, []).append(page)
    return queues


FIRST_CHUNK_PAGES = 2  # the first text appears after the time of two pages, not of a whole chunk
SHORT_PAGES = 4  # a short document is drawn in one go: a second child process costs more than its last two pages
# What starting a child process and poppler costs is shared by its pages (docs/performance.md). They are there when the
# last of them is drawn, so a chunk is long only where enough lies ahead meanwhile.
CHUNK_PAGES = 12
LONGEST_CHUNK_PAGES = 24


@dataclass(frozen=True)
class DrawCandidate:
    """A document with pages still to be drawn. `ready`: its pages that are drawn and wait for a slot; `pages`: how
    many of it are to be read."""

    document: str
    pool: str  # the host where it prefers to run, or the hosts that share what is drawn
    owner: int
    priority_rank: int
    age_seconds: float
    ready: int
    ended_or_running: int
    pages: int

    @property
    def first_chunk(self) -> int:
        return self.pages if self.pages <= SHORT_PAGES else FIRST_CHUNK_PAGES


def next_to_draw(
    candidates: Sequence[DrawCandidate], capacity: Mapping[str, int], ready: Mapping[str, int]
) -> tuple[str, int] | None:
    """The document whose pages are drawn next, and how many; None when enough is drawn ahead.

    `capacity` and `ready`, by pool: requests it takes at once, and drawn pages that wait. A whole chunk is drawn
    once no more than twice the capacity lies ahead: so a slot never waits for the drawing, a child process is never
    started for a page or two, and a 2,000-page file never fills the disk. A document with nothing ready gets its first
    pages all the same.
    """

    def size(candidate: DrawCandidate) -> int:
        ahead, at_once = ready.get(candidate.pool, 0), capacity.get(candidate.pool, 1)
        if ahead > 2 * at_once:
            return 0 if candidate.ready else candidate.first_chunk
        if not candidate.ready and not candidate.ended_or_running:
            return candidate.first_chunk
        return min(LONGEST_CHUNK_PAGES, max(CHUNK_PAGES, at_once)) if ahead > at_once else CHUNK_PAGES

    by_owner: Counter[int] = Counter()
    for candidate in candidates:
        by_owner[candidate.owner] += candidate.ready
    open_ones = [candidate for candidate in candidates if size(candidate)]
    if not open_ones:
        return None
    best = min(
        open_ones,
        key=lambda c: (
            effective_rank(c.priority_rank, c.age_seconds),
            by_owner[c.owner],
            c.ready,
            -c.age_seconds,
            c.document,
        ),
    )
    return best.document, size(best)
