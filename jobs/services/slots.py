"""Slots that are not pages': a canary's lease, and the lock under which slots of every kind are given away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.db import connection, transaction
from django.utils import timezone

from jobs import errors
from jobs.gateways import processes
from jobs.models import Backend, SlotLease
from jobs.services import statements as sql

LOCK_KEY = 0x0C55  # any number, the same in every process: the advisory lock on PostgreSQL


def lock() -> None:
    """Whoever gives slots away holds this to the end of its transaction, so that no two count the same free slot.

    SQLite's transactions are IMMEDIATE: they hold the only write lock already.
    """
    if connection.vendor == "postgresql":
        sql.fetch("SELECT pg_advisory_xact_lock(%s)", [LOCK_KEY])


def take(backend: Backend, kind: str, seconds: float, *, alone: bool = False) -> SlotLease:
    """A slot for a call that is no page's. It ends by itself after `seconds`, should this process die with it.

    Raises errors.Conflict, a sentence, when every slot is taken, or a page runs alone there; with `alone` also when
    another call of that kind is under way: of two processes that would try a host, one does.
    """
    now = timezone.now()
    with transaction.atomic():
        lock()
        row = Backend.objects.get(pk=backend.pk)
        held = list(row.leases.values_list("kind", "page__claims", "page__engine_deaths"))
        if len(held) >= row.capacity:
            raise errors.Conflict("All its slots are taken: it is at work.")
        if any(claims or deaths for _, claims, deaths in held):
            raise errors.Conflict("A page that may be to blame for a death runs there alone.")
        if alone and any(other == kind for other, _, _ in held):
            raise errors.Conflict("It is being tried at this moment.")
        return SlotLease.objects.create(
            backend=row,
            kind=kind,
            holder=processes.identity(),
            assigned_at=now,
            claimed_at=now,
            expires_at=now + timedelta(seconds=seconds),
        )


def give_back(lease: SlotLease) -> None:
    """The call is over."""
    SlotLease.objects.filter(pk=lease.pk).delete()


@contextmanager
def held(backend: Backend, kind: str, seconds: float, *, alone: bool = False) -> Iterator[SlotLease]:
    """A slot for as long as the block runs. Raises as `take` does."""
    lease = take(backend, kind, seconds, alone=alone)
    try:
        yield lease
    finally:
        give_back(lease)
