"""The database as it is at one moment, to be read at leisure while others write."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connections, transaction

ALIAS = "default"


@contextmanager
def frozen() -> Iterator[None]:
    """Within the block this thread reads one and the same moment, and holds nobody up. It must not write.

    SQLite: a deferred transaction in WAL mode; the site's own begin IMMEDIATE and would lock writers out.
    PostgreSQL: REPEATABLE READ, read only.
    """
    usual = connections[ALIAS]
    apart = usual.copy()
    apart.settings_dict["OPTIONS"] |= _options(usual.vendor)
    connections[ALIAS] = apart
    try:
        with transaction.atomic(), apart.cursor() as cursor:
            if usual.vendor == "postgresql":
                cursor.execute("SET TRANSACTION READ ONLY")
            cursor.execute("SELECT count(*) FROM django_migrations")  # the moment is that of the first query
            yield
    finally:
        apart.close()
        connections[ALIAS] = usual


def _options(vendor: str) -> dict[str, Any]:
    if vendor != "postgresql":
        return {"transaction_mode": "DEFERRED"}
    from psycopg import IsolationLevel

    return {"isolation_level": IsolationLevel.REPEATABLE_READ}
