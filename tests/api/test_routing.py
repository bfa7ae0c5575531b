"""The routing policy through the API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from jobs.models import Backend
from jobs.services import backends
from tests import builders
from tests.api.conftest import ApiClient

Code = Callable[[Any], str]


@pytest.fixture(autouse=True)
def first_start(db: None) -> None:
    backends.ensure_defaults()


def test_the_hybrid_policy_is_in_force_at_first(admin: ApiClient) -> None:
    policy = admin.get("/routing/policy").json()
    assert (policy["spread"], policy["cpu"]) == ("overload", "when_no_gpu")
    assert policy["rules"][0] | {"name": ""} == {
        "name": "",
        "when": "page_count_over",
        "threshold": 20,
        "backend": "spark",
        "enabled": True,
    }


def test_what_was_read_can_be_sent_back(admin: ApiClient) -> None:
    policy = admin.get("/routing/policy").json()
    answer = admin("put", "/routing/policy", policy).json()
    assert answer == policy | {"warnings": answer["warnings"]}
    assert admin("put", "/routing/policy", answer).status_code == 200


def test_a_change_is_a_new_version_and_can_be_undone(admin: ApiClient) -> None:
    policy = admin.get("/routing/policy").json()
    before = admin.get("/routing/versions").json()["items"]
    policy["rules"][0]["threshold"] = 25
    assert admin("put", "/routing/policy", policy).status_code == 200
    versions = admin.get("/routing/versions").json()["items"]
    assert len(versions) == len(before) + 1
    assert (versions[0]["author"], versions[0]["policy"]["rules"][0]["threshold"]) == ("ada", 25)
    restored = admin.post(f"/routing/versions/{before[0]['number']}/restore").json()
    assert restored["rules"][0]["threshold"] == 20


def test_a_change_with_an_error_changes_nothing_and_names_the_place(admin: ApiClient, code_of: Code) -> None:
    policy = admin.get("/routing/policy").json()
    policy["spread"] = "everywhere"
    policy["rules"][0]["backend"] = "nobody"
    response = admin("put", "/routing/policy", policy)
    assert (response.status_code, code_of(response)) == (422, "invalid")
    assert "spread" in response.json()["error"]["fields"]
    assert admin.get("/routing/policy").json()["spread"] == "overload"


@pytest.mark.parametrize("body", ["[]", "{", "3", ""])
def test_a_body_that_is_no_policy_is_refused(admin: ApiClient, body: str, code_of: Code) -> None:
    headers = admin.authorized({})
    response = admin.client.put("/api/v1/routing/policy", body, content_type="application/json", headers=headers)
    assert (response.status_code, code_of(response)) == (422, "invalid")


def test_presets_are_loaded_by_name(admin: ApiClient) -> None:
    answer = admin.post("/routing/presets/decision_tree/load")
    assert answer.status_code == 200
    assert answer.json()["rules"][0]["when"] == "purpose_is"
    assert answer.json()["warnings"]
    assert admin.post("/routing/presets/nonsense/load").status_code == 404
    assert admin.post("/routing/versions/9999/restore").status_code == 404


def test_a_decision_is_explained_rule_by_rule(admin: ApiClient) -> None:
    answer = admin.post("/routing/explain", {"page_count": 25, "priority": "normal"}).json()
    assert answer["wanted"] == "spark"
    assert (answer["verdicts"][0]["matched"], answer["verdicts"][0]["enabled"]) == (True, True)
    assert {entry["backend"] for entry in answer["considered"]} >= {"calypso", "spark"}


def test_what_is_not_so_can_be_tried(admin: ApiClient) -> None:
    up = {name: {"lifecycle": "active", "state": "up"} for name in ("calypso", "spark")}
    asked = {"page_count": 3, "backends": up}
    assert admin.post("/routing/explain", asked).json()["backend"] == "calypso"
    asked["backends"] = up | {"calypso": {"lifecycle": "active", "state": "down"}}
    assert admin.post("/routing/explain", asked).json()["backend"] == "spark"


def test_the_answer_says_which_facts_were_compared(admin: ApiClient) -> None:
    tried = {"queue_depth": 7, "was_overloaded": False, "expected_wait_seconds": 12.5, "documents_per_day": 40}
    answer = admin.post("/routing/explain", {"page_count": 3, **tried}).json()
    assert answer["facts"] == {
        "page_count": 3, "priority": "normal", "purpose": "production", "sla": False, "dpi": 200,
        "documents_in_progress": 1, **tried,
    }  # fmt: skip
    assert answer["reason"].startswith("7 pages of others ahead at calypso, over 5")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"pages": 3}, "pages"),
        ({"sla": "yes"}, "sla"),
        ({"expected_wait_seconds": -1}, "expected_wait_seconds"),
        ({"backends": {"nobody": {"state": "down"}}}, "backends.nobody"),
        ({"backends": {"calypso": {"state": "tired"}}}, "backends.calypso.state"),
        ({"backends": {"calypso": {"lifecycle": "gone"}}}, "backends.calypso.lifecycle"),
        ({"backends": [1]}, "backends"),
    ],
)
def test_what_cannot_be_tried_is_refused_by_name(
    admin: ApiClient, change: dict[str, Any], field: str, code_of: Code
) -> None:
    response = admin.post("/routing/explain", {"page_count": 3} | change)
    assert (response.status_code, code_of(response)) == (422, "invalid")
    assert list(response.json()["error"]["fields"]) == [field]


def test_the_rules_tell_what_they_compare_now(admin: ApiClient) -> None:
    rules = admin.get("/routing/rules").json()["items"]
    assert [rule["when"] for rule in rules][:3] == ["page_count_over", "priority_is", "queue_depth_over"]
    assert (rules[2]["now"], rules[2]["matches_now"]) == ("0 pages of others ahead at calypso", False)
    assert rules[0]["matches_now"] is None


def test_a_draft_is_replayed_over_what_came_in(admin: ApiClient) -> None:
    Backend.objects.update(lifecycle="active")
    document = builders.make_document(builders.make_user("mira"), pages=18, prepared=False)
    policy = admin.get("/routing/policy").json()
    policy["rules"][0]["threshold"] = 14
    answer = admin.post("/routing/replay", {"policy": policy | {"warnings": []}, "hours": 1}).json()
    assert answer["moves"] == [{"from": "calypso", "to": "spark", "documents": 1, "pages": 18}]
    assert (answer["items"][0]["document"], answer["items"][0]["from"]) == (str(document.id), "calypso")
    assert admin.get("/routing/policy").json()["rules"][0]["threshold"] == 20


def test_a_draft_that_is_wrong_is_not_replayed(admin: ApiClient, code_of: Code) -> None:
    policy = admin.get("/routing/policy").json()
    for body, field in (
        ({"policy": policy, "hours": 0}, "hours"),
        ({"hours": 1}, "policy"),
        ({"policy": policy | {"spread": "wild"}}, "spread"),
    ):
        response = admin.post("/routing/replay", body)
        assert (response.status_code, code_of(response)) == (422, "invalid")
        assert field in response.json()["error"]["fields"]


def test_facts_that_do_not_fit_are_named(admin: ApiClient) -> None:
    response = admin.post("/routing/explain", {"priority": "urgent"})
    assert response.status_code == 422
    assert set(response.json()["error"]["fields"]) == {"priority", "page_count"}
