"""A policy against documents of the past: where each would have gone, and when it would have been done.

A simulation by events: documents arrive as they did, are decided by the facts they would have met, and wait for the
slots of their backend, urgent ones first, then in order of arrival. The queue that the rules look at is the simulated
one, hysteresis included, and so the policy in force has to be replayed too: the two results compare, while neither
compares with what really happened. Nothing fails here, and every backend in use answers.
"""

from __future__ import annotations

import heapq
from bisect import bisect_right
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil

from jobs.domain import overload, routing
from jobs.domain.overload import Overload
from jobs.domain.policies import Policy
from jobs.domain.routing import BackendSnapshot, Facts

DAY_SECONDS = 86_400.0
RANKS = {"high": 0, "normal": 1, "low": 2}
MOST_STEPS = 200_000  # beyond so many pages, several are simulated as one: a week takes no longer than a day


@dataclass(frozen=True)
class Past:
    """A document of the past. `arrived_seconds` from any beginning that all share; `pages` are those to be read;
    `facts` hold what it was, and its facts about the site are replaced by the simulation's."""

    key: str
    arrived_seconds: float
    pages: int
    facts: Facts


@dataclass(frozen=True)
class Host:
    """A backend as the simulation takes it: `slots` pages at once, each for `seconds_per_page`."""

    snapshot: BackendSnapshot
    slots: int
    seconds_per_page: float


@dataclass(frozen=True)
class Outcome:
    """What became of one document. `finished_seconds` on the clock of its arrival; None when no backend takes it."""

    key: str
    backend: str
    rule: str | None
    finished_seconds: float | None


@dataclass(frozen=True)
class Replayed:
    """`outcomes` in the order the documents came in. `finished_seconds` by backend: when its last page ended there;
    only those that read any. `spilled_pages`: read elsewhere than at their document's backend."""

    outcomes: tuple[Outcome, ...]
    finished_seconds: Mapping[str, float]
    pages: Mapping[str, int]
    spilled_pages: int


def replay(
    documents: Sequence[Past], policy: Policy, hosts: Sequence[Host], earlier_seconds: Sequence[float] = ()
) -> Replayed:
    """The documents under this policy. `earlier_seconds`: arrivals of the day before the first, for rules on volume."""
    return _Simulation(documents, policy, hosts, earlier_seconds).run()


@dataclass(frozen=True)
class Move:
    """Documents that go elsewhere under the second policy, and all their pages."""

    origin: str
    target: str
    documents: int
    pages: int


def moves(documents: Sequence[Past], before: Replayed, after: Replayed) -> list[Move]:
    """What moves from where to where, most pages first."""
    counts: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    for past, was, becomes in moved(documents, before, after):
        count = counts[was.backend, becomes.backend]
        count[0] += 1
        count[1] += past.pages
    found = [Move(origin, target, *count) for (origin, target), count in counts.items()]
    return sorted(found, key=lambda move: (-move.pages, move.origin, move.target))


def moved(documents: Sequence[Past], before: Replayed, after: Replayed) -> Iterator[tuple[Past, Outcome, Outcome]]:
    """The documents whose backend differs."""
    for past, was, becomes in zip(documents, before.outcomes, after.outcomes, strict=True):
        if was.backend != becomes.backend:
            yield past, was, becomes


@dataclass
class _Job:
    """A document under way. `unread`: pages not begun; `unended`: pages not read to the end."""

    past: Past
    place: int
    rank: int
    backend: str = ""
    rule: str | None = None
    unread: int = 0
    unended: int = 0
    finished: float | None = None


class _Server:
    """A backend under way: the documents that have pages waiting here, by rank, and how many pages that is."""

    def __init__(self, host: Host) -> None:
        self.name = host.snapshot.name
        self.slots = self.free = host.slots
        self.seconds_per_page = host.seconds_per_page
        self.queues: tuple[deque[_Job], ...] = (deque(), deque(), deque())
        self.waiting = [0, 0, 0]
        self.read = 0
        self.finished = 0.0

    def add(self, job: _Job) -> None:
        self.queues[job.rank].append(job)
        self.waiting[job.rank] += job.unread

    def head(self) -> _Job | None:
        return next((queue[0] for queue in self.queues if queue), None)

    def ahead(self, rank: int) -> int:
        """Waiting pages that go before a newcomer of this rank."""
        return sum(self.waiting[: rank + 1])

    def deepest(self) -> int:
        """Waiting pages of others before the document that goes last: its own never overload it."""
        last = next((queue[-1] for queue in reversed(self.queues) if queue), None)
        return sum(self.waiting) - (last.unread if last else 0)

    def first_behind(self, limit: float) -> _Job | None:
        """The first document that has more than so many pages of others before it."""
        if self.deepest() <= limit:
            return None
        before = 0
        for queue in self.queues:
            for job in queue:
                if before > limit:
                    return job
                before += job.unread
        return None

    def take(self, job: _Job, most: int) -> int:
        """Take pages of a waiting document, at most so many; how many they are."""
        pages = min(most, job.unread)
        job.unread -= pages
        self.waiting[job.rank] -= pages
        if not job.unread:
            self.queues[job.rank].remove(job)
        return pages


class _Simulation:
    def __init__(
        self, documents: Sequence[Past], policy: Policy, hosts: Sequence[Host], earlier: Sequence[float]
    ) -> None:
        self.policy = policy
        self.jobs = [_Job(past, place, RANKS[past.facts.priority]) for place, past in enumerate(documents)]
        self.arrivals = sorted([*earlier, *(past.arrived_seconds for past in documents)])
        seen = [host.snapshot for host in hosts]
        self.obstacles = {one.name: routing.obstacle(one, policy, seen) for one in seen}
        named = {policy.default_backend, *(rule.backend for rule in policy.rules)}
        self.able = {
            name: routing.first_able(routing.candidates(name, policy, seen), self.obstacles) or name for name in named
        }
        able = [host for host in hosts if not self.obstacles[host.snapshot.name] and host.slots > 0]
        self.servers = {host.snapshot.name: _Server(host) for host in able}
        self.default = self.servers.get(policy.default_backend)
        self.overload = Overload()
        self.step = max(1, ceil(sum(past.pages for past in documents) / MOST_STEPS))
        self.running: list[tuple[float, int, _Server, _Job, int]] = []  # the number keeps equal times in order
        self.begun = self.unfinished = self.spilled = 0

    def run(self) -> Replayed:
        for job in sorted(self.jobs, key=lambda job: (job.past.arrived_seconds, job.place)):
            self._until(job.past.arrived_seconds)
            self._arrive(job, job.past.arrived_seconds)
        self._until(float("inf"))
        used = [server for server in self.servers.values() if server.read]
        return Replayed(
            outcomes=tuple(Outcome(job.past.key, job.backend, job.rule, job.finished) for job in self.jobs),
            finished_seconds={server.name: server.finished for server in used},
            pages={server.name: server.read for server in used},
            spilled_pages=self.spilled,
        )

    def _until(self, moment: float) -> None:
        """Everything that ends up to this moment."""
        while self.running and self.running[0][0] <= moment:
            now, _, server, job, pages = heapq.heappop(self.running)
            server.free += 1
            server.finished = now
            job.unended -= pages
            if not job.unended:
                job.finished = now
                self.unfinished -= 1
            self._fill(now)

    def _arrive(self, job: _Job, now: float) -> None:
        rule = routing.first_match(self._facts(job, now), self.policy)
        job.rule = rule.name if rule else None
        job.backend = self.able[rule.backend if rule else self.policy.default_backend]
        server = self.servers.get(job.backend)
        if server is None or not job.past.pages:
            return
        job.unread = job.unended = job.past.pages
        self.unfinished += 1
        server.add(job)
        self._fill(now)

    def _facts(self, job: _Job, now: float) -> Facts:
        """What the document meets: counts of documents include itself."""
        default = self.default
        ahead = default.ahead(job.rank) if default else 0
        return replace(
            job.past.facts,
            documents_per_day=bisect_right(self.arrivals, now) - bisect_right(self.arrivals, now - DAY_SECONDS),
            documents_in_progress=self.unfinished + 1,
            queue_depth=ahead,
            expected_wait_seconds=ahead * default.seconds_per_page / default.slots if default else 0.0,
            was_overloaded=self.overload.on,
        )

    def _fill(self, now: float) -> None:
        """Every free slot gets a page, if there is one for it."""
        for server in self.servers.values():
            while server.free and (job := server.head()):
                self._begin(server, server, job, now)
        if self.default:
            self.overload = overload.observed(self.overload, self.default.deepest(), now, self.policy.overload_rule)
        if self.policy.spread == "free":
            self._spread_freely(now)
        elif self.policy.spread == "overload":
            self._relieve(now)

    def _relieve(self, now: float) -> None:
        """Pages with too many of others before them leave the default backend for the one its overload rule names."""
        rule, default = self.policy.overload_rule, self.default
        target = self.servers.get(self.able[rule.backend]) if rule else None
        if rule is None or target is None or default is None or target is default:
            return
        while target.free and (job := default.first_behind(overload.limit(self.overload, rule))):
            self._begin(target, default, job, now)

    def _spread_freely(self, now: float) -> None:
        for server in self.servers.values():
            while server.free:
                heads = [(other, job) for other in self.servers.values() if (job := other.head())]
                if not heads:
                    return
                source, job = min(heads, key=lambda head: (head[1].rank, head[1].past.arrived_seconds, head[1].place))
                self._begin(server, source, job, now)

    def _begin(self, server: _Server, source: _Server, job: _Job, now: float) -> None:
        pages = source.take(job, self.step)
        server.free -= 1
        server.read += pages
        self.spilled += pages if server is not source else 0
        self.begun += 1
        heapq.heappush(self.running, (now + pages * server.seconds_per_page, self.begun, server, job, pages))
