"""What the hosts cost, through the API."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from jobs.models import Backend
from jobs.services import backends, costing
from tests import builders
from tests.api.conftest import ApiClient

Code = Callable[[Any], str]


@pytest.fixture(autouse=True)
def first_start(db: None) -> None:
    backends.ensure_defaults()


def test_the_shipped_machines_cost_what_the_operator_says(admin: ApiClient) -> None:
    body = admin.get("/costs").json()
    calypso, spark = body["backends"]["calypso"], body["backends"]["spark"]
    assert (calypso["month"], calypso["one_year"], calypso["three_years"]) == (40, [480, 480], [1440, 1440])
    assert (spark["month"], spark["one_year"], spark["three_years"]) == (45, [5540, 15540], [6620, 16620])
    assert (calypso["per_1000_pages"], spark["per_1000_pages"]) == (None, None)
    assert (body["first"], body["second"]) == ("calypso", "spark")


def test_the_second_pays_off_where_the_first_can_read_no_more(admin: ApiClient) -> None:
    body = admin.get("/costs").json()
    # Expected: ten pages in 25 to 40 seconds, day and night; documents of ten pages.
    assert body["pays_off_at_documents_per_day"] == pytest.approx(86_400 / 32.5)
    assert body["backends"]["calypso"]["pace_from"] == "expected"


def test_a_measured_pace_goes_before_the_expected_one(admin: ApiClient, staff: Any) -> None:
    page = builders.make_document(staff, pages=20).pages.get(number=1)
    began = timezone.now() - timedelta(hours=1)
    for n in range(120):  # four at once, each takes 8 seconds
        builders.make_attempt(page, started_at=began + timedelta(seconds=n // 4 * 8), seconds=8)
    body = admin.get("/costs").json()
    assert body["backends"]["calypso"]["pace_from"] == "measured"
    assert body["backends"]["calypso"]["pages_today"] == 120
    assert body["backends"]["calypso"]["per_1000_pages"] == [pytest.approx(40 / 30 / 0.12)] * 2
    assert body["pages_per_document"] == 20
    assert body["pays_off_at_documents_per_day"] == pytest.approx(86_400 / 8 * 4 / 20, rel=0.1)


def test_a_pace_of_one_page_at_a_time_is_not_taken_for_what_a_host_can_do(admin: ApiClient, staff: Any) -> None:
    page = builders.make_document(staff, pages=20).pages.get(number=1)
    began = timezone.now() - timedelta(hours=1)
    for n in range(120):
        builders.make_attempt(page, started_at=began + timedelta(seconds=n * 8), seconds=8)
    assert admin.get("/costs").json()["backends"]["calypso"]["pace_from"] == "expected"


def test_what_nobody_entered_is_null(admin: ApiClient) -> None:
    Backend.objects.filter(name="spark").update(costs={})
    body = admin.get("/costs").json()
    assert body["backends"]["spark"]["month"] is None
    assert body["pays_off_at_documents_per_day"] is None


def test_another_price_of_power_changes_only_what_is_reckoned(admin: ApiClient) -> None:
    Backend.objects.filter(name="calypso").update(costs={"hardware": 0})
    costing.change(by=admin.user, price_per_kwh=0.246)
    body = admin.get("/costs").json()
    assert round(body["backends"]["calypso"]["month"]) == 80
    assert (body["backends"]["spark"]["month"], body["price_per_kwh"]) == (45, 0.246)


def test_as_many_queries_whatever_was_measured(
    admin: ApiClient, staff: Any, django_assert_max_num_queries: Any
) -> None:
    page = builders.make_document(staff, pages=20).pages.get(number=1)
    for n in range(60):
        builders.make_attempt(page, started_at=timezone.now() - timedelta(minutes=n))
    with django_assert_max_num_queries(20):
        admin.get("/costs")


def test_they_are_for_administrators(api: ApiClient, code_of: Code) -> None:
    response = api.get("/costs")
    assert (response.status_code, code_of(response)) == (403, "forbidden")
