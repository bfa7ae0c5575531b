"""The site in figures, read from the database alone: whoever asks, and however many processes run, they are the same.

A constant number of queries, each over an index or a small table, so that a scrape costs milliseconds at a hundred
thousand waiting pages (docs/decisions/0008-metrics.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count

from jobs import errors
from jobs.domain import circuit, statuses
from jobs.domain.statuses import DocumentStatus, PageStatus
from jobs.gateways import disk
from jobs.models import Backend, CallTally, ClockLease
from jobs.services import leading, queues, tallies
from jobs.services import statements as sql


@dataclass(frozen=True)
class BackendFigures:
    """One backend. `queue_depth`: pages that wait for it, with what the host reports waiting beyond ours; `slots_open`:
    how many may be filled now, in a slow start fewer than its slots."""

    backend: Backend
    queue_depth: int
    slots_in_use: int
    slots_open: int


@dataclass(frozen=True)
class Figures:
    """`oldest_waiting_seconds`: since its upload, or since it was sent again, of the document that has waited longest;
    0 while none waits. `clock_at`: when a clock last began a round, None while none leads. `disk`: None where the
    disk did not answer."""

    documents: dict[str, int]
    pages: dict[str, int]
    to_review: int
    oldest_waiting_seconds: float
    backends: Sequence[BackendFigures]
    tallies: Sequence[CallTally]
    clock_at: datetime | None
    disk: disk.Space | None


def read() -> Figures:
    """Everything, now. Seven queries."""
    documents, ended, to_review = _documents()
    return Figures(
        documents=documents,
        pages=_pages(ended),
        to_review=to_review,
        oldest_waiting_seconds=_oldest_waiting_seconds(),
        backends=_backends(),
        tallies=tallies.counted(),
        clock_at=_clock_at(),
        disk=_disk(),
    )


def _documents() -> tuple[dict[str, int], dict[str, int], int]:
    """Documents by state, their ended pages by state (quarantined ones as failed), and pages to look at."""
    rows = sql.fetch(
        """SELECT status, count(*), sum(pages_done), sum(pages_failed), sum(pages_cancelled), sum(needs_review)
           FROM jobs_document GROUP BY status"""
    )
    documents = {status.value: 0 for status in DocumentStatus} | {row[0]: int(row[1]) for row in rows}
    done, failed, cancelled, review = (sum(int(row[place]) for row in rows) for place in range(2, 6))
    return documents, {"done": done, "failed": failed, "cancelled": cancelled}, review


def _pages(ended: dict[str, int]) -> dict[str, int]:
    """Pages by state. Ended ones were counted when they settled: a million rows are not looked at; what waits and what
    is quarantined stands in an index of its own, and what is at a host has a lease."""
    rows = sql.fetch(
        f"""SELECT 'pending', count(*) FROM jobs_page WHERE status = 'pending'
           UNION ALL SELECT 'rendered', count(*) FROM jobs_page WHERE status = 'rendered'
           UNION ALL SELECT 'quarantined', count(*) FROM jobs_page WHERE status = 'quarantined'
           UNION ALL SELECT p.status, count(*) FROM jobs_page p
                     WHERE p.id IN ({sql.LEASED_PAGES}) AND p.status IN ('assigned', 'running') GROUP BY p.status"""
    )
    pages = {status.value: 0 for status in PageStatus} | ended | {row[0]: int(row[1]) for row in rows}
    pages["failed"] = max(0, pages["failed"] - pages["quarantined"])
    return pages


def _oldest_waiting_seconds() -> float:
    rows = sql.fetch(
        f"""SELECT max({sql.seconds_since("COALESCE(d.rerun_at, d.created_at)")}) FROM jobs_document d
            WHERE d.status IN ({sql.words(statuses.OPEN_DOCUMENTS)}) AND
                  d.page_count - d.pages_done - d.pages_failed - d.pages_cancelled >
                  (SELECT count(*) FROM jobs_slotlease l JOIN jobs_page p ON p.id = l.page_id
                   WHERE p.document_id = d.id)"""
    )
    return max(0.0, float(rows[0][0] or 0.0))


def _backends() -> list[BackendFigures]:
    waiting: dict[str, int] = {}
    for document in queues.open_documents():
        waiting[document.backend] = waiting.get(document.backend, 0) + document.waiting
    known: Any = Backend.objects.select_related("health").annotate(in_use=Count("leases")).in_name_order()
    return [
        BackendFigures(
            backend=backend,
            queue_depth=waiting.get(backend.name, 0) + queues.waiting_at_host(backend),
            slots_in_use=backend.in_use,
            slots_open=_open_slots(backend),
        )
        for backend in known
    ]


def _open_slots(backend: Backend) -> int:
    health = getattr(backend, "health", None)
    if backend.lifecycle != "active" or (health and health.state == "misconfigured"):
        return 0
    return circuit.open_slots(circuit.from_json(health.circuit if health else {}), backend.slots, 0)


def _clock_at() -> datetime | None:
    """A clock renews its lease at the beginning of each round, for so many seconds."""
    lease = ClockLease.objects.filter(name=leading.NAME).first()
    return lease.expires_at.astimezone(UTC) - timedelta(seconds=settings.LEASE_SECONDS) if lease else None


def _disk() -> disk.Space | None:
    try:
        return disk.space(settings.DATA_DIR)
    except errors.OcrsiteError:  # logged where it was met
        return None
