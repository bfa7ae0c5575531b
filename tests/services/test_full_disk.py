"""A disk that fills up while pages are drawn or stored: they wait, and are there once when there is room again."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection

from jobs import errors
from jobs.gateways import disk
from jobs.models import Page, Reading, SlotLease
from jobs.services import leases, preparing, recognizing
from tests import patience, pipeline
from tests.gateways import fake_poppler
from tests.two_hosts import TwoHosts, image_sha256

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def site(db, tmp_path):
    hosts = TwoHosts(tmp_path)
    yield hosts
    hosts.stop()


def test_with_no_room_for_images_pages_wait_to_be_drawn(site, settings, monkeypatch, tmp_path):
    """Q18. Another process tries again when the drawer's time is over."""
    settings.LEASE_SECONDS = 0.3
    document = site.upload(2)
    preparing.prepare(document.pk)
    with monkeypatch.context() as full:
        fake_poppler.replace(full, tmp_path, "exit 1")
        full.setattr(disk, "NEARLY_FULL_BYTES", 10**18)
        with pytest.raises(errors.Unavailable, match="disk is full"):
            preparing.draw_next()
    assert set(Page.objects.values_list("status", flat=True)) == {"pending"}
    patience.until(preparing.draw_next)
    pipeline.settle_down()
    document.refresh_from_db()
    assert (document.status, document.pages_done, Reading.objects.count()) == ("done", 2, 2)


@pytest.mark.skipif(connection.vendor != "sqlite", reason="only SQLite can be told how large it may become")
def test_with_no_room_for_its_text_a_page_is_read_again(site):
    """Q18."""
    document = site.drawn(1)
    page = document.pages.get()
    site.calypso.set_text(image_sha256(page), ("x" * 200 + "\n") * 4_000)
    [lease] = pipeline.assign()
    with connection.cursor() as cursor:
        cursor.execute("VACUUM")  # what earlier tests deleted would be room
        cursor.execute("PRAGMA page_count")
        cursor.execute(f"PRAGMA max_page_count = {cursor.fetchone()[0] + 5}")
        with pytest.raises(DatabaseError, match="full"):
            recognizing.recognize(lease)
        cursor.execute("PRAGMA max_page_count = 1073741823")
    page.refresh_from_db()
    assert (page.status, Reading.objects.count()) == ("running", 0)
    leases.keeper.renew()  # as every few seconds
    page.refresh_from_db()
    assert (page.status, page.claims) == ("rendered", 1)
    assert not SlotLease.objects.exists()
    pipeline.settle_down()
    document.refresh_from_db()
    assert (document.status, Reading.objects.count()) == ("done", 1)
