"""A database that somebody else keeps locked: what was read meanwhile is stored, once."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection

from jobs.models import Attempt
from tests.faults.unequal_hosts import assert_done_once, pages_sent

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.redis, pytest.mark.slow]


@contextmanager
def locked() -> Iterator[None]:
    """Somebody else writes, and takes their time."""
    other = sqlite3.connect(str(connection.settings_dict["NAME"]), isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        yield
    finally:
        other.close()


@pytest.mark.skipif(connection.vendor != "sqlite", reason="SQLite's own; bin/test runs on both")
def test_what_was_read_while_the_database_was_locked_is_stored_once_it_is_free(site):
    """Q17, on SQLite."""
    site.calypso.configure(held=True)
    document = site.drawn(8)
    site.start()
    full = site.until_calypso_is_full()
    with locked():
        site.calypso.configure(held=False)
        site.until(lambda: site.calypso.host.in_flight == 0, "all is answered")
    site.until_ended(document)
    assert_done_once(site, 8)
    assert len(pages_sent(site.calypso)) + len(pages_sent(site.spark)) == 8
    assert Attempt.objects.filter(backend="calypso", outcome="ok").count() >= full
