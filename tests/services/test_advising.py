"""Advice from measured histories, put off and taken over."""

from __future__ import annotations

import math
import re
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from jobs import errors
from jobs.models import AdvicePutOff, Attempt, AuditEntry, Backend, HealthSample, Measurement, RoutingRule
from jobs.services import advising, rolling_up
from tests import builders, histories, seeded

pytestmark = pytest.mark.django_db
SLOTS = {"calypso": 4, "spark": 16}
LARGE, FEWER = "large-document Large document", "slots calypso"


@pytest.fixture
def page(db: None) -> Any:
    builders.make_policy()
    for name, slots in SLOTS.items():
        builders.make_backend(name, slots=slots)
    Backend.objects.update(updated_at=timezone.now() - timedelta(days=30))
    return builders.make_document(builders.make_user(), pages=12).pages.get(number=1)


def measured(page: Any, **seconds: float) -> None:
    """Nothing but what each host read in these seconds a page."""
    Measurement.objects.all().delete()
    Attempt.objects.all().delete()
    for name, each in seconds.items():
        histories.read(page, name, seconds=each, at_once=SLOTS[name])


def implied(calypso: float, spark: float) -> int:
    """The page count over which reading a document at calypso takes longer, however long it is."""
    quicker = [
        n for n in range(1, 500) if math.ceil(n / SLOTS["calypso"]) * calypso <= math.ceil(n / SLOTS["spark"]) * spark
    ]
    return max(quicker, default=0)


def proposed() -> float:
    return next(one.figures["proposed"] for one in advising.given().advices if one.key == LARGE)


def test_the_proposed_threshold_is_what_the_speeds_imply_and_moves_with_them(page: Any) -> None:
    chance = seeded.source()
    RoutingRule.objects.filter(name="Large document").update(threshold=400)
    calypso = chance.uniform(2.0, 10.0)
    spark = calypso * chance.uniform(2.4, 3.2)
    measured(page, calypso=calypso, spark=spark)
    first = proposed()
    # A percentile is off by at most 2.5 %, the median of what was drawn by a little more.
    assert implied(calypso * 1.05, spark * 0.95) <= first <= implied(calypso * 0.95, spark * 1.05)
    measured(page, calypso=calypso * 2, spark=spark)
    assert implied(calypso * 2.1, spark * 0.95) <= proposed() <= implied(calypso * 1.9, spark * 1.05)
    assert proposed() < first


def test_from_few_pages_nothing_is_advised(page: Any) -> None:
    histories.read(page, "calypso", seconds=5, at_once=4, pages=99)
    histories.read(page, "spark", seconds=12, at_once=16)
    found = advising.given()
    assert found.advices == []
    assert "calypso read 99, 100 of each are needed" in found.missing[0]


def test_what_was_long_ago_does_not_count(page: Any) -> None:
    histories.read(page, "calypso", seconds=5, at_once=4, hours_ago=24 * 9)
    histories.read(page, "spark", seconds=12, at_once=16)
    assert "calypso read 0" in advising.given().missing[0]


def test_slots_that_cost_no_time_while_work_waits(page: Any) -> None:
    calypso = Backend.objects.get(name="calypso")
    histories.read(page, "calypso", seconds=5, at_once=4)
    histories.read(page, "calypso", seconds=5, at_once=1, pages=200, hours_ago=60)
    HealthSample.objects.create(backend=calypso, state="up", queued=9, in_flight=4)
    assert [one.what for one in advising.given().advices] == ["calypso: 4 → 5 slots"]


def out_of_memory(page: Any) -> None:
    builders.make_attempt(page, outcome="out_of_memory", started_at=timezone.now() - timedelta(hours=1))
    rolling_up.roll_up()


def test_fewer_slots_are_taken_over_and_logged(page: Any) -> None:
    out_of_memory(page)
    ada = builders.make_user("ada", admin=True)
    advising.take_over(FEWER, by=ada)
    assert Backend.objects.get(name="calypso").slots == 3
    entry = AuditEntry.objects.get(action="backend.changed")
    assert (entry.actor, entry.subject, entry.detail) == (ada, "calypso", {"fields": ["slots"]})


def test_what_was_measured_before_a_change_advises_no_further_one(page: Any) -> None:
    out_of_memory(page)
    advising.take_over(FEWER, by=None)
    assert advising.given().advices == []
    Backend.objects.update(updated_at=timezone.now() - timedelta(hours=5))
    assert [one.what for one in advising.given().advices] == ["calypso: 3 → 2 slots"]


def test_what_changes_no_host_cannot_be_taken_over(page: Any) -> None:
    measured(page, calypso=5, spark=12)
    with pytest.raises(errors.Conflict):
        advising.take_over(LARGE, by=None)
    with pytest.raises(errors.NotFound):
        advising.take_over(FEWER, by=None)


def test_not_now_holds_until_the_figures_differ_by_a_good_deal(page: Any) -> None:
    measured(page, calypso=5, spark=12)
    assert proposed() == 8
    advising.put_off(LARGE, by=builders.make_user("ada", admin=True))
    assert advising.given().advices == []
    measured(page, calypso=5.2, spark=12)
    assert advising.given().advices == []
    measured(page, calypso=9, spark=12)
    assert proposed() == 4
    advising.put_off(LARGE, by=None)
    assert AdvicePutOff.objects.count() == 1
    assert advising.given().advices == []
    assert AuditEntry.objects.filter(action="advice.put_off").count() == 2


def test_a_planned_host_is_judged_by_what_comes_and_what_it_costs(page: Any) -> None:
    Backend.objects.filter(name="spark").update(lifecycle="planned")
    histories.read(page, "calypso", seconds=5, at_once=4, hours_ago=10)
    found = advising.given().advices
    assert [one.what for one in found] == ["spark: not needed yet"]
    reason = r"240 pages were read in the last 24 hours, of about 6\d,\d{3} that calypso can read. No page waited"
    assert re.match(reason, found[0].reason)
    costs, expected = {"hardware": 0, "power_month": 40}, {"seconds_10_pages": 12}
    Backend.objects.update(costs=costs, expected=expected)
    reason = r"spark pays off from about 5,\d{3} documents a day; 1 came."
    assert re.search(reason, advising.given().advices[0].reason)


def test_a_host_that_idles_is_told_of(page: Any) -> None:
    histories.read(page, "calypso", seconds=5, at_once=4)
    now = rolling_up.hour_of(timezone.now())
    looks = HealthSample.objects.bulk_create(
        HealthSample(backend=Backend.objects.get(name="spark"), state="up") for _ in range(30)
    )
    for hours, look in enumerate(looks):
        HealthSample.objects.filter(pk=look.pk).update(at=now - timedelta(hours=hours))
    rolling_up.roll_up()
    assert "spark idles" in [one.what for one in advising.given().advices]


def test_without_a_policy_it_says_so(db: None) -> None:
    assert "There is no routing policy yet" in advising.given().missing[0]


def test_as_few_queries_whatever_was_measured(page: Any, django_assert_max_num_queries: Any) -> None:
    for hours in range(2, 40):
        histories.read(page, "calypso", seconds=5, at_once=4, pages=20, hours_ago=hours)
    with django_assert_max_num_queries(25):
        advising.given()
