"""How much work lies ahead of each document at the default backend, and whether that is overloaded.

One query over the open documents says it for all of them. What goes first is what the order of scheduling puts first:
the more urgent, and of the same urgency the older; each document's own pages never count against it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from django.db.models import F, Sum
from django.utils import timezone

from jobs.domain import overload, scheduling
from jobs.domain.overload import Overload
from jobs.domain.policies import Policy
from jobs.domain.statuses import OPEN_DOCUMENTS
from jobs.models import Backend, BackendHealth, Document, SlotLease
from jobs.services import statements as sql


class OpenDocument(NamedTuple):  # and no dataclass: a thousand of them are made at each dispatch
    """A document that may be worked on. `waiting`: its pages that are neither ended nor at a host; `in_flight`: those
    at a host; `drawn`: whether a page of it could be sent now. `rank` is the one that counts now, ageing included."""

    key: str
    owner: int
    priority_rank: int
    rank: int
    age_seconds: float
    wanted: str
    backend: str
    waiting: int
    in_flight: int
    drawn: bool


def open_documents() -> list[OpenDocument]:
    """All of them, in the order in which they go first. One query, however many pages there are."""
    rows = sql.fetch(
        f"""SELECT d.id, d.owner_id, d.priority_rank, {sql.seconds_since("d.created_at")}, d.wanted_backend, d.backend,
                   d.page_count - d.pages_done - d.pages_failed - d.pages_cancelled, COALESCE(l.n, 0),
                   EXISTS (SELECT 1 FROM jobs_page p WHERE p.document_id = d.id AND p.status = 'rendered')
            FROM jobs_document d LEFT JOIN (
                SELECT q.document_id, count(*) AS n FROM jobs_page q WHERE q.id IN ({sql.LEASED_PAGES})
                GROUP BY q.document_id) l ON l.document_id = d.id
            WHERE d.status IN ({sql.words(OPEN_DOCUMENTS)})"""
    )
    found = [_document(row) for row in rows]
    return sorted(found, key=lambda d: (d.rank, -d.age_seconds, d.key))


def _document(row: sql.Row) -> OpenDocument:
    key, owner, priority_rank, age, wanted, backend, left, in_flight, drawn = row
    return OpenDocument(
        key=key if isinstance(key, str) else key.hex,
        owner=owner,
        priority_rank=priority_rank,
        rank=scheduling.effective_rank(priority_rank, float(age)),
        age_seconds=float(age),
        wanted=wanted,
        backend=backend,
        waiting=max(0, left - in_flight),
        in_flight=in_flight,
        drawn=bool(drawn),
    )


def depths(documents: Sequence[OpenDocument], default: str, at_host: int) -> dict[str, int]:
    """For each document the pages of others that go before it at `default`, and what waits inside that host."""
    ahead, found = at_host, {}
    for document in documents:
        found[document.key] = ahead
        if document.backend == default:
            ahead += document.waiting
    return found


def waiting_at_host(backend: Backend | None) -> int:
    """What the host itself reports waiting beyond what we send ahead: somebody else's work."""
    health = getattr(backend, "health", None)
    return max(0, health.waiting - backend.queue_ahead) if backend and health else 0


def waiting_for(backend: Backend, *, reported: int) -> int:
    """Pages of all documents that wait for this host, and what it reports waiting beyond what we send ahead. Two
    queries, however many documents there are."""
    left = F("page_count") - F("pages_done") - F("pages_failed") - F("pages_cancelled")
    ours = Document.objects.open().filter(backend=backend.name).aggregate(pages=Sum(left))["pages"] or 0
    at_hosts = SlotLease.objects.filter(page__document__backend=backend.name).count()
    return max(0, int(ours) - at_hosts) + max(0, reported - backend.queue_ahead)


def depth_of(document: Document, default: str) -> int:
    """The queue depth of one document at `default`, as the rules compare it."""
    at_host = waiting_at_host(_backend(default))
    return depths(open_documents(), default, at_host).get(document.pk.hex, at_host)


def depth_for_rank(priority_rank: int, default: str) -> int:
    """The queue depth that a new document of this priority would find."""
    ahead = sum(d.waiting for d in open_documents() if d.backend == default and d.rank <= priority_rank)
    return ahead + waiting_at_host(_backend(default))


def expected_wait_seconds(depth: int, default: str) -> float:
    """About how long so many pages take at `default`; 0 while nothing has been measured there."""
    backend = _backend(default)
    health = getattr(backend, "health", None)
    measured = health.seconds_per_page if health else None
    return depth * measured / backend.slots if backend and measured else 0.0


def was_overloaded(default: str) -> bool:
    """The overload rule's former state, which a decision takes as an input."""
    return overload_of(_backend(default)).on


def overload_of(backend: Backend | None) -> Overload:
    health = getattr(backend, "health", None)
    return overload.from_json(health.overload if health else {})


def look(policy: Policy) -> Overload:
    """Look at the queue and store what follows for the overload: called when a document was decided."""
    backend = _backend(policy.default_backend)
    found = depths(open_documents(), policy.default_backend, waiting_at_host(backend))
    return observe(backend, policy, found)


def observe(backend: Backend | None, policy: Policy, found: dict[str, int]) -> Overload:
    """The overload's state after these depths; the deepest counts, as the last in line sees the queue.

    Written only when it changes. Two that look at once write nearly the same: nothing depends on who is last.
    """
    before = overload_of(backend)
    depth = max(found.values(), default=0)
    after = overload.observed(before, depth, timezone.now().timestamp(), policy.overload_rule)
    if backend is not None and after != before:
        BackendHealth.objects.update_or_create(backend=backend, defaults={"overload": after.as_json()})
    return after


def _backend(name: str) -> Backend | None:
    found: Any = Backend.objects.select_related("health").filter(name=name).first()
    return found
