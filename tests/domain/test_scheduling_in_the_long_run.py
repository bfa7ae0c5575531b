"""A site in miniature, driven at random: arrivals, ends, dead workers, hosts that fall, drain and change their slots.

Whatever happens: no host has more in flight than it may, at most one suspect runs anywhere and it runs alone, no page
runs twice at once, and once the trouble ends every page is read.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from jobs.domain.scheduling import InFlight, WaitingPage, assign

HOSTS = ("calypso", "spark")
CAPACITY = {"calypso": 5, "spark": 18}


@dataclass
class Page:
    key: int
    document: str
    owner: int
    rank: int
    candidates: tuple[str, ...]
    spread: bool
    born: float
    suspect: bool = False
    since: float = 0.0
    at: str = ""
    done: bool = False


@dataclass
class Host:
    capacity: int
    open: bool = True
    lost: int = 0  # calls of workers that may only be paused
    running: list[Page] = field(default_factory=list)

    @property
    def in_flight(self) -> int:
        return len(self.running) + self.lost


class Site(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.pages: list[Page] = []
        self.hosts = {name: Host(CAPACITY[name]) for name in HOSTS}

    @rule(
        count=st.integers(1, 8),
        owner=st.integers(1, 3),
        rank=st.integers(0, 2),
        candidates=st.sampled_from([("calypso",), ("spark",), ("calypso", "spark"), ("spark", "calypso")]),
        spread=st.booleans(),
    )
    def a_document_arrives(self, count, owner, rank, candidates, spread):
        name = f"document {len(self.pages)}"
        for _ in range(count):
            self.pages.append(Page(len(self.pages), name, owner, rank, candidates, spread, self.now))

    @rule(seconds=st.sampled_from([1.0, 20.0, 40.0, 2000.0]))
    def time_passes(self, seconds):
        self.now += seconds

    @rule(name=st.sampled_from(HOSTS), slots=st.integers(1, 18))
    def slots_are_changed(self, name, slots):
        self.hosts[name].capacity = slots

    @rule(name=st.sampled_from(HOSTS))
    def a_host_drains_or_comes_back(self, name):
        self.hosts[name].open = not self.hosts[name].open

    @precondition(lambda self: self.running())
    @rule(data=st.data())
    def a_page_is_read(self, data):
        self.end(data.draw(st.sampled_from(self.running())), done=True)

    @precondition(lambda self: self.running())
    @rule(name=st.sampled_from(HOSTS))
    def an_engine_dies(self, name):
        for page in list(self.hosts[name].running):
            self.end(page, suspect=True)

    @precondition(lambda self: self.running())
    @rule(data=st.data())
    def a_worker_is_paused(self, data):
        page = data.draw(st.sampled_from(self.running()))
        self.hosts[page.at].lost += 1
        self.end(page, suspect=True)

    @rule(name=st.sampled_from(HOSTS))
    def a_lost_call_passes_its_deadline(self, name):
        self.hosts[name].lost = max(0, self.hosts[name].lost - 1)

    @rule()
    def slots_are_given(self):
        waiting = [self.as_waiting(page) for page in self.pages if not page.done and not page.at]
        free = {name: host.capacity * host.open - host.in_flight for name, host in self.hosts.items()}
        before = {name: host.in_flight for name, host in self.hosts.items()}
        given = assign(waiting, free, self.in_flight(), CAPACITY)
        assert len({one.page_id for one in given}) == len(given)
        for one in given:
            page = self.pages[one.page_id]
            assert not page.at and not page.done and one.backend in page.candidates
            page.at = one.backend
            self.hosts[one.backend].running.append(page)
        for name, host in self.hosts.items():
            assert host.in_flight <= max(before[name], host.capacity * host.open)

    @invariant()
    def at_most_one_suspect_runs_and_it_runs_alone(self):
        suspects = [page for page in self.running() if page.suspect]
        assert len(suspects) <= 1
        for page in suspects:
            assert self.hosts[page.at].running == [page]

    def teardown(self):
        """Well again: everything open, every call ends. Then nothing may be left waiting, suspects included, although
        new pages keep coming while they wait."""
        self.hosts = {name: Host(CAPACITY[name], running=self.hosts[name].running) for name in HOSTS}
        old = len(self.pages)
        for round_ in range(20 + 6 * old):
            if all(page.done for page in self.pages[:old]):
                break
            self.a_document_arrives(6, 9, 0, HOSTS[round_ % 2 :] + HOSTS[: round_ % 2], False)
            self.slots_are_given()
            self.at_most_one_suspect_runs_and_it_runs_alone()
            self.now += 600.0
            for page in self.running():
                self.end(page, done=True)
        assert all(page.done for page in self.pages[:old])

    def running(self) -> list[Page]:
        return [page for host in self.hosts.values() for page in host.running]

    def end(self, page: Page, *, done: bool = False, suspect: bool = False) -> None:
        self.hosts[page.at].running.remove(page)
        page.at, page.done, page.suspect, page.since = "", done, page.suspect or suspect, self.now

    def as_waiting(self, page: Page) -> WaitingPage:
        return WaitingPage(
            page_id=page.key,
            document=page.document,
            number=page.key + 1,
            owner=page.owner,
            priority_rank=page.rank,
            age_seconds=self.now - page.born,
            candidates=page.candidates,
            suspect=page.suspect,
            spread=page.spread,
            waited_seconds=self.now - page.since,
        )

    def in_flight(self) -> InFlight:
        running = self.running()
        return InFlight(
            by_owner=Counter(page.owner for page in running),
            by_document=Counter(page.document for page in running),
            suspects=sum(page.suspect for page in running),
            by_backend={name: host.in_flight for name, host in self.hosts.items()},
            suspect_at=frozenset(page.at for page in running if page.suspect),
            lost_at=frozenset(name for name, host in self.hosts.items() if host.lost),
        )


TestSite = Site.TestCase
TestSite.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
