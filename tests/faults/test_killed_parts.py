"""Whatever part of ours dies or stands still, every page ends done exactly once. Real Redis, workers and clocks; the
hosts are simulated, and count what they were sent."""

from __future__ import annotations

import signal
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from django.utils import timezone

from jobs.models import Attempt, ClockLease, Page, SlotLease
from tests.faults.unequal_hosts import assert_done_once
from tests.two_hosts import image_sha256

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.redis, pytest.mark.slow]

LEASES_RUN_OUT = {"OCRSITE_LEASE_SECONDS": "6", "OCRSITE_CALL_SECONDS": "120"}
THREE_THREADS = {"OCRSITE_LEASE_SECONDS": "30", "OCRSITE_CALL_SECONDS": "120", "OCRSITE_WORKER_THREADS": "3"}


def lost() -> Any:
    return Attempt.objects.filter(outcome="lost")


def test_a_worker_killed_while_pages_run_loses_none(site):
    """Q01."""
    site.calypso.configure(held=True)
    document = site.drawn(12)
    site.start(workers=1)
    under_way = site.until_calypso_is_full()
    site.running.kill("worker0")
    site.calypso.configure(held=False)
    site.running.start_worker("second")
    site.until_ended(document)
    assert_done_once(site, 12)
    assert list(lost().values_list("reason", flat=True)) == ["The worker reading it died."] * under_way
    assert lost().values("page").distinct().count() == under_way


@pytest.mark.parametrize("environment", [THREE_THREADS])
def test_one_of_two_workers_killed_leaves_the_others_pages_alone(site):
    """Q02. With three threads each, neither can hold calypso's five pages alone."""
    site.calypso.configure(held=True)
    document = site.drawn(12)
    site.start(workers=2)
    site.until_calypso_is_full()
    died = list(site.held_by("worker0").values_list("page", flat=True))
    lives = list(site.held_by("worker1").values_list("page", flat=True))
    assert min(len(died), len(lives)) >= 2
    site.running.kill("worker0")
    site.calypso.configure(held=False)
    site.until_ended(document)
    assert_done_once(site, 12)
    assert list(Attempt.objects.filter(page__in=lives).values_list("outcome", flat=True)) == ["ok"] * len(lives)
    assert set(lost().values_list("page", flat=True)) == set(died)


@pytest.mark.parametrize("environment", [LEASES_RUN_OUT])
def test_a_worker_paused_past_its_lease_stores_nothing_late(site):
    """Q03."""
    site.calypso.configure(held=True)
    document = site.drawn(4)
    site.start(workers=1)
    site.until(lambda: site.held_by("worker0").filter(page__status="running").count() == 4, "pages run")
    site.running.signal("worker0", signal.SIGSTOP)
    site.running.start_worker("second")
    site.until(lambda: lost().count() >= 4, "its leases run out")
    site.calypso.configure(held=False)  # its answers wait for it now
    site.running.signal("worker0", signal.SIGCONT)
    site.until_ended(document)
    assert_done_once(site, 4)


def test_redis_emptied_while_pages_wait_loses_none(site):
    """Q04."""
    site.pace(calypso=0.3)
    document = site.upload(20)
    site.start()
    site.send(document)
    for done in (1, 6, 12):
        site.until(lambda done=done: Page.objects.filter(status="done").count() >= done, f"{done} pages are done")
        site.running.redis().flushall()
    site.until_ended(document)
    assert_done_once(site, 20)


def test_a_message_that_never_left_is_made_up_for_by_the_clock(site):
    """Q09: the document was committed, and nothing sent."""
    document = site.upload(3)
    site.start(workers=1)
    site.until_ended(document)
    assert_done_once(site, 3)


def test_a_page_that_kills_its_worker_each_time_fails_and_the_others_are_read(site):
    """Q12."""
    document = site.drawn(4)
    deadly = document.pages.get(number=3)
    image = image_sha256(deadly)
    for host in site.hosts.values():
        host.set_fault("slow", when=lambda call: call.image_sha256 == image, seconds=600)
    alive = ["worker0", "worker1", "worker2"]
    site.start(workers=3)
    site.until(lambda: Page.objects.filter(status="done").count() == 3, "the others are read")
    for deaths in (1, 2, 3):
        running: list[str] = []
        site.until(lambda found=running: found or found.extend(n for n in alive if site.held_by(n).exists()), "it runs")
        site.running.kill(running[0])
        alive.remove(running[0])
        site.until(lambda deaths=deaths: lost().count() == deaths, "its death is noticed")
    site.until_ended(document)
    assert_done_once(site, 3)
    deadly.refresh_from_db()
    assert (deadly.status, deadly.reason) == ("failed", "Reading this page broke our own worker 3 times.")
    assert (document.status, document.pages_done, document.pages_failed) == ("partial", 3, 1)


def test_a_worker_stopped_in_good_order_hands_its_pages_over(site):
    """Q14."""
    site.calypso.configure(held=True)
    document = site.drawn(8)
    site.start(workers=1)
    site.until_calypso_is_full()
    assert site.running.end("worker0") == 0
    assert not Page.objects.filter(status="running").exists()
    site.calypso.configure(held=False)
    site.running.start_worker("second")
    site.until_ended(document)
    assert_done_once(site, 8)
    assert set(Attempt.objects.values_list("outcome", flat=True)) == {"ok"}
    assert set(Page.objects.values_list("claims", flat=True)) == {0}


@pytest.mark.parametrize("environment", [LEASES_RUN_OUT])
def test_the_second_clock_leads_when_the_first_is_killed(site):
    """Nothing is sent for the document: only a clock can find it."""
    site.running.start_clock("first")
    leads = ClockLease.objects.filter(holder__contains=f":{site.running.pid('first')}:")
    site.until(leads.exists, "the first clock leads")
    site.running.start_clock("second")
    site.running.kill("first")
    document = site.upload(3)
    site.running.start_worker()
    site.until_ended(document)
    assert_done_once(site, 3)
    assert ClockLease.objects.filter(holder__contains=f":{site.running.pid('second')}:").exists()


def test_a_clock_that_jumps_an_hour_costs_a_page_one_more_reading_at_most(site):
    """Q19: every lease seems to have run out an hour ago."""
    site.calypso.configure(held=True)
    document = site.drawn(12)
    site.start()
    site.until_calypso_is_full()
    for model in (SlotLease, ClockLease):
        model.objects.exclude(expires_at=None).update(expires_at=F("expires_at") - timedelta(hours=1))
    overdue = SlotLease.objects.filter(page__isnull=False, expires_at__lt=timezone.now())
    site.until(lambda: not overdue.exists(), "each was renewed or taken back")
    site.calypso.configure(held=False)
    site.until_ended(document)
    assert_done_once(site, 12)
    assert set(Page.objects.values_list("claims", flat=True)) <= {0, 1}
