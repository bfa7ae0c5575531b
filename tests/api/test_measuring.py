"""What was measured of a host, through the API."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from jobs.models import Attempt
from jobs.services import rolling_up
from tests import builders, seeded
from tests.api.conftest import ApiClient

Code = Callable[[Any], str]


@pytest.fixture
def page(staff: Any) -> Any:
    builders.make_backend("calypso", expected={"tokens_per_second": [800, 1200], "seconds_50_pages": [120, 240]})
    return builders.make_document(staff, pages=20).pages.get(number=1)


def test_it_tells_what_was_set_beside_what_is_expected(admin: ApiClient, page: Any) -> None:
    chance = seeded.source()
    seconds, tokens = chance.uniform(1, 8), chance.randrange(200, 900)
    began = timezone.now() - timedelta(hours=2)
    for n in range(80):
        builders.make_attempt(
            page, started_at=began + timedelta(seconds=n * seconds), seconds=seconds, completion_tokens=tokens
        )
    rolling_up.roll_up()
    body = admin.get("/backends/calypso/measured?hours=24").json()
    assert (body["backend"], body["pages"], body["outcomes"]) == ("calypso", 80, {"ok": 80})
    assert body["pages_per_minute"] == pytest.approx(60 / seconds, rel=0.1)
    assert body["tokens_per_second"] == pytest.approx(tokens / seconds, rel=0.1)
    assert body["seconds"]["p50"] == body["seconds"]["p99"] == pytest.approx(seconds, rel=0.1)
    assert set(body["seconds_by_page_count"]) == {"10-20"}
    compared = {one["name"]: one for one in body["compared"]}
    assert compared["tokens_per_second"]["expected"] == [800, 1200]
    assert compared["tokens_per_second"]["measured"] == body["tokens_per_second"]
    assert compared["seconds_50_pages"] == {
        "name": "seconds_50_pages",
        "expected": [120, 240],
        "measured": None,
        "ratio": None,
    }


def test_what_nobody_measured_is_null(admin: ApiClient, page: Any) -> None:
    body = admin.get("/backends/calypso/measured").json()
    assert (body["pages"], body["pages_per_minute"], body["tokens_per_second"]) == (0, None, None)
    assert body["seconds"] == {"p50": None, "p95": None, "p99": None}


def test_failures_and_retries_are_told_apart(admin: ApiClient, page: Any) -> None:
    page.quality_tries = 1
    page.save()
    for outcome, rung in (("looping", ""), ("ok", "ngram"), ("out_of_memory", "")):
        builders.make_attempt(page, outcome=outcome, rung=rung)
    body = admin.get("/backends/calypso/measured").json()
    assert body["outcomes"] == {"looping": 1, "ok": 1, "out_of_memory": 1}
    assert (body["quality_retries"], body["out_of_memory"], body["pages"]) == (1, 1, 1)


def test_only_the_hours_asked_for_count(admin: ApiClient, page: Any) -> None:
    builders.make_attempt(page, started_at=timezone.now() - timedelta(hours=30))
    assert admin.get("/backends/calypso/measured").json()["pages"] == 0
    assert admin.get("/backends/calypso/measured?hours=48").json()["pages"] == 1


@pytest.mark.parametrize("hours", ["0", "-1", "much", "1e9", "nan"])
def test_hours_that_make_no_sense_are_refused(admin: ApiClient, page: Any, hours: str, code_of: Code) -> None:
    response = admin.get(f"/backends/calypso/measured?hours={hours}")
    assert (response.status_code, code_of(response)) == (422, "invalid")


def test_a_host_that_is_not_there_is_not_found(admin: ApiClient, code_of: Code) -> None:
    response = admin.get("/backends/nobody/measured")
    assert (response.status_code, code_of(response)) == (404, "not_found")


def test_it_is_for_administrators(api: ApiClient, page: Any, code_of: Code) -> None:
    response = api.get("/backends/calypso/measured")
    assert (response.status_code, code_of(response)) == (403, "forbidden")
    assert Attempt.objects.count() == 0
