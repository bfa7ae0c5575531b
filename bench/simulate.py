"""A thousand hosts in simulated time, by the site's own routing, scheduling and breaker.

    python -m bench.simulate [--hosts 10 100 1000] [--documents-an-hour 100000] [--seconds 60] [--seed N] [--json FILE]
                             [--plot FILE]

No database, no network: what is measured is what the decisions themselves cost, and whether they stay right. Hosts are
small ones (4 slots) and large ones (16), of unequal speed; each dies now and then with all it has in flight, and comes
back. Documents come at random; with fewer hosts than a thousand as many fewer come.
"""

from __future__ import annotations

import argparse
import heapq
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench import plot
from jobs.domain import circuit, placing, routing, scheduling
from jobs.domain.policies import Policy

ROUND_SECONDS = 0.05  # calls that come together become one round, as in services.dispatching
SMALL, LARGE = (4, 1, 4.0), (16, 2, 6.0)  # slots, queue ahead, seconds a page at the median of a host of the kind
LARGE_SHARE = 0.3
SIZES = ((0.70, 1, 10), (0.25, 11, 60), (0.05, 61, 600))  # share of the documents, and their pages from … to …
LIFE_SECONDS, AWAY_SECONDS = 1800.0, 60.0  # how long a host lives, and stays away, on average
OWNERS = 5000


@dataclass
class SimulatedHost:
    name: str
    slots: int
    ahead: int
    page_seconds: float
    circuit: circuit.Circuit = field(default_factory=circuit.Circuit)
    alive: bool = True
    in_flight: dict[int, float] = field(default_factory=dict)  # page → when it began
    most_in_flight: int = 0

    @property
    def open_slots(self) -> int:
        return circuit.open_slots(self.circuit, self.slots, self.ahead)


@dataclass
class SimulatedDocument:
    key: str
    owner: int
    rank: int
    came_at: float
    pages: int
    choice: placing.Choice
    waiting: list[int]
    running: int = 0
    done: int = 0


class World:
    """The site and its hosts at one moment of simulated time."""

    def __init__(self, hosts: int, documents_a_second: float, seed: int) -> None:
        self.chance = random.Random(seed)
        self.hosts = {host.name: host for host in self._make_hosts(hosts)}
        names = tuple(self.hosts)
        self.policy = Policy(default_backend=names[0], fallback_order=names, rules=(), spread="free")
        self.documents_a_second = documents_a_second
        self.documents: dict[str, SimulatedDocument] = {}
        self.document_of: dict[int, str] = {}
        self.events: list[tuple[float, int, str, Any]] = []
        self.now, self._count, self.pages_come = 0.0, 0, 0
        self.cpu: Counter[str] = Counter()
        self.counts: Counter[str] = Counter()
        self.waits: list[float] = []

    def _make_hosts(self, count: int) -> Iterator[SimulatedHost]:
        for number in range(count):
            slots, ahead, seconds = LARGE if number % 10 < 10 * LARGE_SHARE else SMALL
            yield SimulatedHost(f"host{number}", slots, ahead, seconds * self.chance.lognormvariate(0, 0.3))

    @contextmanager
    def costing(self, what: str) -> Iterator[None]:
        began = time.process_time()
        yield
        self.cpu[what] += time.process_time() - began

    def later(self, seconds: float, kind: str, what: Any = None) -> None:
        self._count += 1
        heapq.heappush(self.events, (self.now + seconds, self._count, kind, what))

    # ---- time

    def run(self, seconds: float) -> None:
        self.later(0.0, "document")
        for host in self.hosts.values():
            self.later(self.chance.expovariate(1 / LIFE_SECONDS), "die", host)
        while self.now < seconds:
            end = self.now + ROUND_SECONDS
            while self.events and self.events[0][0] <= end:
                self.now, _, kind, what = heapq.heappop(self.events)
                getattr(self, f"on_{kind}")(what)
            self.now = end
            self.dispatch()

    def on_document(self, _: None) -> None:
        self.later(self.chance.expovariate(self.documents_a_second), "document")
        _, least, most = self.chance.choices(SIZES, [share for share, _, _ in SIZES])[0]
        pages = self.chance.randint(least, most)
        with self.costing("route"):
            decision = routing.decide(routing.Facts(pages), self.policy, self.snapshots())
        numbers = list(range(self.pages_come, self.pages_come + pages))
        self.pages_come += pages
        key = f"document{self._count}"
        choice = placing.Choice(decision.wanted, decision.rule, decision.reason)
        rank = self.chance.choices((0, 1, 2), (5, 80, 15))[0]
        owner = self.chance.randrange(OWNERS)
        self.documents[key] = SimulatedDocument(key, owner, rank, self.now, pages, choice, numbers)
        self.document_of.update(dict.fromkeys(numbers, key))
        self.counts["documents"] += 1

    def on_done(self, what: tuple[SimulatedHost, int]) -> None:
        host, page = what
        if host.in_flight.pop(page, None) is None:
            return  # it died with its host
        host.circuit = circuit.succeeded(host.circuit, self.now, slots=host.slots)
        document = self.documents[self.document_of.pop(page)]
        document.running -= 1
        document.done += 1
        self.counts["pages"] += 1
        if document.done == document.pages:
            del self.documents[document.key]
            self.counts["finished"] += 1

    def on_die(self, host: SimulatedHost) -> None:
        """All in flight comes back; the breaker opens at once."""
        host.alive = False
        for page in host.in_flight:
            document = self.documents[self.document_of[page]]
            document.running -= 1
            document.waiting.insert(0, page)
        self.counts["taken back"] += len(host.in_flight)
        host.in_flight.clear()
        jitter = self.chance.uniform(-1, 1)
        host.circuit = circuit.opened(host.circuit, self.now, "engine died", circuit.Settings(), jitter=jitter)
        self.later(self.chance.expovariate(1 / AWAY_SECONDS), "return", host)

    def on_return(self, host: SimulatedHost) -> None:
        host.alive = True
        self.later(self.chance.expovariate(1 / LIFE_SECONDS), "die", host)

    # ---- one round, as services.dispatching does it

    def snapshots(self) -> list[routing.BackendSnapshot]:
        closed = circuit.CLOSED
        return [
            routing.BackendSnapshot(host.name, state="up" if host.circuit.state == closed else "down")
            for host in self.hosts.values()
        ]

    def dispatch(self) -> None:
        with self.costing("breaker"):
            for host in self.hosts.values():
                host.circuit = circuit.ticked(host.circuit, self.now)
                if host.circuit.state == circuit.HALF_OPEN and host.alive:
                    host.circuit = circuit.canary_read(host.circuit, self.now)
        free = {host.name: host.open_slots - len(host.in_flight) for host in self.hosts.values()}
        waiting = self._heads(free)
        if not waiting:
            return
        in_flight = self._in_flight()
        places = scheduling.Places(
            {host.name: host.open_slots for host in self.hosts.values() if host.open_slots},
            {host.name: max(0, host.open_slots - host.slots) for host in self.hosts.values()},
            sum(len(document.waiting) for document in self.documents.values()),
        )
        with self.costing("assign"):
            given = scheduling.assign(waiting, free, in_flight, places)
        self.counts["rounds"] += 1
        for assignment in given:
            self._begin(assignment)

    def _heads(self, free: dict[str, int]) -> list[scheduling.WaitingPage]:
        slots_free = sum(max(0, count) for count in free.values())
        open_ones = [document for document in self.documents.values() if document.waiting]
        open_ones.sort(key=lambda document: (document.rank, document.running, document.came_at))
        chosen = open_ones[:slots_free]
        if not chosen:
            return []
        each = min(slots_free, max(4, 2 * slots_free // len(chosen)))
        with self.costing("place"):
            site = placing.Site(self.policy, self.snapshots(), free)
            placements: dict[placing.Choice, placing.Placement] = {}
            for document in chosen:
                if document.choice not in placements:
                    placements[document.choice] = placing.place(document.choice, site)
        return [
            scheduling.WaitingPage(
                page, document.key, number, document.owner, document.rank, self.now - document.came_at,
                placements[document.choice].candidates, spread=True,
            )
            for document in chosen
            for number, page in enumerate(document.waiting[:each])
        ]  # fmt: skip

    def _in_flight(self) -> scheduling.InFlight:
        by_owner: Counter[int] = Counter()
        by_document = {document.key: document.running for document in self.documents.values() if document.running}
        for key, running in by_document.items():
            by_owner[self.documents[key].owner] += running
        by_backend = {host.name: len(host.in_flight) for host in self.hosts.values()}
        return scheduling.InFlight(by_owner, by_document, by_backend=by_backend)

    def _begin(self, assignment: scheduling.Assignment) -> None:
        host = self.hosts[assignment.backend]
        document = self.documents[self.document_of[assignment.page_id]]
        document.waiting.remove(assignment.page_id)
        document.running += 1
        self.waits.append(self.now - document.came_at)
        # A page ahead of a free slot waits inside the host: until one of the others is done.
        queued = max(0, len(host.in_flight) - host.slots + 1) / host.slots
        host.in_flight[assignment.page_id] = self.now
        host.most_in_flight = max(host.most_in_flight, len(host.in_flight) - host.slots - host.ahead)
        seconds = host.page_seconds * (self.chance.lognormvariate(0, 0.4) + queued)
        self.later(seconds, "done", (host, assignment.page_id))


def simulate(hosts: int, documents_an_hour: float, seconds: float, seed: int) -> dict[str, Any]:
    """What one run found. Raises AssertionError where a limit was passed or a page got lost."""
    world = World(hosts, documents_an_hour / 3600 * hosts / 1000, seed)
    began = time.monotonic()
    world.run(seconds)
    waiting = sum(len(document.waiting) for document in world.documents.values())
    running = sum(len(host.in_flight) for host in world.hosts.values())
    assert max(host.most_in_flight for host in world.hosts.values()) <= 0, "more in flight than a host takes"
    assert world.counts["pages"] + waiting + running == world.pages_come, "a page was lost"
    begun = len(world.waits)
    cost = {what: round(1000 * used / max(1, begun), 4) for what, used in world.cpu.items()}
    waits = sorted(world.waits)
    return {
        "hosts": hosts,
        "slots": sum(host.slots for host in world.hosts.values()),
        "seed": seed,
        "simulated_seconds": seconds,
        "wall_seconds": round(time.monotonic() - began, 1),
        "documents": world.counts["documents"],
        "pages_begun_a_second": round(begun / seconds, 1),
        "waiting_at_the_end": waiting,
        "taken_back": world.counts["taken back"],
        "wait_p99_seconds": round(waits[int(0.99 * (len(waits) - 1))], 2) if waits else 0.0,
        "rounds": world.counts["rounds"],
        "cpu_ms_a_page": cost | {"all": round(sum(cost.values()), 4)},
        "pages_a_second_one_core_decides": round(1000 / sum(cost.values())) if begun else 0,
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.simulate", description=__doc__)
    parser.add_argument("--hosts", type=int, nargs="+", default=[10, 100, 1000])
    parser.add_argument("--documents-an-hour", type=float, default=100_000, help="at a thousand hosts")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--plot", type=Path, help="draw what a page's decisions cost to this file, as SVG")
    told = parser.parse_args()
    found = []
    for hosts in told.hosts:
        found.append(simulate(hosts, told.documents_an_hour, told.seconds, told.seed))
        sys.stdout.write(json.dumps(found[-1]) + "\n")
        sys.stdout.flush()
    if told.json:
        told.json.write_text(json.dumps(found, indent=1) + "\n")
    if told.plot:
        told.plot.write_text(
            plot.stacked("CPU a page, by decision", {in_words(one): parts(one) for one in found}, "ms")
        )


def in_words(run: dict[str, Any]) -> str:
    return f"{run['hosts']:,} hosts, {run['pages_begun_a_second']:,.0f} pages begun a second"


def parts(run: dict[str, Any]) -> dict[str, float]:
    return {name: cost for name, cost in run["cpu_ms_a_page"].items() if name != "all"}


if __name__ == "__main__":
    main()
