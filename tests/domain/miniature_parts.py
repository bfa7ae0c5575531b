"""The parts of the site in miniature: hosts, documents, pages and leases as plain objects.

What really happened to a page (whom it killed, how often it was told of a fault) stands beside the code's own counters.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from jobs.domain import circuit, failures, placing
from jobs.domain.attempts import MAX_CLAIMS
from jobs.domain.circuit import Circuit
from jobs.domain.failures import Failure
from jobs.domain.policies import Failover
from jobs.domain.statuses import PageStatus


@dataclass(eq=False)
class Document:
    key: str
    owner: int
    rank: int
    born: float
    choice: placing.Choice


@dataclass(eq=False)
class Page:
    """`kind`: plain; poison, which kills every host that reads it; heavy, huge: too much for a small card's memory
    unless sent smaller, or in halves; long: too long for a small context; unreadable: refused everywhere."""

    key: int
    document: Document
    kind: str
    status: PageStatus = PageStatus.RENDERED
    claims: int = 0
    host_failures: int = 0
    engine_deaths: int = 0
    avoid: dict[str, str] = field(default_factory=dict)
    dpi_cap: int | None = None
    in_pieces: bool = False
    not_before: float = 0.0
    began: float | None = None
    readings: int = 0
    # What really happened to it.
    kills: list[Lease] = field(default_factory=list)
    faults_told: int = 0
    workers_lost: int = 0
    beyond_help: bool = False

    @property
    def suspect(self) -> bool:
        return bool(self.claims or self.engine_deaths)

    @property
    def may_fail(self) -> bool:
        """Whether all that can be done for it has been done."""
        spent = self.faults_told >= Failover().max_attempts or self.workers_lost >= MAX_CLAIMS
        return spent or self.beyond_help


@dataclass(eq=False)
class Host:
    name: str
    slots: int
    queue_ahead: int
    small: bool = False  # in memory and context
    lifecycle: str = "active"
    circuit: Circuit = field(default_factory=Circuit)
    misconfigured: bool = False
    busy_until: float = 0.0
    alive: bool = True

    @property
    def capacity(self) -> int:
        return self.slots + self.queue_ahead

    @property
    def state(self) -> str:
        if self.misconfigured:
            return "misconfigured"
        if self.circuit.state != circuit.CLOSED:
            return "hung" if self.circuit.hung else "down"
        return "up" if self.circuit.step is None else "slow_start"

    def verdict(self, page: Page) -> Failure | None:
        """What a host that is well says to this page; None when it reads it."""
        if page.kind == "unreadable":
            return failures.UNREADABLE_IMAGE
        if not self.small or page.in_pieces:
            return None
        if page.kind == "huge" or (page.kind == "heavy" and page.dpi_cap is None):
            return failures.OUT_OF_MEMORY
        return failures.TOO_LONG if page.kind == "long" else None


@dataclass(eq=False)
class Lease:
    """One page's right to a slot, and once `sent` its call. `fenced`: it was taken back while the worker may only be
    paused: the slot is kept, what it brings back is discarded. `doomed`: its host died with it in flight."""

    page: Page
    host: Host
    sent: bool = False
    began: float = 0.0
    paused: bool = False
    fenced: bool = False
    crashed: bool = False
    doomed: bool = False
    until: float = 0.0

    @property
    def mute(self) -> bool:
        """Nobody will ever hear how it ended."""
        return self.fenced or self.crashed
