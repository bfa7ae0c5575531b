"""States of documents and pages, their legal moves, and how a document's state follows from its pages'.

Nothing else in the code knows which move is legal: services change a state with
`UPDATE … WHERE status IN legal_sources(new)` and look at the count.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class PageStatus(StrEnum):
    PENDING = "pending"  # waits to be drawn
    RENDERED = "rendered"  # drawn, waits for a slot
    ASSIGNED = "assigned"  # holds a slot, its message is under way
    RUNNING = "running"  # a worker has sent it to a host
    DONE = "done"
    FAILED = "failed"
    QUARANTINED = "quarantined"  # set aside: it stopped hosts
    CANCELLED = "cancelled"


class DocumentStatus(StrEnum):
    QUEUED = "queued"
    PROCESSING = "processing"
    PAUSED = "paused"
    DONE = "done"
    PARTIAL = "partial"
    FAILED = "failed"
    CANCELLED = "cancelled"


P = PageStatus
D = DocumentStatus

WAITING_PAGES = frozenset({P.PENDING, P.RENDERED, P.ASSIGNED})
OPEN_PAGES = WAITING_PAGES | {P.RUNNING}
ENDED_PAGES = frozenset({P.DONE, P.FAILED, P.QUARANTINED, P.CANCELLED})
FAILED_PAGES = frozenset({P.FAILED, P.QUARANTINED})
OPEN_DOCUMENTS = frozenset({D.QUEUED, D.PROCESSING})
UNFINISHED_DOCUMENTS = OPEN_DOCUMENTS | {D.PAUSED}
ENDED_DOCUMENTS = frozenset({D.DONE, D.PARTIAL, D.FAILED, D.CANCELLED})

PAGE_MOVES: dict[PageStatus, frozenset[PageStatus]] = {
    P.PENDING: frozenset({P.RENDERED, P.DONE, P.FAILED, P.CANCELLED}),  # done at once: a blank page is never sent
    P.RENDERED: frozenset({P.ASSIGNED, P.PENDING, P.DONE, P.FAILED, P.CANCELLED}),  # pending: its image was lost
    P.ASSIGNED: frozenset({P.RUNNING, P.RENDERED, P.CANCELLED}),
    P.RUNNING: frozenset({P.DONE, P.FAILED, P.QUARANTINED, P.RENDERED, P.PENDING, P.CANCELLED}),
    P.DONE: frozenset(),
    P.FAILED: frozenset({P.PENDING, P.RENDERED}),  # retry
    P.QUARANTINED: frozenset({P.PENDING, P.RENDERED}),
    P.CANCELLED: frozenset(),
}
DOCUMENT_MOVES: dict[DocumentStatus, frozenset[DocumentStatus]] = {
    D.QUEUED: frozenset({D.PROCESSING, D.PAUSED, D.DONE, D.PARTIAL, D.FAILED, D.CANCELLED}),
    D.PROCESSING: frozenset({D.PAUSED, D.DONE, D.PARTIAL, D.FAILED, D.CANCELLED}),
    # A paused document can end: pages that were running when it was paused finish.
    D.PAUSED: frozenset({D.QUEUED, D.PROCESSING, D.DONE, D.PARTIAL, D.FAILED, D.CANCELLED}),
    # What has ended begins again when a person sends pages of it again: retry of failed ones, rerun of any.
    D.DONE: frozenset({D.PROCESSING}),
    D.PARTIAL: frozenset({D.PROCESSING}),
    D.FAILED: frozenset({D.PROCESSING}),
    D.CANCELLED: frozenset({D.PROCESSING}),
}
# Moves of a page that only a rerun makes. Apart from PAGE_MOVES, so that no late worker can bring back a page that
# was cancelled or is done. A rerun that is called off or fails brings a page that has a text back to done.
RERUN_MOVES: dict[PageStatus, frozenset[PageStatus]] = {
    P.DONE: frozenset({P.PENDING, P.RENDERED}),
    P.FAILED: frozenset({P.PENDING, P.RENDERED}),
    P.QUARANTINED: frozenset({P.PENDING, P.RENDERED}),
    P.CANCELLED: frozenset({P.PENDING, P.RENDERED}),
    P.PENDING: frozenset({P.DONE}),
    P.RENDERED: frozenset({P.DONE}),
    P.ASSIGNED: frozenset({P.DONE}),
    P.RUNNING: frozenset({P.DONE}),
}
# Moves that only a person's own text makes: what no host could read is read by somebody, and the document follows.
WRITTEN_MOVES: dict[PageStatus, frozenset[PageStatus]] = {
    P.FAILED: frozenset({P.DONE}),
    P.QUARANTINED: frozenset({P.DONE}),
}
WRITTEN_DOCUMENT_MOVES: dict[DocumentStatus, frozenset[DocumentStatus]] = {
    D.FAILED: frozenset({D.PARTIAL, D.DONE}),
    D.PARTIAL: frozenset({D.DONE}),
}


def page_sources(target: PageStatus) -> list[str]:
    """The states from which a page may move to `target`, sorted."""
    return sorted(source for source, targets in PAGE_MOVES.items() if target in targets)


def rerun_sources(target: PageStatus) -> list[str]:
    """The states from which a rerun may move a page to `target`, sorted."""
    return sorted(source for source, targets in RERUN_MOVES.items() if target in targets)


def written_sources(target: PageStatus) -> list[str]:
    """The states from which a person's own text may move a page to `target`, sorted."""
    return sorted(source for source, targets in WRITTEN_MOVES.items() if target in targets)


def document_sources(target: DocumentStatus) -> list[str]:
    """The states from which a document may move to `target`, sorted."""
    return sorted(source for source, targets in DOCUMENT_MOVES.items() if target in targets)


@dataclass(frozen=True)
class PageCounts:
    """How many pages of a document are in which state. The five add up to `total`."""

    total: int
    done: int = 0
    failed: int = 0  # failed and quarantined
    cancelled: int = 0
    running: int = 0

    @property
    def ended(self) -> int:
        return self.done + self.failed + self.cancelled

    @property
    def waiting(self) -> int:
        return max(0, self.total - self.ended - self.running)


def ended_status(counts: PageCounts) -> DocumentStatus | None:
    """The state a document ends in, from its pages; None while a page is still under way.

    Some pages failed: partial. All failed: failed. None left to fail: done.
    """
    if counts.ended < counts.total:
        return None
    if counts.cancelled:
        return D.CANCELLED
    if not counts.failed:
        return D.DONE
    return D.PARTIAL if counts.done else D.FAILED
