"""A call that fails, row by row of the failure table: where the page goes, what it costs, what the host is told."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from jobs.models import AuditEntry, Page, SlotLease
from jobs.services import backends, documents, health, leases, recognizing
from tests import patience, pipeline
from tests.two_hosts import TwoHosts, in_a_thread, outcomes_of

pytestmark = pytest.mark.django_db(transaction=True)

BOMB = "Image size (196000000 pixels) exceeds limit of 178956970 pixels, could be decompression bomb DOS attack."


@pytest.fixture
def site(db, tmp_path):
    site = TwoHosts(tmp_path)
    yield site
    site.stop()


def the_page(document) -> Page:
    return document.pages.get()


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ("reset", "host_down"),
        ("html_garbage", "garbage"),
        ("truncated_json", "garbage"),
        ("cut_mid_body", "host_down"),
        ("abort", "host_down"),
        ("status", "host_down"),  # 500 Internal server error
    ],
)
def test_a_hosts_fault_sends_the_page_elsewhere_and_counts_against_the_host(site, fault, outcome):
    site.with_spark().calypso.set_fault(fault, times=1)
    document = site.read()
    page = the_page(document)
    assert (document.status, page.backend, page.host_failures, page.engine_deaths) == ("done", "spark", 1, 0)
    assert outcomes_of(page) == [("calypso", outcome), ("spark", "ok")]
    assert backends.find("calypso").health.circuit["failures"] == 1


def test_a_host_that_hangs_is_left_after_its_time_and_counts(site, settings):
    """Q13, B02."""
    settings.CALL_SECONDS = 0.5
    site.with_spark().calypso.set_fault("hang", times=1)
    page = the_page(site.read())
    assert outcomes_of(page) == [("calypso", "timeout"), ("spark", "ok")]
    assert (page.host_failures, page.engine_deaths) == (1, 0)


def test_a_host_that_refuses_connections_is_left_and_was_no_presence_at_a_death(site):
    site.with_spark().calypso.stop_listening()
    page = the_page(site.read())
    assert outcomes_of(page) == [("calypso", "host_down"), ("spark", "ok")]
    assert (page.host_failures, page.engine_deaths) == (0, 0)
    health = backends.find("calypso").health
    assert (health.breaker, health.circuit["failures"]) == ("closed", 1)  # one refusal is no death


def test_a_draining_host_is_left_without_blame(site):
    site.with_spark().calypso.set_fault("draining", times=1)
    page = the_page(site.read())
    assert outcomes_of(page) == [("calypso", "host_down"), ("spark", "ok")]
    assert page.host_failures == 0
    assert backends.find("calypso").health.circuit.get("failures", 0) == 0


def test_draining_answers_do_not_count_among_a_minutes_faults(site):
    site.with_spark().calypso.set_fault("draining", times=6)
    site.read(6)
    site.calypso.set_fault("html_garbage", times=1)
    assert outcomes_of(the_page(site.read())) == [("calypso", "garbage"), ("spark", "ok")]
    assert backends.find("calypso").health.breaker == "closed"


def test_with_the_only_host_draining_the_page_waits_a_moment_and_is_not_sent_again_at_once(site):
    site.calypso.set_fault("draining")
    page = the_page(site.read())
    assert (page.status, page.host_failures, page.attempts.count()) == ("rendered", 0, 1)
    assert page.not_before > timezone.now()
    assert page.reason == "The host is shutting down and takes no new pages."


@pytest.mark.parametrize(
    "options",
    [
        {"status": 400, "message": "cannot identify image file <_io.BytesIO object>"},
        {"status": 413, "body": "<html>413 Request Entity Too Large</html>"},
        {"status": 422, "message": "no"},
        {"status": 500, "message": BOMB},
    ],
)
def test_what_is_the_pages_own_fault_fails_it_at_once_with_a_sentence_and_without_blame(site, options):
    """B10."""
    site.with_spark().calypso.set_fault("status", **options)
    page = the_page(site.read())
    assert (page.status, page.host_failures, page.attempts.count()) == ("failed", 0, 1)
    assert page.reason.endswith(".")
    assert site.spark.calls == []
    assert backends.find("calypso").health.circuit.get("failures", 0) == 0


@pytest.mark.parametrize(("kind", "options"), [("status", {"status": 401}), ("status", {"status": 403}),
                                               ("wrong_model", {})])  # fmt: skip
def test_a_misconfigured_host_costs_no_page_anything_and_is_told_of_once(site, kind, options):
    """B11, B12."""
    site.with_spark().calypso.set_fault(kind, **options)
    document = site.drawn(4)
    given = pipeline.assign()
    assert set(SlotLease.objects.values_list("backend__name", flat=True)) == {"calypso"}
    claims = [leases.claim(lease) for lease in given]  # all four are under way before the first answer
    pages = [Page.objects.select_related("document").get(pk=claim.page_id) for claim in claims]
    calypso = backends.find("calypso")
    for claim, page in zip(claims, pages, strict=True):
        with leases.keeper.holding(claim.lease_id) as lost:
            recognizing._read(claim, page, calypso, recognizing._attempt(page, calypso), lost)
    assert set(document.pages.values_list("status", "host_failures")) == {("rendered", 0)}
    (entry,) = AuditEntry.objects.filter(action="backend.misconfigured")
    assert (entry.subject, entry.actor) == ("calypso", None)
    assert entry.detail["reason"].endswith(".")
    assert backends.find("calypso").health.state == "misconfigured"
    pipeline.settle_down()
    document.refresh_from_db()
    assert (document.status, set(document.pages.values_list("backend", flat=True))) == ("done", {"spark"})


def test_a_misconfigured_hosts_pages_wait_for_it_when_there_is_no_other(site):
    site.calypso.set_fault("status", status=401)
    page = the_page(site.read())
    assert (page.status, page.not_before, page.reason) == ("rendered", None, "The host does not accept the API key.")
    site.calypso.clear_faults()
    health.probe(backends.find("calypso"))
    pipeline.settle_down()
    page.refresh_from_db()
    assert (page.status, page.host_failures) == ("done", 0)


def test_each_time_a_host_becomes_misconfigured_anew_it_is_told_of_anew(site):
    for _ in range(2):
        site.calypso.configure(api_key="another")
        health.probe(backends.find("calypso"))
        health.probe(backends.find("calypso"))
        site.calypso.configure(api_key="")
        health.probe(backends.find("calypso"))
    assert backends.find("calypso").health.state == "up"
    assert AuditEntry.objects.filter(action="backend.misconfigured").count() == 2


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("status", {"status": 429, "headers": {"Retry-After": "7"}}),
        ("busy", {"headers": {"Retry-After": "7"}}),
    ],
)
def test_a_busy_host_is_left_alone_as_long_as_it_says_while_the_page_goes_elsewhere_at_once(site, kind, options):
    """B09."""
    site.with_spark().calypso.set_fault(kind, times=1, **options)
    began = timezone.now()
    page = the_page(site.read())
    assert outcomes_of(page) == [("calypso", "busy"), ("spark", "ok")]
    assert (page.host_failures, page.not_before) == (0, None)
    calypso = backends.find("calypso").health
    assert timedelta(seconds=6) < calypso.busy_until - began < timedelta(seconds=20)
    assert (calypso.breaker, calypso.circuit.get("failures", 0)) == ("closed", 0)


def test_with_only_a_busy_host_the_page_waits_as_long_as_it_says(site):
    """B09."""
    site.calypso.set_fault("status", times=1, status=429, headers={"Retry-After": "7"})
    began = timezone.now()
    page = the_page(site.read())
    assert (page.status, page.host_failures) == ("rendered", 0)
    assert timedelta(seconds=6) < page.not_before - began < timedelta(seconds=20)
    assert page.reason == "The host is busy and asked to be tried later."


def test_a_shorter_wish_to_be_left_alone_does_not_undo_a_longer_one(site):
    for seconds in ("60", "1"):
        Page.objects.update(not_before=None)
        site.calypso.set_fault("status", times=1, status=429, headers={"Retry-After": seconds})
        backends.find("calypso")
        site.read()
    assert backends.find("calypso").health.busy_until > timezone.now() + timedelta(seconds=30)


def test_a_cancelled_pages_call_is_ended_at_the_host_which_frees_its_slot(site):
    site.calypso.configure(service_seconds=30)
    document = site.drawn()
    with in_a_thread(pipeline.assign()):
        patience.until(lambda: site.calypso.calls)
        documents.cancel(document.pk, by=site.person)
        leases.keeper.renew()
        patience.until(lambda: site.calypso.calls[0].ended)
    assert site.calypso.calls[0].outcome == "abort"
    assert site.calypso.state()["running"] == 0
    assert not SlotLease.objects.exists()
    assert the_page(document).status == "cancelled"


def test_a_lost_leases_call_is_ended_at_the_host_and_charges_nobody(site):
    site.calypso.configure(service_seconds=30)
    document = site.drawn()
    with in_a_thread(pipeline.assign()):
        patience.until(lambda: site.calypso.calls)
        past = timezone.now() - timedelta(seconds=1)
        SlotLease.objects.update(holder="elsewhere:1:1", expires_at=past)  # taken over while we were paused
        leases.keeper.renew()
        patience.until(lambda: site.calypso.calls[0].ended)
    page = the_page(document)
    assert (site.calypso.calls[0].outcome, page.host_failures, page.attempts.count()) == ("abort", 0, 0)
    assert backends.find("calypso").health.circuit.get("failures", 0) == 0


def test_an_attempt_keeps_why_its_page_ran_there(site):
    document = site.drawn()
    (lease,) = pipeline.assign()
    why = {"backend": "calypso", "wanted": "spark", "rule": "Large", "reason": "spark is down → calypso"}
    SlotLease.objects.update(rule="Large", reason=why["reason"], decision=why)
    recognizing.recognize(lease)
    attempt = the_page(document).attempts.get()
    assert (attempt.rule, attempt.decision) == ("Large", why)


def test_an_attempt_that_was_taken_back_keeps_it_too(site):
    document = site.drawn()
    (lease,) = pipeline.assign()
    assert leases.claim(lease) is not None
    why = {"backend": "calypso", "reason": "nothing ahead"}
    past = timezone.now() - timedelta(seconds=1)
    SlotLease.objects.update(rule="Small", decision=why, holder="elsewhere:1:1", expires_at=past)
    assert leases.take_back_dead() == 1
    attempt = the_page(document).attempts.get()
    assert (attempt.outcome, attempt.rule, attempt.decision) == ("lost", "Small", why)
