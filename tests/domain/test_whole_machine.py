"""Scheduler, placing, breakers, failure classes and quarantine together, driven at random through all that can happen.

Whatever happens, after every step: no host has more in flight than it may, a suspect runs alone and only one runs
anywhere, every page is in exactly one state and read at most once, only poison is set aside, and no page stops a third
host. And once the trouble ends, all of it ends: every page that could still be read is read.
"""

from __future__ import annotations

from collections import Counter

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from jobs.domain import circuit, failures
from jobs.domain.circuit import Circuit
from jobs.domain.failures import TABLE, TRANSPORT, TransportFault
from jobs.domain.policies import SPREADS
from jobs.domain.statuses import ENDED_PAGES, PageStatus
from tests.domain.miniature_parts import Host, Lease
from tests.domain.miniature_site import MiniatureSite

HOSTS = ("calypso", "spark", "aurora")
MOST_POISON = 3
ROUND_SECONDS = 120.0
# Each row of the table, but for an engine's death: that is never said of a host that lives.
ANY_FAILURE = [row.failure for row in TABLE if not row.failure.engine_death] + list(TRANSPORT.values())
# How the requests of an engine that dies come back: in words, or in one of these ways.
DYING = [
    failures.ENGINE_DEAD,
    failures.HOST_ERROR,
    TRANSPORT[TransportFault.RESET],
    TRANSPORT[TransportFault.CUT],
    TRANSPORT[TransportFault.GARBAGE],
]
DEAD = [failures.ENGINE_DEAD, TRANSPORT[TransportFault.REFUSED], TRANSPORT[TransportFault.CONNECT_TIMEOUT]]
KINDS = ["plain"] * 6 + ["heavy", "huge", "long", "unreadable", "poison"]

documents = st.lists(st.sampled_from(KINDS), min_size=1, max_size=10)
names = st.sampled_from(HOSTS)
jitters = st.sampled_from([-1.0, 0.0, 1.0])
recents = st.sampled_from([(0, 0), (1, 6), (3, 6)])


class WholeSite(RuleBasedStateMachine):
    site: MiniatureSite

    @initialize(spread=st.sampled_from(SPREADS), kinds=documents)
    def opens(self, spread, kinds):
        self.site = MiniatureSite(spread)
        # What may be in flight at most; where slots were taken away, what was in flight then may end.
        self.most = {name: host.capacity for name, host in self.site.hosts.items()}
        self.messages_arrive = True
        self.a_document_arrives(kinds, 1, 1)

    @rule(kinds=documents, owner=st.integers(1, 3), rank=st.integers(0, 2))
    def a_document_arrives(self, kinds, owner, rank):
        poison = sum(page.kind == "poison" for page in self.site.pages)
        kinds = ["plain" if kind == "poison" and poison >= MOST_POISON else kind for kind in kinds]
        self.site.receive(kinds, owner, rank)
        self.go_on()

    @rule(seconds=st.sampled_from([1.0, 20.0, 60.0, 400.0, 2000.0]), failure=st.sampled_from(DEAD), jitter=jitters)
    def the_clock_looks_after_all(self, seconds, failure, jitter):
        self.site.now += seconds
        self.site.forget_ghosts()
        for host in self.site.hosts.values():
            self.site.probe(host, failure, jitter)
        self.go_on()

    @rule(arrive=st.booleans())
    def messages_are_held_up_or_arrive(self, arrive):
        self.messages_arrive = arrive
        self.go_on()

    def go_on(self) -> None:
        """What follows everything that happens: free slots are given, and workers take their messages."""
        self.give_slots()
        if self.messages_arrive:
            for lease in self.assigned():
                self.site.send(lease)

    def give_slots(self) -> None:
        new = self.site.dispatch()
        for name, count in Counter(lease.host.name for lease in new).items():
            host = self.site.hosts[name]
            assert len(self.site.at(host)) <= self.allowed(host), f"{count} more for {name}"
        assert len({id(lease.page) for lease in new}) == len(new)

    def allowed(self, host: Host) -> int:
        """How many may be in flight where a page is sent now, worked out anew."""
        if host.lifecycle != "active" or host.misconfigured or not host.busy_until <= self.site.now:
            return 0
        if host.circuit.state != "closed":
            return 0
        shares = {None: host.slots + host.queue_ahead, 0: max(1, host.slots // 4), 1: max(1, host.slots // 2)}
        return shares[host.circuit.step]

    @precondition(lambda self: self.awake(doomed=False))
    @rule(data=st.data())
    def a_call_is_answered(self, data):
        self.site.answer(data.draw(st.sampled_from(self.awake(doomed=False))))
        self.go_on()

    @precondition(lambda self: self.awake(doomed=False))
    @rule()
    def all_calls_of_healthy_hosts_are_answered(self):
        self.answer(self.awake(doomed=False))
        self.go_on()

    @precondition(lambda self: self.awake(doomed=False))
    @rule(data=st.data(), failure=st.sampled_from(ANY_FAILURE), recent=recents, jitter=jitters)
    def a_call_fails(self, data, failure, recent, jitter):
        lease = data.draw(st.sampled_from(self.awake(doomed=False)))
        self.site.fail(lease, failure, recent=recent, jitter=jitter)
        self.go_on()

    @precondition(lambda self: self.awake(doomed=True))
    @rule(data=st.data(), failure=st.sampled_from(DYING), jitter=jitters)
    def a_call_to_a_dead_engine_ends(self, data, failure, jitter):
        self.site.fail(data.draw(st.sampled_from(self.awake(doomed=True))), failure, jitter=jitter)
        self.go_on()

    @precondition(lambda self: self.awake(doomed=True))
    @rule(data=st.data(), jitter=jitters)
    def all_calls_to_dead_engines_end(self, data, jitter):
        for lease in data.draw(st.permutations(self.awake(doomed=True))):
            self.site.fail(lease, data.draw(st.sampled_from(DYING)), jitter=jitter)
            self.go_on()

    @rule(name=names)
    def a_host_dies_of_something_else(self, name):
        """Not while a page is there that was present at a death: a host that people kill under the same page twice
        looks like one that died of it, and the page is set aside (docs/decisions/0006)."""
        host = self.site.hosts[name]
        if host.alive and not any(lease.page.engine_deaths for lease in self.site.at(host)):
            self.site.die(host)

    @rule(name=names)
    def a_host_comes_back(self, name):
        host = self.site.hosts[name]
        # An engine that is gone has closed its connections long before the next one has loaded its model.
        host.alive = host.alive or not any(lease.doomed and not lease.fenced for lease in self.site.at(host))

    @rule(name=names)
    def a_host_is_found_to_stand_still(self, name):
        host = self.site.hosts[name]
        host.circuit = circuit.opened(
            host.circuit, self.site.now, "It stands still.", circuit.Settings(), jitter=0.0, hung=True
        )
        self.go_on()

    @rule(name=names, lifecycle=st.sampled_from(["draining", "disabled"]))
    def a_host_is_taken_out_or_activated(self, name, lifecycle):
        host = self.site.hosts[name]
        if host.lifecycle == "active":
            host.lifecycle = lifecycle
        elif host.alive:
            host.lifecycle, host.circuit = "active", Circuit(changed_at=self.site.now)
        self.go_on()

    @rule(name=names, slots=st.integers(1, 6), queue_ahead=st.integers(0, 2))
    def slots_are_changed(self, name, slots, queue_ahead):
        host = self.site.hosts[name]
        host.slots, host.queue_ahead = slots, queue_ahead
        self.go_on()

    @precondition(lambda self: self.site.running())
    @rule(data=st.data())
    def a_worker_dies(self, data):
        self.site.lose_worker(data.draw(st.sampled_from(self.site.running())), surely=True)
        self.go_on()

    @precondition(lambda self: self.site.running())
    @rule(data=st.data())
    def a_worker_is_paused(self, data):
        data.draw(st.sampled_from(self.site.running())).paused = True

    @precondition(lambda self: self.paused())
    @rule(data=st.data())
    def the_lease_of_a_paused_worker_runs_out(self, data):
        self.site.lose_worker(data.draw(st.sampled_from(self.paused())), surely=False)
        self.go_on()

    @precondition(lambda self: self.asleep())
    @rule(data=st.data(), failure=st.sampled_from(DYING))
    def a_paused_worker_wakes_with_its_answer(self, data, failure):
        self.wake(data.draw(st.sampled_from(self.asleep())), failure)
        self.go_on()

    @invariant()
    def no_host_has_more_in_flight_than_it_may(self):
        for name, host in self.site.hosts.items():
            count = len(self.site.at(host))
            assert count <= max(self.most[name], host.capacity)
            self.most[name] = max(host.capacity, count)

    @invariant()
    def at_most_one_suspect_runs_anywhere_and_it_runs_alone(self):
        suspects = [lease for lease in self.site.holding() if lease.page.suspect]
        assert len(suspects) <= 1
        assert all(self.site.at(lease.host) == [lease] for lease in suspects)

    @invariant()
    def every_page_is_in_exactly_one_state(self):
        held = Counter(lease.page.key for lease in self.site.holding())
        sent = {lease.page.key for lease in self.site.running()}
        for page in self.site.pages:
            under_way = page.status in {PageStatus.ASSIGNED, PageStatus.RUNNING}
            assert held[page.key] == under_way
            assert (page.key in sent) == (page.status is PageStatus.RUNNING)

    @invariant()
    def nothing_is_stored_twice_or_given_up_without_need(self):
        for page in self.site.pages:
            assert page.readings == (page.status is PageStatus.DONE)
            assert page.status is not PageStatus.FAILED or page.may_fail
            assert page.kind != "poison" or page.status is not PageStatus.DONE

    @invariant()
    def only_poison_is_set_aside_and_it_stops_no_third_host(self):
        for page in self.site.pages:
            assert page.status is not PageStatus.QUARANTINED or page.kind == "poison"
            # A death that nobody lived to tell of cannot count.
            assert sum(not lease.mute for lease in page.kills) <= 2

    def teardown(self):
        """Well again but for the poison: hosts come back, workers live. Then all ends in a bounded number of rounds,
        suspects and low priority too, although an urgent crowd of somebody else's would take every slot."""
        if not hasattr(self, "site"):
            return
        old = len(self.site.pages)
        self.messages_arrive = True
        for lease in self.asleep():
            self.wake(lease, failures.ENGINE_DEAD)
        for _ in range(self.rounds_enough()):
            if all(page.status in ENDED_PAGES for page in self.site.pages[:old]):
                break
            self.one_good_round()
        left = [(page.kind, page.status) for page in self.site.pages[:old] if page.status not in ENDED_PAGES]
        assert left == []

    def rounds_enough(self) -> int:
        """For low priority to grow old, for each page to have a host emptied for it, and for each page of poison to
        stop two hosts that come back after at most five minutes."""
        left = [page for page in self.site.pages if page.status not in ENDED_PAGES]
        return 45 + 5 * len(left) + 12 * sum(page.kind == "poison" for page in left)

    def one_good_round(self) -> None:
        site = self.site
        for name, host in site.hosts.items():
            self.a_host_comes_back(name)
            host.lifecycle = "active"
        crowd = sum(page.status is PageStatus.RENDERED and page.document.owner == 9 for page in site.pages)
        while crowd < 24:
            site.receive(["plain"] * 4, 9, 0)
            crowd += 4
        self.go_on()
        self.check()
        # The older half of each host's calls, so that no host ever falls empty by itself.
        for host in site.hosts.values():
            calls = [lease for lease in self.awake(doomed=False) if lease.host is host]
            self.answer(calls[: (len(calls) + 1) // 2])
        for lease in self.awake(doomed=True):
            site.fail(lease, failures.ENGINE_DEAD)
        self.check()
        self.the_clock_looks_after_all(ROUND_SECONDS, failures.ENGINE_DEAD, 0.0)

    def check(self) -> None:
        self.no_host_has_more_in_flight_than_it_may()
        self.at_most_one_suspect_runs_anywhere_and_it_runs_alone()
        self.every_page_is_in_exactly_one_state()
        self.nothing_is_stored_twice_or_given_up_without_need()
        self.only_poison_is_set_aside_and_it_stops_no_third_host()

    def answer(self, calls: list[Lease]) -> None:
        for lease in calls:
            if not lease.doomed:  # by poison that was answered before it
                self.site.answer(lease)

    def wake(self, lease: Lease, failure: failures.Failure) -> None:
        lease.paused = False
        if lease.doomed:
            self.site.fail(lease, failure)
        elif lease.fenced and lease.page.kind == "poison" and lease in self.site.leases:
            self.site.die(lease.host, lease)
            self.site.fail(lease, failure)
        else:
            self.site.answer(lease)

    def assigned(self) -> list[Lease]:
        return [lease for lease in self.site.holding() if not lease.sent]

    def awake(self, *, doomed: bool) -> list[Lease]:
        return [lease for lease in self.site.running() if not lease.paused and lease.doomed == doomed]

    def paused(self) -> list[Lease]:
        return [lease for lease in self.site.running() if lease.paused]

    def asleep(self) -> list[Lease]:
        """Paused workers, those included that were given up."""
        return [*self.paused(), *(lease for lease in self.site.leases if lease.fenced), *self.site.strays]


TestWholeSite = WholeSite.TestCase
# The same examples every time: what it finds it finds again, on every machine. Not made smaller, which takes minutes:
# add Phase.shrink to understand a failure.
TestWholeSite.settings = settings(
    max_examples=60,
    stateful_step_count=50,
    deadline=None,
    derandomize=True,
    print_blob=True,
    phases=[Phase.explicit, Phase.generate],
)
