"""Leases: fenced, taken back from the dead, kept for those who may only be paused; lost messages sent again."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta

import pytest
from django.utils import timezone

from jobs.domain import failures
from jobs.gateways import processes
from jobs.models import Attempt, Page, PageText, SlotLease
from jobs.services import health, leases, outcomes, routing, settling
from jobs.services.settling import AttemptRecord, ReadingRecord
from tests import builders

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def backend(db):
    return builders.make_backend("calypso")


@pytest.fixture
def page(backend):
    document = builders.make_document(builders.make_user(), pages=2, running=1, done=1)
    return document.pages.get(status="running")


def a_dead_process() -> str:
    """The identity of a process of this machine that has ended."""
    code = "from jobs.gateways import processes; print(processes.identity())"
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30
    ).stdout.strip()


def unclaimed(page, backend, **fields):
    Page.objects.filter(pk=page.pk).update(status="assigned")
    return builders.make_lease(page, backend, holder="", claimed_at=None, expires_at=None, **fields)


def record(**fields):
    values = {"backend": "calypso", "outcome": "ok", "started_at": timezone.now(), "seconds": 1.0}
    return AttemptRecord(**(values | fields))


def test_a_lease_is_claimed_once(page, backend):
    lease = unclaimed(page, backend)
    claim = leases.claim(lease.pk)
    assert claim is not None
    assert claim.page_id == page.pk
    assert leases.claim(lease.pk) is None
    page.refresh_from_db()
    assert page.status == "running"


def test_a_lease_whose_page_was_cancelled_frees_its_slot(page, backend):
    lease = unclaimed(page, backend)
    Page.objects.filter(pk=page.pk).update(status="cancelled")
    assert leases.claim(lease.pk) is None
    assert not SlotLease.objects.exists()


def test_what_comes_back_under_a_lost_lease_is_discarded(page, backend):
    lease = unclaimed(page, backend)
    claim = leases.claim(lease.pk)
    SlotLease.objects.filter(pk=lease.pk).update(holder="somebody else")
    assert settling.page_read(claim, record(), ReadingRecord(raw="x", text="x")) is False
    page.refresh_from_db()
    assert page.status == "running"
    assert page.readings.count() == 0


def test_the_index_has_the_words_that_are_stored(page, backend):
    claim = leases.claim(unclaimed(page, backend).pk)
    assert settling.page_read(claim, record(), ReadingRecord(raw="x", text="one\x00word and\\u0000 another")) is True
    page.refresh_from_db()
    assert page.reading.text == "oneword and another"
    assert PageText.objects.get(page=page).words == "oneword and another"


def test_storing_twice_stores_once(page, backend):
    claim = leases.claim(unclaimed(page, backend).pk)
    assert settling.page_read(claim, record(), ReadingRecord(raw="x", text="x")) is True
    assert settling.page_read(claim, record(), ReadingRecord(raw="x", text="x")) is False
    page.document.refresh_from_db()
    assert (page.document.pages_done, page.document.status, page.readings.count()) == (2, "done", 1)


def test_a_dead_workers_page_goes_back_at_once_and_counts_a_claim(page, backend):
    builders.make_lease(page, backend, holder=a_dead_process())
    assert leases.take_back_dead() == 1
    page.refresh_from_db()
    assert (page.status, page.claims, page.host_failures) == ("rendered", 1, 0)
    assert not SlotLease.objects.exists()
    assert Attempt.objects.filter(page=page, outcome="lost").exists()


def test_a_worker_that_died_with_its_hosts_engine_leaves_a_page_that_was_there_at_both(page, backend):
    """Nobody told of the page's presence: else it might stop a third host."""
    builders.make_policy()
    for deaths, status in ((1, "rendered"), (2, "quarantined")):
        builders.make_lease(page, backend, holder=a_dead_process())
        Page.objects.filter(pk=page.pk).update(status="running")
        health.admitted(backend)
        outcomes.call_failed(backend, failures.ENGINE_DEAD, routing.in_force())
        assert leases.take_back_dead() == 1
        page.refresh_from_db()
        assert (page.status, page.claims, page.engine_deaths) == (status, deaths, deaths)
    assert page.reason == "Set aside: its hosts stopped twice with it."


def test_the_third_death_fails_the_page_and_ends_its_document(page, backend):
    Page.objects.filter(pk=page.pk).update(claims=2)
    builders.make_lease(page, backend, holder=a_dead_process())
    leases.take_back_dead()
    page.refresh_from_db()
    page.document.refresh_from_db()
    assert (page.status, page.claims, page.document.status) == ("failed", 3, "partial")
    assert "3 times" in page.reason


def test_a_living_workers_lease_is_left_alone(page, backend):
    builders.make_lease(page, backend, holder=processes.identity())
    assert leases.take_back_dead() == 0
    assert SlotLease.objects.count() == 1


def test_a_paused_workers_page_goes_back_but_its_slot_stays_taken_until_its_calls_deadline(page, backend, settings):
    settings.CALL_SECONDS = 60
    past = timezone.now() - timedelta(seconds=1)
    lease = builders.make_lease(page, backend, holder="elsewhere:1:1", expires_at=past)
    assert leases.take_back_dead() == 1
    page.refresh_from_db()
    lease.refresh_from_db()
    assert (page.status, lease.page_id) == ("rendered", None)
    SlotLease.objects.update(expires_at=past)
    leases.take_back_dead()
    assert not SlotLease.objects.exists()


def test_the_keeper_renews_what_is_held_and_rings_for_what_is_lost(page, backend, settings):
    soon = timezone.now() + timedelta(seconds=1)
    lease = builders.make_lease(page, backend, holder=processes.identity(), expires_at=soon)
    keeper = leases.Keeper()
    with keeper.holding(lease.pk) as lost:
        keeper.renew()
        lease.refresh_from_db()
        assert lease.expires_at > soon
        assert not lost.is_set()
        Page.objects.filter(pk=page.pk).update(status="cancelled")
        keeper.renew()
        assert lost.is_set()


def test_a_call_whose_outcome_could_not_be_stored_frees_its_slot_and_is_charged(page, backend):
    claim = leases.claim(unclaimed(page, backend).pk)
    keeper = leases.Keeper()
    keeper.could_not_store(claim)
    keeper.renew()
    page.refresh_from_db()
    assert (page.status, page.claims, SlotLease.objects.count()) == ("rendered", 1, 0)
    assert Attempt.objects.get(page=page, outcome="lost").reason == "What was read could not be stored."


def test_a_call_that_was_taken_back_before_it_could_be_stored_only_frees_its_slot(page, backend):
    claim = leases.claim(unclaimed(page, backend).pk)
    SlotLease.objects.update(page=None)
    keeper = leases.Keeper()
    keeper.could_not_store(claim)
    keeper.renew()
    page.refresh_from_db()
    assert (page.status, page.claims, SlotLease.objects.count()) == ("running", 0, 0)


def test_a_worker_that_stops_in_good_order_gives_its_pages_back_without_charge(page, backend):
    builders.make_lease(page, backend, holder=processes.identity())
    assert leases.give_back(processes.identity()) == 1
    page.refresh_from_db()
    assert (page.status, page.claims) == ("rendered", 0)
    assert not SlotLease.objects.exists()


def test_a_message_that_was_lost_is_sent_again_and_not_at_once(page, backend):
    lease = unclaimed(page, backend, sends=1)
    assert leases.to_send_again() == []
    SlotLease.objects.update(sent_at=timezone.now() - timedelta(seconds=11))
    assert leases.to_send_again() == [lease.pk]
    assert leases.to_send_again() == []
    SlotLease.objects.update(sent_at=timezone.now() - timedelta(seconds=11))
    assert leases.to_send_again() == []  # the second wait is longer
