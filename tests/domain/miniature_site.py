"""A site in miniature for tests: hosts, documents, pages and leases in memory, decided by the real domain code.

What services do with rows is done here with objects, in the same order: give slots, claim, send, understand what came
back, tell the breaker, settle under the lease. Time is passed in, and what happens when is the test's to choose. What
really happened to a page (who killed whom, how often it was told of a fault) is counted apart from the code's counters.
"""

from __future__ import annotations

from collections import Counter

from jobs.domain import attempts, circuit, failures, overload, placing, routing, scheduling
from jobs.domain.attempts import Situation, Step
from jobs.domain.failures import Blame, Failure, Outcome
from jobs.domain.overload import Overload
from jobs.domain.policies import Policy, Rule
from jobs.domain.statuses import PageStatus, page_sources
from tests.domain.miniature_parts import Document, Host, Lease, Page

CALL_SECONDS = 300.0  # how long the slot of a worker that is perhaps only paused stays taken
USUAL_DPI = 200
POLICY = Policy(
    default_backend="calypso",
    fallback_order=("calypso", "spark", "aurora"),
    rules=(
        Rule("Large document", "page_count_over", "spark", threshold=4),
        Rule("High priority", "priority_is", "spark", value="high"),
        Rule("Low priority", "priority_is", "aurora", value="low"),
        Rule("Default overloaded", "queue_depth_over", "spark", threshold=5, release=2, hold_seconds=30),
    ),
)
BREAKER = circuit.Settings()
PRIORITIES = ("high", "normal", "low")  # by rank


class MiniatureSite:
    def __init__(self, spread: str = "overload") -> None:
        self.now = 1000.0
        self.policy = Policy(POLICY.default_backend, POLICY.fallback_order, spread, rules=POLICY.rules)
        hosts = [Host("calypso", 2, 1, small=True), Host("spark", 4, 2), Host("aurora", 1, 0, small=True)]
        self.hosts = {host.name: host for host in hosts}
        self.pages: list[Page] = []
        self.leases: list[Lease] = []
        self.strays: list[Lease] = []  # slots that were freed at their end, with a worker that has not woken yet
        self.overload = Overload()

    def at(self, host: Host) -> list[Lease]:
        return [lease for lease in self.leases if lease.host is host]

    def holding(self) -> list[Lease]:
        return [lease for lease in self.leases if not lease.fenced]

    def running(self) -> list[Lease]:
        return [lease for lease in self.holding() if lease.sent]

    def snapshots(self) -> list[routing.BackendSnapshot]:
        return [
            routing.BackendSnapshot(
                host.name,
                lifecycle=host.lifecycle,
                state=host.state,
                max_model_len=4096 if host.small else 8192,
                busy=host.busy_until > self.now,
            )
            for host in self.hosts.values()
        ]

    def receive(self, kinds: list[str], owner: int, rank: int) -> None:
        """A document arrives, is decided, and its pages are drawn."""
        facts = routing.Facts(page_count=len(kinds), priority=PRIORITIES[rank])
        decision = routing.decide(facts, self.policy, self.snapshots())
        choice = placing.choice_of(decision.as_json(), decision.wanted)
        document = Document(f"document {len(self.pages):04}", owner, rank, self.now, choice)
        self.pages += [Page(len(self.pages) + n, document, kind) for n, kind in enumerate(kinds)]

    def dispatch(self) -> list[Lease]:
        """Give free slots to waiting pages. Returns the new leases."""
        waiting = [p for p in self.pages if p.status is PageStatus.RENDERED and p.not_before <= self.now]
        free = {host.name: self._open_slots(host) - len(self.at(host)) for host in self.hosts.values()}
        depths = self._depths()
        rule = self.policy.overload_rule
        self.overload = overload.observed(self.overload, max(depths.values(), default=0), self.now, rule)
        site = placing.Site(self.policy, self.snapshots(), free, self.overload)
        rows = [self._waiting_page(page, site, depths[page.document]) for page in waiting]
        places = scheduling.Places(
            {host.name: host.capacity for host in self.hosts.values()},
            {host.name: host.queue_ahead for host in self.hosts.values()},
            len(waiting),
        )
        given = scheduling.assign(rows, free, self._in_flight(), places)
        new = [Lease(self.pages[one.page_id], self.hosts[one.backend]) for one in given]
        for lease in new:
            self._move(lease.page, PageStatus.ASSIGNED)
        self.leases += new
        return new

    def _open_slots(self, host: Host) -> int:
        return circuit.open_slots(host.circuit, host.slots, host.queue_ahead) if host.lifecycle == "active" else 0

    def _depths(self) -> dict[Document, int]:
        """Per document the pages of others that wait for the default backend and are no less urgent."""
        default = self.policy.default_backend
        waiting = Counter(p.document for p in self.pages if p.status is PageStatus.RENDERED)
        ahead = [d for d in waiting if d.choice.wanted == default]
        return {d: sum(waiting[o] for o in ahead if o is not d and o.rank <= d.rank) for d in waiting}

    def _waiting_page(self, page: Page, site: placing.Site, depth: int) -> scheduling.WaitingPage:
        document = page.document
        placement = placing.place(document.choice, site, depth=depth, avoided=page.avoid)
        return scheduling.WaitingPage(
            page_id=page.key,
            document=document.key,
            number=page.key,
            owner=document.owner,
            priority_rank=document.rank,
            age_seconds=self.now - document.born,
            candidates=placement.candidates,
            suspect=page.suspect,
            spread=placement.spread,
            waited_seconds=self.now - (document.born if page.began is None else page.began),
        )

    def _in_flight(self) -> scheduling.InFlight:
        holding = self.holding()
        return scheduling.InFlight(
            by_owner=Counter(lease.page.document.owner for lease in holding),
            by_document=Counter(lease.page.document.key for lease in holding),
            suspects=sum(lease.page.suspect for lease in holding),
            by_backend={host.name: len(self.at(host)) for host in self.hosts.values()},
            suspect_at=frozenset(lease.host.name for lease in holding if lease.page.suspect),
            lost_at=frozenset(lease.host.name for lease in self.leases if lease.fenced),
        )

    def send(self, lease: Lease) -> None:
        """A worker claims the lease and sends the page, unless its host was shut meanwhile."""
        host = lease.host
        self._move(lease.page, PageStatus.RUNNING)
        if host.lifecycle not in {"active", "draining"} or host.state in routing.OUT_OF_ORDER:
            self.leases.remove(lease)
            self._move(lease.page, PageStatus.RENDERED)
            return
        lease.sent, lease.began = True, self.now
        if not host.alive:
            self.fail(lease, failures.TRANSPORT[failures.TransportFault.REFUSED])

    def die(self, host: Host, killer: Lease | None = None) -> None:
        """The engine stops; all in flight there will hear of it, each in its way and time."""
        host.alive = False
        for lease in self.at(host):
            lease.doomed = lease.doomed or lease.sent
        if killer is not None:
            killer.page.kills.append(killer)

    def answer(self, lease: Lease) -> None:
        """A host that is well has come to the end of this page."""
        if lease.page.kind == "poison":
            self.die(lease.host, lease)
        elif failure := lease.host.verdict(lease.page):
            self.fail(lease, failure)
        else:
            if self._settle(lease):
                self._move(lease.page, PageStatus.DONE)
                lease.page.readings += 1
            lease.host.circuit = circuit.succeeded(lease.host.circuit, self.now)

    def fail(self, lease: Lease, failure: Failure, *, recent: tuple[int, int] = (0, 0), jitter: float = 0.0) -> None:
        """A call failed: what it really was, the host's breaker, and where the page goes, if it is still this one's."""
        host, page = lease.host, lease.page
        if failure.may_hide_death and (not host.alive or self._died_since(host, lease.began)):
            failure = failures.as_engine_death(failure)
        self.tell(host, failure, recent=recent, jitter=jitter)
        step = attempts.after_failure(failure, self._situation(page, host))
        if self._settle(lease):
            page.faults_told += failure.blame is Blame.HOST
            small_enough = failure.outcome in {Outcome.OUT_OF_MEMORY, Outcome.CUT_OFF} and not page.in_pieces
            page.beyond_help = page.beyond_help or (failure.blame is Blame.PAGE and not small_enough)
            self._charge(page, lease, step, failure.outcome.value)

    def _died_since(self, host: Host, began: float) -> bool:
        state = host.circuit
        told = state.state != circuit.CLOSED and state.reason == failures.ENGINE_DEAD.reason
        return told and state.changed_at >= began

    def tell(self, host: Host, failure: Failure, *, recent: tuple[int, int] = (0, 0), jitter: float = 0.0) -> None:
        """What a call's failure says of its host."""
        state = host.circuit
        if failure.blame is Blame.SETUP:
            host.misconfigured = True
        elif failure.engine_death:
            host.circuit = circuit.opened(state, self.now, failure.reason, BREAKER, jitter=jitter)
        elif failure.blame is Blame.HOST and state.state != circuit.HALF_OPEN:
            host.circuit = circuit.failed(state, self.now, failure.reason, BREAKER, recent=recent, jitter=jitter)
        if failure.outcome is Outcome.BUSY:
            host.busy_until = max(host.busy_until, self.now + attempts.busy_seconds(failure))

    def _situation(self, page: Page, host: Host) -> Situation:
        untried = [] if host.name in page.avoid else self._untried(page, host)
        roomier = [other.name for other in untried if host.small and not other.small]
        return Situation(
            backend=host.name,
            max_attempts=self.policy.failover.max_attempts,
            quarantine_deaths=self.policy.failover.quarantine_deaths,
            oom_dpi=self.policy.failover.oom_dpi,
            host_failures=page.host_failures,
            engine_deaths=page.engine_deaths,
            sent_dpi=min(USUAL_DPI, page.dpi_cap or USUAL_DPI),
            dpi_cap=page.dpi_cap,
            in_pieces=page.in_pieces,
            elsewhere=bool(untried),
            roomier=bool(roomier),
            tighter=tuple(other.name for other in untried if other.name not in roomier),
        )

    def _untried(self, page: Page, host: Host) -> list[Host]:
        seen = self.snapshots()
        able = {other.name for other in seen if not routing.obstacle(other, self.policy, seen) and not other.busy}
        names = routing.candidates(page.document.choice.wanted, self.policy, seen)
        return [self.hosts[name] for name in names if name in able and name not in {*page.avoid, host.name}]

    def _settle(self, lease: Lease) -> bool:
        """Give the slot back. False when the lease was lost: then nothing may be stored."""
        held = lease in self.leases
        if held:
            self.leases.remove(lease)
        if lease in self.strays:
            self.strays.remove(lease)
        return held and not lease.fenced

    def _charge(self, page: Page, lease: Lease, step: Step, outcome: str) -> None:
        page.host_failures += step.host_failure
        page.claims += step.claim
        page.engine_deaths += step.engine_death
        for name in ([lease.host.name] if step.avoid else []) + list(step.avoid_also):
            page.avoid[name] = outcome
        page.dpi_cap = step.dpi_cap or page.dpi_cap
        page.in_pieces = page.in_pieces or step.in_pieces
        page.not_before = self.now + step.delay_seconds
        page.began = lease.began
        self._move(page, step.status)

    def lose_worker(self, lease: Lease, *, surely: bool) -> None:
        """The worker died, which ends its call; or its lease ran out, and then the slot stays taken for a while."""
        lease.crashed, lease.fenced, lease.until = surely, not surely, self.now + CALL_SECONDS
        if surely:
            self.leases.remove(lease)
        lease.page.workers_lost += 1
        self._charge(lease.page, lease, attempts.after_worker_death(lease.page.claims + 1), Outcome.LOST.value)

    def probe(self, host: Host, how_it_says_it_is_dead: Failure, jitter: float = 0.0) -> None:
        """The clock looks after a host: its breaker's time, its health, a canary page when it is to be tried."""
        host.circuit = circuit.ticked(host.circuit, self.now)
        if host.circuit.state == circuit.OPEN or host.lifecycle != "active":
            return
        if not host.alive:
            half = host.circuit.state == circuit.HALF_OPEN
            change = circuit.opened if half or how_it_says_it_is_dead.engine_death else _failed_probe
            host.circuit = change(host.circuit, self.now, how_it_says_it_is_dead.reason, BREAKER, jitter=jitter)
        elif host.circuit.state == circuit.HALF_OPEN or host.misconfigured:
            taken = self.at(host)
            if len(taken) < host.capacity and not any(one.page.suspect and not one.fenced for one in taken):
                host.circuit, host.misconfigured = circuit.canary_read(host.circuit, self.now), False

    def forget_ghosts(self) -> None:
        """Slots that were kept for a call nobody waits for are free when its time is over."""
        over = [lease for lease in self.leases if lease.fenced and lease.until < self.now]
        self.strays += over
        self.leases = [lease for lease in self.leases if lease not in over]

    def _move(self, page: Page, target: PageStatus) -> None:
        assert page.status in page_sources(target), f"from {page.status} to {target}"
        page.status = target


def _failed_probe(
    state: circuit.Circuit, now: float, reason: str, settings: circuit.Settings, *, jitter: float
) -> circuit.Circuit:
    return circuit.failed(state, now, reason, settings, recent=(0, 0), jitter=jitter)
