"""Hosts that refuse, hang, flap, write nonsense or are all away: pages wait or go elsewhere, and each is read once."""

from __future__ import annotations

import pytest

from jobs.models import Attempt, Backend, Reading
from jobs.services import backends, canary, routing
from tests.faults.unequal_hosts import (
    AHEAD,
    SLOTS,
    UnequalHosts,
    assert_done_once,
    assert_limits_kept,
    pages_sent,
    where,
)
from tests.two_hosts import image_sha256
from tests.vllm_faults import Call
from tests.vllm_simulator import Simulator

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.redis, pytest.mark.slow]


AT_ONCE = 3  # so many pages that failed are tried again at once; others wait for their turn, up to a minute


def a_page(call: Call) -> bool:
    """Not a canary."""
    return call.body["max_tokens"] > canary.MAX_TOKENS


def canaries(host: Simulator) -> int:
    return len(host.calls) - len(pages_sent(host))


def is_out(site: UnequalHosts, name: str) -> bool:
    return site.breaker(name).state != "closed"


def test_pages_of_a_host_that_refuses_connections_are_read_by_the_other(site):
    """B01."""
    site.pace(calypso=0.1, spark=0.1)
    document = site.drawn(6)
    site.calypso.stop_listening()
    site.start()
    site.until_ended(document)
    assert_done_once(site, 6)
    assert where(document) == {"spark": 6}
    told = {attempt.decision["reason"] for attempt in Attempt.objects.filter(outcome="ok")}
    assert all(reason.endswith((" is down → spark", " failed with this page → spark")) for reason in told), told


@pytest.mark.parametrize("environment", [{"OCRSITE_LEASE_SECONDS": "30", "OCRSITE_CALL_SECONDS": "6"}])
def test_a_host_that_never_answers_is_left_after_its_time_and_taken_out(site):
    """B02."""
    site.pace(calypso=0.1, spark=0.1)
    site.calypso.set_fault("hang")
    document = site.drawn(AT_ONCE)
    site.start()
    site.until_ended(document)
    assert_done_once(site, AT_ONCE)
    assert where(document) == {"spark": AT_ONCE}
    assert Attempt.objects.filter(backend="calypso", outcome="timeout").count() == AT_ONCE
    assert is_out(site, "calypso")


def test_a_host_that_says_it_is_well_and_fails_every_page_stays_out_until_it_reads_a_canary(site):
    """B05."""
    site.pace(calypso=0.1, spark=0.1)
    site.calypso.set_fault("status", status=500)
    document = site.drawn(AT_ONCE)
    site.start()
    site.until_ended(document)
    assert_done_once(site, AT_ONCE)
    assert where(document) == {"spark": AT_ONCE}
    site.until(lambda: canaries(site.calypso) >= 2, "it is tried with canaries")
    assert len(pages_sent(site.calypso)) == AT_ONCE
    assert is_out(site, "calypso")
    site.calypso.clear_faults()
    site.until(lambda: not is_out(site, "calypso"), "a canary is read")
    after = site.drawn(3, "after")
    site.send(after)
    site.until_ended(after)
    assert where(after) == {"calypso": 3}


def test_a_flapping_host_is_tried_with_one_canary_an_opening_and_loses_no_page(site):
    """B06."""
    site.pace(calypso=0.1)
    site.calypso.configure(held=True)  # or it would have read everything before spark has flapped
    document = site.upload(60)
    site.send(document)
    site.start()
    openings = 0
    # With every slot taken nothing is on its way: a page that met the closing port would wait for the retry budget.
    for full in (SLOTS["spark"] + AHEAD["spark"], SLOTS["spark"] // 4, SLOTS["spark"] // 4):
        site.pace(spark=3.0)  # few of the pages are used up in each round
        site.until(lambda full=full: site.spark.host.in_flight >= full, "spark is full")
        site.spark.stop_listening()
        # Each opening counts, and each rest is longer than the one before (test_circuit.py).
        site.until(lambda before=openings: site.breaker("spark").openings > before, "spark is taken out")
        openings = site.breaker("spark").openings
        site.pace(spark=0.1)
        site.spark.listen_again()
    site.calypso.configure(held=False)
    site.until_ended(document)
    assert_done_once(site, 60)
    assert_limits_kept(site)
    assert canaries(site.spark) <= site.breaker("spark").openings


def test_nonsense_and_answers_cut_short_are_stored_nowhere_and_read_elsewhere(site):
    """B13."""
    site.pace(calypso=0.1, spark=0.1)
    for kind in ("html_garbage", "truncated_json", "cut_mid_body"):
        site.calypso.set_fault(kind, times=1, when=a_page)
    document = site.drawn(10)
    site.start()
    site.until_ended(document)
    assert_done_once(site, 10)
    assert_limits_kept(site)
    for page in document.pages.select_related("reading"):
        assert image_sha256(page)[:16] in page.reading.text
    assert Reading.objects.count() == 10
    assert Attempt.objects.filter(backend="calypso").exclude(outcome="ok").count() == 3


def test_a_host_that_drains_ends_what_runs_there_and_gets_nothing_new(site):
    """B16."""
    site.pace(calypso=0.1, spark=0.1)
    site.calypso.configure(held=True)
    document = site.drawn(10)
    site.start()
    full = site.until_calypso_is_full()
    backends.drain("calypso", by=None)
    site.until(lambda: where(document)["spark"] == 10 - full, "the others are read elsewhere")
    site.calypso.configure(held=False)
    site.until_ended(document)
    assert_done_once(site, 10)
    assert where(document) == {"calypso": full, "spark": 10 - full}
    assert len(pages_sent(site.calypso)) == full
    site.until(lambda: backends.find("calypso").lifecycle == "disabled", "it is drained")


def test_a_host_removed_while_it_reads_ends_its_pages_and_keeps_its_name_in_their_history(site):
    """B20."""
    site.pace(calypso=0.1, spark=0.1)
    site.calypso.configure(held=True)
    document = site.drawn(8)
    site.start()
    full = site.until_calypso_is_full()
    policy = routing.current() | {"default_backend": "spark", "fallback_order": ["spark"], "rules": []}
    routing.save(policy, by=None)
    assert backends.remove("calypso", by=None) is False
    site.calypso.configure(held=False)
    site.until_ended(document)
    assert_done_once(site, 8)
    site.until(lambda: not Backend.objects.filter(name="calypso").exists(), "it is gone")
    assert where(document) == {"calypso": full, "spark": 8 - full}
