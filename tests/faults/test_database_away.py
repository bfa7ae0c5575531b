"""The database locked, or away and back: what was read is stored once, and what could not be stored is read again."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import requests
from django.db import connection

from jobs.models import Attempt
from jobs.services import access
from tests import postgres
from tests.faults.unequal_hosts import assert_done_once, pages_sent

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.redis, pytest.mark.slow]

QUICK_LEASES = {"OCRSITE_LEASE_SECONDS": "6", "OCRSITE_CALL_SECONDS": "30"}


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


@pytest.mark.skipif(connection.vendor != "postgresql", reason="PostgreSQL's own; bin/test runs on both")
@pytest.mark.parametrize("environment", [QUICK_LEASES])
def test_a_database_that_was_away_has_every_page_once_when_it_is_back(site):
    """Q17, on PostgreSQL: visitors are told, and no worker, clock or web server has to be started again."""
    address = site.running.start_web()
    _, token = access.create_token(site.person, name="test", days=1, scope="read")
    headers = {"Authorization": f"Bearer {token}"}
    site.calypso.configure(held=True)
    document = site.drawn(8)
    site.start()
    site.until_calypso_is_full()
    with postgres.away():
        site.calypso.configure(held=False)
        site.until(lambda: site.calypso.host.in_flight == 0, "all is answered")
        listed = requests.get(f"{address}/api/v1/documents", headers=headers, timeout=60)
        screen = requests.get(f"{address}/documents/", cookies={"ocrsite": "a session"}, timeout=60)
        ready = requests.get(f"{address}/readyz", timeout=60)
    assert (listed.status_code, listed.json()["error"]["code"]) == (503, "unavailable")
    assert screen.status_code == 503
    assert "The site cannot work just now" in screen.text
    assert (ready.status_code, ready.json()["checks"]["database"]["ok"]) == (503, False)
    site.until_ended(document)
    assert_done_once(site, 8)
    site.until(lambda: requests.get(f"{address}/readyz", timeout=60).ok, "the web server is ready again")
