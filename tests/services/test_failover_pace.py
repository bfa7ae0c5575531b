"""Time limits by measured speed, and how many pages are tried again at once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from jobs.domain import retry_budget
from jobs.domain.speed import Sample
from jobs.models import BackendHealth
from jobs.services import backends, calling, outcomes
from tests import builders, pipeline
from tests.two_hosts import TwoHosts

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def site(db, tmp_path):
    site = TwoHosts(tmp_path)
    yield site
    site.stop()


def limit_at(speed, settings, **fields):
    settings.CALL_SECONDS = 300.0
    backend = builders.make_backend("atlas", max_model_len=8192, **fields)
    BackendHealth.objects.filter(backend=backend).update(tokens_per_second=speed)
    return calling.time_limit(backends.find("atlas"))


def test_a_host_that_was_never_measured_gets_all_the_time_there_is(db, settings):
    assert limit_at(None, settings) == 300.0


def test_a_fast_hosts_call_is_given_up_sooner_and_a_slow_ones_is_not(db, settings):
    assert 100 < limit_at(400.0, settings) < 110
    BackendHealth.objects.update(tokens_per_second=20.0)
    assert calling.time_limit(backends.find("atlas")) == 300.0


def test_a_processors_time_does_not_follow_the_tokens(db, settings):
    assert limit_at(4000.0, settings, kind="cpu") == 300.0


def test_a_host_with_a_shorter_context_has_less_to_say_and_less_time(db, settings):
    whole = limit_at(200.0, settings)
    BackendHealth.objects.update(served_max_model_len=4096)
    assert calling.time_limit(backends.find("atlas")) < whole


def test_reading_pages_measures_the_host(site):
    site.calypso.configure(service_seconds=0.2)
    site.read()
    measured = backends.find("calypso").health
    assert 0.2 <= measured.seconds_per_page < 20
    assert 0 < measured.tokens_per_second < 1000


def test_what_is_measured_is_written_every_few_seconds_and_nothing_is_left_out(db):
    backend = builders.make_backend("atlas")
    now = [100.0]
    speeds = outcomes.Speeds(every_seconds=3.0, now=lambda: now[0])
    speeds.add(backend.pk, Sample(2.0, 800))
    speeds.add(backend.pk, Sample(4.0, 800))
    assert backends.find("atlas").health.seconds_per_page == 2.0
    now[0] += 3.0
    speeds.add(backend.pk, Sample(4.0, 800))
    assert backends.find("atlas").health.seconds_per_page == pytest.approx(2.0 + 0.4 + 0.32)


def test_measuring_a_backend_that_is_gone_does_nothing(db):
    outcomes.Speeds().add(123456, Sample(2.0, 800))
    assert not BackendHealth.objects.exists()


def test_a_slow_page_is_no_fault(site):
    site.calypso.set_fault("slow", seconds=0.5)
    document = site.read()
    assert document.status == "done"
    assert backends.find("calypso").health.circuit.get("failures", 0) == 0


def test_when_many_pages_fail_three_are_tried_again_at_once_and_the_others_wait_their_turn(site):
    """B19. Six calls in the minute: a fifth of them is less than three."""
    site.policy(breaker_failures=100, max_attempts=9)
    site.calypso.set_fault("html_garbage", times=5)
    document = site.drawn(5)
    began = timezone.now()
    for lease in pipeline.assign():
        pipeline.recognize_side_by_side([lease])
    failed = document.pages.order_by("number")
    waits = [page.not_before for page in failed]
    assert waits[:3] == [None] * 3
    assert all(until > began + timedelta(seconds=50) for until in waits[3:])
    assert all(page.reason.endswith(retry_budget.REASON) for page in failed[3:])
    pipeline.settle_down()
    assert document.pages.filter(status="done").count() == 3
    document.pages.update(not_before=None)  # their turn has come
    pipeline.settle_down()
    document.refresh_from_db()
    assert document.status == "done"


def test_a_host_that_refuses_connections_puts_nobody_off(site):
    site.with_spark().calypso.stop_listening()
    document = site.drawn(5)
    for lease in pipeline.assign():
        pipeline.recognize_side_by_side([lease])
    assert set(document.pages.values_list("not_before", flat=True)) == {None}
