"""The site's figures are the database's, whoever reads them, and cost the same however much there is."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from jobs.models import BackendHealth, Document, Page, SlotLease
from jobs.services import figures, leading
from tests import builders

pytestmark = pytest.mark.django_db


@pytest.fixture
def person():
    return builders.make_user()


def put_at_host(document: Document, backend) -> None:
    for page in document.pages.filter(status__in=["assigned", "running"]):
        builders.make_lease(page, backend)


@pytest.fixture
def site(person):
    """Two hosts and a document in each of many states."""
    calypso, spark = builders.make_backend("calypso"), builders.make_backend("spark", slots=16)
    builders.make_backend("later", lifecycle="planned", base_url="")
    builders.make_document(person, pages=5, done=5, review=2)
    builders.make_document(person, pages=4, done=1, failed=1, quarantined=2)
    builders.make_document(person, pages=3, done=1, cancelled=2)
    busy = builders.make_document(person, pages=9, done=2, running=3, assigned=1, rendered=2, age_seconds=600)
    put_at_host(busy, calypso)
    large = builders.make_document(person, pages=30, rendered=10, running=2, backend="spark", age_seconds=60)
    put_at_host(large, spark)
    return SimpleNamespace(calypso=calypso, spark=spark, busy=busy, large=large)


def of(name: str) -> figures.BackendFigures:
    return next(host for host in figures.read().backends if host.backend.name == name)


def test_documents_and_pages_by_state_are_what_the_rows_say(site):
    told = figures.read()
    pages, documents = (
        Counter(Page.objects.values_list("status", flat=True)),
        Counter(Document.objects.values_list("status", flat=True)),
    )
    assert {word: count for word, count in told.pages.items() if count} == pages
    assert {word: count for word, count in told.documents.items() if count} == documents
    assert told.pages["quarantined"] == 2 and told.documents["paused"] == 0
    assert told.to_review == 2


def test_each_host_has_its_queue_and_its_slots(site):
    BackendHealth.objects.filter(backend=site.calypso).update(waiting=4)
    told = of("calypso")
    # three of the document's pages wait there; of the four that the host reports one is ours, sent ahead
    assert (told.queue_depth, told.slots_in_use, told.slots_open) == (3 + 3, 4, 4)
    assert (of("spark").queue_depth, of("spark").slots_in_use, of("spark").slots_open) == (28, 2, 16)
    assert (of("later").queue_depth, of("later").slots_open) == (0, 0)


def test_the_oldest_that_waits_counts_and_not_what_is_being_read(site):
    assert figures.read().oldest_waiting_seconds == pytest.approx(600, abs=30)
    Page.objects.filter(document=site.busy, status__in=["pending", "rendered"]).delete()
    Document.objects.filter(pk=site.busy.pk).update(page_count=6)
    assert figures.read().oldest_waiting_seconds == pytest.approx(60, abs=30)
    Document.objects.filter(pk=site.large.pk).update(rerun_at=timezone.now() - timedelta(seconds=10))
    assert figures.read().oldest_waiting_seconds == pytest.approx(10, abs=30)
    Document.objects.update(status="paused")
    assert figures.read().oldest_waiting_seconds == 0


def test_the_clock_was_last_seen_when_it_took_its_lease(db, settings):
    assert figures.read().clock_at is None
    settings.LEASE_SECONDS = 77.0
    leading.lead("me", seconds=settings.LEASE_SECONDS)
    seen = figures.read().clock_at
    assert abs((timezone.now() - seen).total_seconds()) < 30


def test_the_disk_is_the_data_directorys(db, own_data_directory, settings):
    space = figures.read().disk
    assert 0 < space.free_bytes < space.size_bytes
    settings.DATA_DIR = own_data_directory / "gone"
    assert figures.read().disk is None


def test_many_documents_cost_the_queries_of_few(site, person):
    def cost() -> int:
        with CaptureQueriesContext(connection) as captured:
            figures.read()
        return len(captured)

    few = cost()
    for _ in range(20):
        builders.make_document(person, pages=3, rendered=2)
    assert cost() == few == 7
    assert SlotLease.objects.exists()
