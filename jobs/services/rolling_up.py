"""What hosts did, added up: finished attempts and the probes' samples into minutes, hours and days.

Each attempt and each sample is counted once, in the transaction that marks it as measured: killed half-way nothing of
it is kept, and one that comes late goes to the minute, hour and day it belongs to. So they may be deleted afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from jobs.domain import tallies
from jobs.domain.tallies import Call, Look, Minute, Tally
from jobs.models import Attempt, HealthSample, Measurement
from jobs.services import statements as sql

# Days are kept for good: a row a day and host.
KEPT = {"minute": timedelta(days=2), "hour": timedelta(days=62)}
BATCH_ROWS = 500  # of each kind in one transaction: it holds SQLite's only write lock for about a tenth of a second
BATCHES_A_ROUND = 8
LOCK_KEY = 0x0C56  # any number but slots.LOCK_KEY, the same in every process

Minutes = Mapping[str, Mapping[datetime, Minute]]  # by the host's name
Found = tuple[str, Any]  # (host, Call) or (host, (when, Look))


def roll_up() -> int:
    """Count what has not been counted, at most BATCHES_A_ROUND batches of it. Returns how many attempts and samples."""
    done = 0
    for _ in range(BATCHES_A_ROUND):
        count, full = _batch()
        done += count
        if not full:
            break
    return done


def _batch() -> tuple[int, bool]:
    """(how many were counted, whether there may be more)."""
    with transaction.atomic():
        if connection.vendor == "postgresql":
            sql.fetch("SELECT pg_advisory_xact_lock(%s)", [LOCK_KEY])
        waiting = [uncounted(model).order_by("pk")[:BATCH_ROWS] for model in (Attempt, HealthSample)]
        attempts, samples = [list(rows.values_list("pk", flat=True)) for rows in waiting]
        ended = calls(Attempt.objects.filter(pk__in=attempts).order_by())
        counted = by_host(ended, looks(HealthSample.objects.filter(pk__in=samples).order_by()))
        for backend, minutes in counted.items():
            _add(backend, minutes)
        Attempt.objects.filter(pk__in=attempts).update(measured=True)
        HealthSample.objects.filter(pk__in=samples).update(measured=True)
    return len(attempts) + len(samples), BATCH_ROWS in (len(attempts), len(samples))


def uncounted(model: Any) -> Any:
    """The attempts or samples that no minute holds yet."""
    return model.objects.filter(measured=False)


def calls(attempts: Any) -> list[Found]:
    """(host, Call) of these attempts. One query."""
    rows = attempts.values_list(
        "backend", "started_at", "seconds", "outcome", "prompt_tokens", "completion_tokens", "rung",
        "page__quality_tries", "page__document__page_count",
    )  # fmt: skip
    return [
        (backend, Call(started_at + timedelta(seconds=seconds), outcome, seconds, *rest))
        for backend, started_at, seconds, outcome, *rest in rows
    ]


def looks(samples: Any) -> list[Found]:
    """(host, (when, Look)) of these samples. One query."""
    rows = samples.values_list("backend__name", "at", "queued", "in_flight", "backend__slots")
    return [(backend, (at, Look(queued, in_flight, slots))) for backend, at, queued, in_flight, slots in rows]


def by_host(calls: Iterable[Found], looks: Iterable[Found]) -> Minutes:
    """The minutes of each host."""
    sorted_calls: dict[str, list[Call]] = {}
    sorted_looks: dict[str, list[tuple[datetime, Look]]] = {}
    for backend, call in calls:
        sorted_calls.setdefault(backend, []).append(call)
    for backend, look in looks:
        sorted_looks.setdefault(backend, []).append(look)
    names = sorted({*sorted_calls, *sorted_looks})
    return {name: tallies.by_minute(sorted_calls.get(name, ()), sorted_looks.get(name, ())) for name in names}


def _add(backend: str, minutes: Mapping[datetime, Minute]) -> None:
    rows = _rows(backend, "minute", minutes)
    added: dict[datetime, list[Tally]] = {}
    for minute, part in minutes.items():
        row = rows[minute]
        before = int(row.busy or "0", 16)
        added[minute] = [part.beside(before)]
        row.busy = f"{before | part.bits:x}"
    _store(rows, added)
    for span, start in (("hour", hour_of), ("day", day_of)):
        grouped: dict[datetime, list[Tally]] = {}
        for minute, parts in added.items():
            grouped.setdefault(start(minute), []).extend(parts)
        _store(_rows(backend, span, grouped), grouped)


def hour_of(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


def day_of(at: datetime) -> datetime:
    return hour_of(at).replace(hour=0)


def _rows(backend: str, span: str, begin: Iterable[datetime]) -> dict[datetime, Measurement]:
    """The rows of these times; those that are not there yet are made, and stored by `_store`."""
    times = list(begin)
    known = {row.begins_at: row for row in Measurement.objects.filter(backend=backend, span=span, begins_at__in=times)}
    return {at: known.get(at) or Measurement(backend=backend, span=span, begins_at=at) for at in times}


def _store(rows: Mapping[datetime, Measurement], added: Mapping[datetime, Sequence[Tally]]) -> None:
    for at, row in rows.items():
        row.tally = tallies.merged([tallies.from_json(row.tally), *added[at]]).as_json()
    Measurement.objects.bulk_create([row for row in rows.values() if row.pk is None])
    Measurement.objects.bulk_update([row for row in rows.values() if row.pk], ["tally", "busy"], batch_size=100)


def prune() -> int:
    """Minutes and hours older than KEPT are deleted. Returns how many."""
    count = 0
    for span, kept in KEPT.items():
        old = Measurement.objects.filter(span=span, begins_at__lt=timezone.now() - kept)
        while ids := list(old.values_list("pk", flat=True)[: BATCH_ROWS * 10]):
            count += Measurement.objects.filter(pk__in=ids).delete()[0]
    return count
