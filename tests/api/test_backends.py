"""Backends through the API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from jobs.models import Backend, BackendHealth
from jobs.services import admission, backends
from tests import builders
from tests.api.conftest import ApiClient

Code = Callable[[Any], str]


@pytest.fixture(autouse=True)
def first_start(db: None) -> None:
    backends.ensure_defaults()


@pytest.fixture
def self_test(monkeypatch: pytest.MonkeyPatch) -> list[admission.Step]:
    """The steps the next self-test will have; nothing is contacted."""
    steps = [admission.Step("reachable", True, "It answers.")]
    monkeypatch.setattr(admission, "self_test", lambda backend: admission.SelfTest(tuple(steps)))
    return steps


def test_a_first_start_holds_the_two_planned_machines(admin: ApiClient) -> None:
    items = admin.get("/backends").json()["items"]
    assert {item["lifecycle"] for item in items if item["kind"] == "gpu"} == {"planned"}
    assert admin.get(f"/backends/{items[0]['name']}").json() == items[0]


def test_a_new_backend_is_planned_and_its_key_is_never_shown(admin: ApiClient) -> None:
    response = admin.post(
        "/backends", {"name": "third", "base_url": "http://127.0.0.1:9003", "slots": 2, "api_key": "very secret"}
    )
    assert (response.status_code, response["Location"]) == (201, "/api/v1/backends/third")
    body = response.json()
    assert (body["lifecycle"], body["slots"], body["api_key_set"]) == ("planned", 2, True)
    assert body["model"] == "deepseek-ai/DeepSeek-OCR"
    assert "very secret" not in response.content.decode()


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"name": "third"}, {"base_url"}),
        ({"name": "third", "base_url": "http://127.0.0.1:1", "slots": 0}, {"slots"}),
        ({"name": "third", "base_url": "http://127.0.0.1:1", "colour": "red"}, {"colour"}),
        ({"name": "Third!", "base_url": "http://127.0.0.1:1"}, {"name"}),
        ({"name": "third", "base_url": "http://127.0.0.1:1", "lifecycle": "gone"}, {"lifecycle"}),
        ({"name": "third", "base_url": "http://8.8.8.8:80"}, {"base_url"}),
    ],
)
def test_what_does_not_fit_is_named(admin: ApiClient, body: Any, fields: set[str], code_of: Code) -> None:
    response = admin.post("/backends", body)
    assert (response.status_code, code_of(response)) == (422, "invalid")
    assert set(response.json()["error"]["fields"]) == fields
    assert not Backend.objects.filter(name__iexact="third").exists()


def test_a_name_in_use_is_a_conflict(admin: ApiClient) -> None:
    body = {"name": "third", "base_url": "http://127.0.0.1:9003"}
    assert admin.post("/backends", body).status_code == 201
    assert admin.post("/backends", body).status_code == 409


def test_a_change_touches_only_what_is_given(admin: ApiClient) -> None:
    builders.make_backend("third", slots=3, max_dpi=200)
    body = admin("patch", "/backends/third", {"max_dpi": 300}).json()
    assert (body["max_dpi"], body["slots"]) == (300, 3)


def test_one_that_is_not_there_is_not_found(admin: ApiClient, code_of: Code) -> None:
    for method, path in (("get", ""), ("patch", ""), ("delete", ""), ("post", "/drain"), ("post", "/check")):
        response = admin(method, f"/backends/nobody{path}", {} if method != "get" else None)
        assert (response.status_code, code_of(response)) == (404, "not_found")


def test_activation_is_told_with_its_self_test(admin: ApiClient, self_test: list[Any]) -> None:
    builders.make_backend("third", lifecycle="planned")
    body = admin.post("/backends/third/activate").json()
    assert body["lifecycle"] == "active"
    assert body["self_test"] == {
        "passed": True,
        "steps": [{"name": "reachable", "passed": True, "message": "It answers."}],
    }


def test_activation_works_without_a_body(admin: ApiClient, self_test: list[Any]) -> None:
    builders.make_backend("third", lifecycle="planned")
    response = admin.client.generic("POST", "/api/v1/backends/third/activate", headers=admin.authorized({}))
    assert (response.status_code, response.json()["lifecycle"]) == (200, "active")


@pytest.mark.parametrize(
    ("method", "path", "body"), [("post", "/activate", {}), ("patch", "", {"lifecycle": "active"})]
)
def test_what_fails_its_self_test_stays_out(
    admin: ApiClient, self_test: list[Any], method: str, path: str, body: Any, code_of: Code
) -> None:
    builders.make_backend("third", lifecycle="planned")
    self_test.append(admission.Step("model", False, "It serves another model."))
    response = admin(method, f"/backends/third{path}", body)
    assert (response.status_code, code_of(response)) == (409, "conflict")
    assert "It serves another model." in response.json()["error"]["message"]
    assert admin.get("/backends/third").json()["lifecycle"] == "planned"


def test_an_administrator_may_overrule_the_self_test(admin: ApiClient, self_test: list[Any]) -> None:
    builders.make_backend("third", lifecycle="planned")
    self_test.append(admission.Step("canary", False, "It reads the test page wrongly."))
    body = admin.post("/backends/third/activate", {"force": True}).json()
    assert (body["lifecycle"], body["self_test"]["passed"]) == ("active", False)


def test_a_check_changes_nothing(admin: ApiClient, self_test: list[Any]) -> None:
    builders.make_backend("third", lifecycle="disabled")
    self_test.append(admission.Step("canary", False, "It reads the test page wrongly."))
    response = admin.post("/backends/third/check")
    assert (response.status_code, response.json()["self_test"]["passed"]) == (200, False)
    assert response.json()["lifecycle"] == "disabled"


def test_drain_and_disable(admin: ApiClient, staff: Any) -> None:
    backend = builders.make_backend("third")
    document = builders.make_document(staff, pages=1, running=1)
    builders.make_lease(document.pages.get(), backend)
    assert admin.post("/backends/third/drain").json()["lifecycle"] == "draining"
    assert admin.post("/backends/third/disable").json()["lifecycle"] == "disabled"
    assert admin.post("/backends/third/drain").status_code == 409


def test_removing_one_in_use_drains_it_first(admin: ApiClient, staff: Any) -> None:
    backend = builders.make_backend("third")
    document = builders.make_document(staff, pages=1, running=1)
    lease = builders.make_lease(document.pages.get(), backend)
    response = admin("delete", "/backends/third")
    assert (response.status_code, response.json()["lifecycle"]) == (202, "draining")
    lease.delete()
    assert admin("delete", "/backends/third").status_code == 204
    assert admin.get("/backends/third").status_code == 404


def test_one_that_the_policy_names_is_not_removed(admin: ApiClient) -> None:
    name = admin.get("/routing/policy").json()["default_backend"]
    assert admin("delete", f"/backends/{name}").status_code == 409


def test_an_exporters_figures_are_told_and_its_address_is_set(admin: ApiClient, code_of: Code) -> None:
    made = admin.post(
        "/backends", {"name": "third", "base_url": "http://127.0.0.1:1", "gpu_exporter_url": "http://127.0.0.1:9400/"}
    ).json()
    assert (made["gpu_exporter_url"], made["health"]["gpu"]) == ("http://127.0.0.1:9400", None)
    told = {"power_watts": 31.0, "problem": "", "at": "2026-01-31T12:00:00Z"}
    BackendHealth.objects.create(backend=Backend.objects.get(name="third"), gpu=told)
    gpu = admin.get("/backends/third").json()["health"]["gpu"]
    assert (gpu["power_watts"], gpu["memory_used_bytes"], "problem" in gpu) == (31.0, None, False)
    refused = admin("patch", "/backends/third", {"gpu_exporter_url": "http://8.8.8.8:9400"})
    assert (refused.status_code, code_of(refused)) == (422, "invalid")
    assert set(refused.json()["error"]["fields"]) == {"gpu_exporter_url"}
