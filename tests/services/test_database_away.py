"""A database that goes away while a host reads: the page is read again once it is back, and its slot is free."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import OperationalError, connection

from jobs.models import Attempt, SlotLease
from jobs.services import leases, recognizing
from tests import patience, pipeline, postgres
from tests.two_hosts import TwoHosts

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def site(db, tmp_path):
    hosts = TwoHosts(tmp_path)
    yield hosts
    hosts.stop()


def read(lease: int) -> None:
    """As one of a worker's threads does."""
    try:
        recognizing.recognize(lease)
    finally:
        connection.close()


@pytest.mark.skipif(connection.vendor != "postgresql", reason="PostgreSQL's own; bin/test runs on both")
def test_what_was_read_while_the_database_was_away_is_read_again(site):
    """Q17."""
    document = site.drawn(1)
    [lease] = pipeline.assign()
    site.calypso.configure(held=True)
    with ThreadPoolExecutor(1) as worker:
        reading = worker.submit(read, lease)
        patience.until(lambda: site.calypso.host.in_flight == 1)
        with postgres.away():
            site.calypso.configure(held=False)
            with pytest.raises(OperationalError):
                reading.result(60)
    leases.keeper.renew()  # as every few seconds
    assert not SlotLease.objects.exists()
    pipeline.settle_down()
    document.refresh_from_db()
    assert document.status == "done"
    assert list(Attempt.objects.order_by("id").values_list("outcome", flat=True)) == ["lost", "ok"]
