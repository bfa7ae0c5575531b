"""Engine deaths: who was there, who is set aside, and who is not."""

from __future__ import annotations

import pytest

from jobs.domain import failures
from jobs.models import Attempt, Page, SlotLease
from jobs.services import backends, documents, outcomes, routing
from tests import patience, pipeline
from tests.two_hosts import TwoHosts, image_sha256, in_a_thread, outcomes_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def site(db, tmp_path):
    site = TwoHosts(tmp_path)
    yield site
    site.stop()


def deaths(document):
    return list(document.pages.order_by("number").values_list("engine_deaths", flat=True))


@pytest.mark.parametrize("streaming", [False, True])
def test_five_pages_in_flight_at_a_host_that_dies_are_charged_once_each(site, streaming):
    """B03."""
    backends.update("calypso", by=None, streaming=streaming)
    site.calypso.configure(service_seconds=30)
    document = site.drawn(5)
    given = pipeline.assign()
    assert len(given) == 5
    site.calypso.set_fault("engine_death", times=1, after_seconds=0.5)
    pipeline.recognize_side_by_side(given)
    assert deaths(document) == [1] * 5
    assert set(document.pages.values_list("status", "host_failures")) == {("rendered", 1)}
    assert backends.find("calypso").health.breaker == "open"


def test_a_host_that_is_cut_off_without_a_word_is_an_engines_death_to_all_in_flight(site):
    site.calypso.configure(service_seconds=30)
    document = site.drawn(5)
    with in_a_thread(pipeline.assign()):
        patience.until(lambda: len(site.calypso.calls) == 5)
        site.calypso.stop_listening(drop=True)
    assert deaths(document) == [1] * 5
    assert backends.find("calypso").health.breaker == "open"
    assert set(Attempt.objects.values_list("reason", flat=True)) == {failures.ENGINE_DEAD.reason}


@pytest.mark.parametrize("fault", ["reset", "cut_mid_body", "truncated_json", "status"])
def test_a_call_that_breaks_off_is_a_death_if_health_says_so(site, fault):
    site.with_spark().calypso.set_fault(fault, times=1)
    site.calypso.set_fault("status", status=503, body="", path="/health")
    page = site.read().pages.get()
    assert (page.engine_deaths, page.backend) == (1, "spark")
    assert backends.find("calypso").health.breaker == "open"


@pytest.mark.parametrize("fault", ["draining", "busy"])
def test_leaving_and_busy_hosts_are_no_deaths_whatever_health_says(site, fault):
    site.with_spark().calypso.set_fault(fault, times=1)
    site.calypso.set_fault("status", status=503, body="", path="/health")
    assert site.read().pages.get().engine_deaths == 0


def test_a_timeout_is_no_death_whatever_health_says(site, settings):
    settings.CALL_SECONDS = 0.5
    site.with_spark().calypso.set_fault("hang", times=1)
    site.calypso.set_fault("status", status=503, body="", path="/health")
    page = site.read().pages.get()
    assert (page.engine_deaths, page.host_failures, page.backend) == (0, 1, "spark")


def test_a_call_that_breaks_off_after_others_told_of_the_death_was_there_too(site):
    """The host is up again by then: /health tells nothing any more."""
    site.calypso.configure(service_seconds=30)
    document = site.drawn(1)
    calypso = backends.find("calypso")
    with in_a_thread(pipeline.assign()):
        patience.until(lambda: site.calypso.calls)
        outcomes.call_failed(calypso, failures.ENGINE_DEAD, routing.in_force())
        site.calypso.stop_listening(drop=True)
        site.calypso.listen_again()
    assert deaths(document) == [1]


def test_a_call_that_began_after_a_death_was_not_there(site):
    site.calypso.set_fault("reset", times=1)
    outcomes.call_failed(backends.find("calypso"), failures.ENGINE_DEAD, routing.in_force())
    site.back_in_use("calypso")
    page = site.read().pages.get()
    assert (page.status, page.engine_deaths) == ("done", 0)
    assert outcomes_of(page) == [("calypso", "host_down"), ("calypso", "ok")]


def test_of_five_pages_at_a_dying_host_only_the_poison_page_is_set_aside(site):
    """Its neighbours are charged once, run alone, and are read."""
    site.with_spark().calypso.configure(service_seconds=30)
    document = site.drawn(5)
    poison = document.pages.get(number=3)
    killer = image_sha256(poison)
    for host in (site.calypso, site.spark):
        host.set_fault("engine_death", when=lambda call: call.image_sha256 == killer, after_seconds=2)
    given = pipeline.assign()
    its_lease = SlotLease.objects.get(page=poison).pk
    with in_a_thread([its_lease]):
        patience.until(lambda: site.calypso.calls)  # among the four that run; the fifth waits its turn at the host
        pipeline.recognize_side_by_side([lease for lease in given if lease != its_lease])
    assert deaths(document) == [1] * 5
    site.calypso.configure(service_seconds=0)
    pipeline.settle_down()
    poison.refresh_from_db()
    assert (poison.status, poison.engine_deaths) == ("quarantined", 2)
    assert poison.reason == "Set aside: it stopped two hosts."
    site.started_again(site.calypso, site.spark)
    pipeline.settle_down()
    document.refresh_from_db()
    assert (document.status, document.pages_done, document.pages_failed) == ("partial", 4, 1)
    assert deaths(document) == [1, 1, 2, 1, 1]
    assert Attempt.objects.filter(outcome="ok").count() == 4
    killed = [call for host in (site.calypso, site.spark) for call in host.calls if call.image_sha256 == killer]
    assert len(killed) == 2  # never a third host


def test_a_page_that_stops_the_only_host_twice_says_so(site):
    site.calypso.set_fault("engine_death", times=2)
    document = site.read()
    page = document.pages.get()
    assert (page.status, page.engine_deaths) == ("rendered", 1)
    site.started_again(site.calypso)
    pipeline.settle_down()
    page.refresh_from_db()
    assert (page.status, page.reason) == ("quarantined", "Set aside: it stopped one host twice.")


def test_a_page_set_aside_that_is_tried_again_by_hand_has_its_deaths_forgotten(site):
    site.policy(quarantine_deaths=1)
    site.calypso.set_fault("engine_death", times=1)
    document = site.read()
    assert document.pages.get().reason == "Set aside: it stopped one host."
    site.started_again(site.calypso)
    documents.retry(document.pk, by=site.person)
    assert Page.objects.get().engine_deaths == 0
    pipeline.settle_down()
    document.refresh_from_db()
    assert document.status == "done"
