"""Whatever part dies, every page ends done exactly once. Real Redis, real workers, a real clock; only the host is
simulated, and counts what it was sent."""

from __future__ import annotations

import signal

import pytest

from jobs import actors
from jobs.models import Attempt, Document, Page, Reading, SlotLease
from jobs.services import backends, intake
from tests import builders, files
from tests.running_site import RunningSite
from tests.vllm_simulator import Simulator

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.redis, pytest.mark.slow]


@pytest.fixture
def host():
    with Simulator.start(slots=4, service_seconds=0.3) as simulator:
        yield simulator


@pytest.fixture
def site(db, host):
    backends.ensure_defaults()
    backends.update("calypso", by=None, base_url=host.base_url)
    assert backends.activate("calypso", by=None).passed
    with RunningSite() as running:
        running.start_redis()
        yield running


@pytest.fixture
def upload(db, tmp_path):
    def take(pages: int) -> Document:
        path = files.numbered_pdf(tmp_path / "report.pdf", pages)
        person = builders.make_user()
        return intake.accept(path.open("rb"), name=path.name, owner=person, options=intake.Options())

    return take


def state(document: Document) -> Document:
    document.refresh_from_db()
    return document


def assert_all_done_once(site: RunningSite, document: Document, pages: int) -> None:
    site.until(lambda: state(document).status not in {"queued", "processing"}, "the document ends")
    assert (document.status, document.pages_done) == ("done", pages)
    assert Page.objects.filter(document=document, status="done").count() == pages
    assert Reading.objects.filter(page__document=document).count() == pages
    assert Attempt.objects.filter(page__document=document, outcome="ok").count() == pages
    site.until(lambda: not SlotLease.objects.exists(), "every slot is free again")


def running_pages(document: Document) -> int:
    return Page.objects.filter(document=document, status="running").count()


def test_a_worker_killed_while_pages_run_loses_none(site, host, upload):
    document = upload(12)
    site.start_worker()
    site.start_clock()
    site.send(actors.prepare, str(document.pk))
    site.until(lambda: running_pages(document) >= 3, "pages run")
    site.kill("worker")
    site.start_worker("second")
    assert_all_done_once(site, document, 12)
    assert host.over_limit == 0


def test_redis_emptied_while_pages_wait_loses_none(site, host, upload):
    document = upload(12)
    site.start_worker()
    site.start_clock()
    site.send(actors.prepare, str(document.pk))
    for done in (1, 4, 7):
        site.until(lambda done=done: state(document).pages_done >= done, f"{done} pages are done")
        site.redis().flushall()
    assert_all_done_once(site, document, 12)


def test_a_message_that_never_left_is_made_up_for_by_the_clock(site, host, upload):
    document = upload(3)
    site.start_worker()
    site.start_clock()
    assert_all_done_once(site, document, 3)


def test_a_worker_paused_past_its_lease_stores_nothing_late(site, host, upload):
    host.service_seconds = 1.0
    document = upload(4)
    site.start_worker()
    site.start_clock()
    site.send(actors.prepare, str(document.pk))
    site.until(lambda: running_pages(document) >= 2, "pages run")
    site.signal("worker", signal.SIGSTOP)
    site.start_worker("second")
    site.until(lambda: Attempt.objects.filter(outcome="lost").exists(), "its leases run out")
    site.signal("worker", signal.SIGCONT)
    assert_all_done_once(site, document, 4)


def test_a_worker_stopped_in_good_order_hands_its_pages_over(site, host, upload):
    host.service_seconds = 20.0
    document = upload(2)
    site.start_worker()
    site.start_clock()
    site.send(actors.prepare, str(document.pk))
    site.until(lambda: running_pages(document) == 2, "both pages run")
    assert site.end("worker") == 0
    assert running_pages(document) == 0
    assert list(Page.objects.values_list("claims", flat=True)) == [0, 0]
    host.service_seconds = 0.1
    site.start_worker("second")
    assert_all_done_once(site, document, 2)
