"""Benchmarks through the API."""

from __future__ import annotations

from typing import Any

import pytest

from jobs.domain.benchmark_plan import Call, Step, result_of
from jobs.models import AuditEntry, Benchmark
from tests import builders
from tests.api.conftest import ApiClient

PATH = "/backends/calypso/benchmark"


@pytest.fixture(autouse=True)
def calypso(db: None) -> Any:
    return builders.make_backend("calypso", expected={"seconds_10_pages": [25, 40]})


def test_it_is_begun_and_a_worker_told_after_the_commit(
    admin: ApiClient, sent: list[Any], django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        response = admin.client.generic("POST", f"/api/v1{PATH}", headers=admin.authorized({}))  # it takes no body
    assert response.status_code == 202
    body = response.json()
    assert (body["state"], body["steps"], body["proposals"]) == ("waiting", [], [])
    assert sent == [("benchmark", body["id"])]
    assert AuditEntry.objects.get(action="backend.benchmarked").subject == "calypso"
    assert admin.get(PATH).json() == body


def test_a_second_one_and_one_of_a_planned_host_are_conflicts(admin: ApiClient, sent: list[Any], code_of: Any) -> None:
    builders.make_backend("spark", lifecycle="planned")
    assert admin.post(PATH).status_code == 202
    for path in (PATH, "/backends/spark/benchmark"):
        response = admin.post(path)
        assert (response.status_code, code_of(response)) == (409, "conflict")
    assert Benchmark.objects.count() == 1


def test_it_is_stopped(admin: ApiClient, sent: list[Any], code_of: Any) -> None:
    admin.post(PATH)
    assert admin.post(f"{PATH}/stop").json()["state"] == "stopped"
    response = admin.post(f"{PATH}/stop")
    assert (response.status_code, code_of(response)) == (409, "conflict")


def test_what_was_found_stands_beside_what_is_expected(admin: ApiClient, sent: list[Any]) -> None:
    admin.post(PATH)
    results = [
        result_of(step, [Call(2.0, "ok", 10)] * step.pages, seconds=30.0)
        for step in (Step("document", 10, 4, 200), Step("concurrency", 16, 4, 200))
    ]
    Benchmark.objects.update(state="done", steps=[result.stored() for result in results])
    body = admin.get(PATH).json()
    assert (body["figures"]["seconds_10_pages"], body["expected"]["seconds_10_pages"]) == (30.0, [25.0, 40.0])
    assert (body["steps"][1]["name"], body["steps"][1]["pages_per_second"]) == ("4 at once", 2.0)
    assert [proposal["field"] for proposal in body["proposals"]] == ["slots", "queue_ahead", ""]


def test_staff_may_not_and_what_is_not_there_is_not_found(api: ApiClient, admin: ApiClient) -> None:
    assert {api.post(PATH).status_code, api.get(PATH).status_code} == {403}
    assert admin.get(PATH).status_code == 404
    assert admin.post("/backends/nobody/benchmark").status_code == 404
