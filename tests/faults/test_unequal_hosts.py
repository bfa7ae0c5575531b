"""Two unequal hosts under a real site: who reads what and why, and what becomes of pages when a host or a page fails.

Real Redis, two worker processes, a real clock. Only the hosts are simulated, and they count what they are sent.
"""

from __future__ import annotations

import pytest

from jobs.models import Attempt, Page
from tests.faults.unequal_hosts import (
    AHEAD,
    SLOTS,
    assert_done_once,
    assert_limits_kept,
    images_read,
    pages_sent,
    slow_start_limit,
    where,
)
from tests.two_hosts import image_sha256

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.redis, pytest.mark.slow]


def rules(document) -> set[tuple[str, str]]:
    """Of each page that was read: where, and by which rule of its attempt."""
    return set(Attempt.objects.filter(page__document=document, outcome="ok").values_list("backend", "rule"))


def test_each_document_is_read_where_the_hybrid_policy_says(site):
    """B17."""
    site.pace(calypso=0.1, spark=0.1)
    small, edge = site.upload(5), site.upload(20)
    over, large, urgent = site.upload(21), site.upload(60), site.upload(3, priority="high")
    site.send(small, edge, over, large, urgent)
    site.start()
    site.until_ended(small, edge, over, large, urgent)
    assert_done_once(site, 5 + 20 + 21 + 60 + 3)
    assert_limits_kept(site)
    assert rules(over) == rules(large) == {("spark", "Large document")}
    assert rules(urgent) == {("spark", "High priority")}
    assert {document.wanted_backend for document in (small, edge)} == {"calypso"}
    assert where(small)["calypso"] + where(edge)["calypso"] > 0
    for attempt in Attempt.objects.filter(page__document__in=[small, edge]):
        assert attempt.backend == "calypso" or attempt.rule == "Default overloaded", attempt.decision


def test_an_overloaded_calypso_lets_pages_go_and_each_says_why(site):
    """B17."""
    site.pace(calypso=0.5, spark=0.05)
    first, second = site.drawn(20, "first"), site.drawn(20, "second")
    site.start()
    site.until_ended(first, second)
    assert_done_once(site, 40)
    assert_limits_kept(site)
    assert site.calypso.max_in_flight == SLOTS["calypso"] + AHEAD["calypso"]
    assert rules(first) == {("calypso", "")}
    spilled = Attempt.objects.filter(page__document=second, backend="spark")
    assert spilled.exists()
    for attempt in spilled:
        assert attempt.rule == "Default overloaded"
        assert attempt.decision["considered"]


def test_a_host_killed_in_the_middle_loses_nothing_and_comes_back_slowly(site):
    """B08."""
    site.pace(calypso=0.2, spark=0.3)
    document = site.upload(60)
    site.send(document)
    site.start()
    site.until(lambda: where(document)["spark"] >= 5, "spark reads")
    site.spark.stop_listening(drop=True)
    site.until(lambda: where(document)["calypso"] >= 5, "pages go on at calypso")
    site.pace(calypso=10, spark=0.3)  # or calypso, on a busy machine, would have read all before spark is back
    fallen = Attempt.objects.filter(backend="calypso", outcome="ok")
    told = {attempt.decision["reason"].removeprefix("60 pages, over 20; ") for attempt in fallen}
    assert told <= {"spark is down → calypso", "spark failed with this page → calypso"}
    sent_before = len(site.spark.calls)
    assert_limits_kept(site)
    site.spark.host.max_in_flight = 0
    site.spark.listen_again()
    site.until(lambda: len(site.spark.calls) > sent_before + 1, "spark is sent pages again")
    canary, *_ = site.spark.calls[sent_before:]
    assert canary not in pages_sent(site.spark)
    site.pace(calypso=0.1, spark=0.3)
    site.until_ended(document)
    assert_done_once(site, 60)
    assert_limits_kept(site)
    assert site.spark.max_in_flight <= slow_start_limit(site, "spark")


def test_a_page_that_runs_calypso_out_of_memory_goes_to_spark_and_calypso_stays(site):
    site.pace(calypso=0.1, spark=0.1)
    document = site.drawn(5)
    heavy = document.pages.get(number=3)
    image = image_sha256(heavy)
    site.calypso.set_fault("oom_words", when=lambda call: call.image_sha256 == image)
    site.start()
    site.until_ended(document)
    assert_done_once(site, 5)
    assert_limits_kept(site)
    assert where(document) == {"calypso": 4, "spark": 1}
    assert list(heavy.attempts.order_by("id").values_list("backend", "outcome")) == [
        ("calypso", "out_of_memory"),
        ("spark", "ok"),
    ]
    assert heavy.attempts.get(outcome="ok").decision["reason"].endswith("page ran calypso out of memory → spark")
    assert site.breaker("calypso").state == "closed"
    assert site.breaker("calypso").openings == 0


def test_of_five_pages_at_a_host_that_one_of_them_kills_one_is_set_aside(site):
    """B03, B04."""
    site.pace(calypso=0.1, spark=0.1)
    document = site.drawn(5)
    poison = document.pages.get(number=2)
    killer = image_sha256(poison)

    def deadly(call):
        return call.image_sha256 == killer

    # None waits in the host's queue: if the deadly one did, it would have nobody beside.
    site.calypso.host.slots.size = 5
    site.calypso.set_fault("slow", times=4, when=lambda call: not deadly(call), seconds=30)
    site.calypso.set_fault("engine_death", times=1, when=deadly, beside=4)
    for host in (site.calypso, site.spark):
        host.set_fault("engine_death", when=deadly, after_seconds=0.2)
    site.start()
    site.until(
        lambda: site.start_dead_hosts_again() and Page.objects.filter(status="quarantined").exists(),
        "a page is set aside",
    )
    site.until(
        lambda: site.start_dead_hosts_again() and Page.objects.filter(status="done").count() == 4,
        "the innocent are read",
    )
    site.until_ended(document)
    poison.refresh_from_db()
    assert (poison.status, poison.engine_deaths) == ("quarantined", 2)
    assert (document.status, document.pages_done, document.pages_failed) == ("partial", 4, 1)
    assert set(document.pages.exclude(pk=poison.pk).values_list("status", "engine_deaths")) == {("done", 1)}
    assert_done_once(site, 4)
    assert_limits_kept(site)
    assert killer not in images_read(site)
    deaths = [call for host in site.hosts.values() for call in host.calls if call.image_sha256 == killer]
    assert len(deaths) == 2  # never a third host
