"""The backends and their health, as each page and each dispatch read them.

Two model instances of some fifty columns cost a tenth of a page's CPU, and they are the same from one page to the next.
So the rows are read each time, and made into instances only when one of them differs. What is handed out is shared by
all threads: nobody changes it.
"""

from __future__ import annotations

from typing import NamedTuple

from jobs.models import Backend
from jobs.services import statements as sql


class _Seen(NamedTuple):
    rows: list[sql.Row]
    backends: tuple[Backend, ...]


class _Memory:
    """One a process. Two threads that find a difference at once both read, and either's answer is as good."""

    def __init__(self) -> None:
        self._seen = _Seen([], ())

    def backends(self) -> tuple[Backend, ...]:
        rows = sql.fetch(
            """SELECT b.*, h.* FROM jobs_backend b LEFT JOIN jobs_backendhealth h ON h.backend_id = b.id
               ORDER BY b.name"""
        )
        seen = self._seen
        if rows != seen.rows:
            seen = self._seen = _Seen(rows, tuple(Backend.objects.select_related("health").in_name_order()))
        return seen.backends


_memory = _Memory()


def in_name_order() -> tuple[Backend, ...]:
    """All of them, each with its health where it has one. One statement while nothing has changed."""
    return _memory.backends()


def one(backend_id: int) -> Backend:
    """Raises Backend.DoesNotExist."""
    for backend in in_name_order():
        if backend.pk == backend_id:
            return backend
    raise Backend.DoesNotExist(f"There is no backend {backend_id} any more.")
