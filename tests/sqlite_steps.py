"""What SQLite does for a piece of work: a count that no machine changes."""

from __future__ import annotations

from collections.abc import Callable

from django.db import connection

EVERY = 10  # instructions


def steps(work: Callable[[], object]) -> int:
    """Tens of instructions that SQLite's virtual machine carries out for it."""
    count = 0

    def step() -> int:
        nonlocal count
        count += 1
        return 0

    connection.ensure_connection()
    connection.connection.set_progress_handler(step, EVERY)
    try:
        work()
    finally:
        connection.connection.set_progress_handler(None, 0)
    return count


def gather_statistics() -> None:
    """Of the tables, by which SQLite plans from then on."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
