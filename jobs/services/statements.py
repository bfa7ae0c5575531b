"""The plain SQL of the hot path, once a page each: dispatch, claim, what is sent, settle. Elsewhere the ORM is used.

Why not the ORM here: it costs 21 to 27 ms of CPU a page in these, the statements below about 10
(docs/decisions/0001-queue-of-record.md). The text is the same for SQLite and PostgreSQL but for the time, which
is always the database's own: workers' clocks may be wrong.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Sequence
from contextlib import closing
from datetime import datetime
from typing import Any

from django.db import connection

from jobs.models.literals import literals

Row = tuple[Any, ...]

# For `id IN (...)` of pages. Where the two are joined instead, SQLite walks through all pages that there are: to look
# each up among the leases or, with statistics, to make a filter of them.
LEASED_PAGES = "SELECT page_id FROM jobs_slotlease WHERE page_id IS NOT NULL"


def now() -> str:
    """The database's present time, as an expression."""
    if connection.vendor == "sqlite":
        return "strftime('%%Y-%%m-%%d %%H:%%M:%%f', 'now')"
    return "clock_timestamp()"


def now_plus() -> str:
    """The present time plus %s seconds (one parameter), as an expression."""
    if connection.vendor == "sqlite":
        return "strftime('%%Y-%%m-%%d %%H:%%M:%%f', 'now', %s || ' seconds')"
    return "clock_timestamp() + make_interval(secs => %s)"


def seconds_since(column: str) -> str:
    """Seconds from the time in `column` until now, as an expression."""
    if connection.vendor == "sqlite":
        return f"(julianday('now') - julianday({column})) * 86400.0"
    return f"extract(epoch from clock_timestamp() - {column})::double precision"


def seconds_between(earlier: str, later: str) -> str:
    """Seconds from the time in one column to that in another, as an expression; NULL where one is missing."""
    if connection.vendor == "sqlite":
        return f"(julianday({later}) - julianday({earlier})) * 86400.0"
    return f"extract(epoch from {later} - {earlier})::double precision"


def for_update(table: str) -> str:
    """Ends a SELECT that holds the rows of `table` (its alias) to the end of its transaction. On SQLite a transaction
    is IMMEDIATE and alone in any case."""
    return "" if connection.vendor == "sqlite" else f"FOR UPDATE OF {table}"


def fetch(sql: str, params: Sequence[Any] = ()) -> list[Row]:
    """Run one statement and return its rows."""
    with closing(connection.cursor()) as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall()


def change(sql: str, params: Sequence[Any] = ()) -> int:
    """Run one statement and return how many rows it touched."""
    with closing(connection.cursor()) as cursor:
        cursor.execute(sql, params)
        return int(cursor.rowcount)


def marks(values: Sequence[Any]) -> str:
    """As many placeholders as there are values, for an IN list."""
    return ", ".join(["%s"] * len(values))


def words(known: Iterable[str]) -> str:
    """Words that the code knows as an IN list, in the statement itself: see jobs.models.literals."""
    return ", ".join(f"'{literal.value}'" for literal in literals(known))


def document_key(value: Any) -> str:
    """A document's id as it came back from a statement (text or uuid) as one and the same text."""
    return uuid.UUID(str(value)).hex


def document_id(key: str) -> Any:
    """A key as the database's own type: text on SQLite, uuid on PostgreSQL."""
    return key if connection.vendor == "sqlite" else uuid.UUID(key)


def decoded(stored: Any) -> Any:
    """A JSON column's value: SQLite hands it over as text, PostgreSQL decoded."""
    return json.loads(stored) if isinstance(stored, str) else stored


def time_parameter(value: datetime) -> Any:
    """A time as the database stores it."""
    return connection.ops.adapt_datetimefield_value(value)
