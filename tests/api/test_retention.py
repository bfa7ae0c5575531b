"""Retention rules by the API: for administrators."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from jobs.services import retention
from tests import builders
from tests.api.conftest import ApiClient

RULE = {"age_days": 90, "what": "images", "status": "done", "enabled": True}


def test_they_are_read_and_changed(admin: ApiClient) -> None:
    assert admin.get("/retention").json() == {"rules": []}
    assert admin("put", "/retention", {"rules": [RULE]}).json() == {"rules": [RULE]}
    assert admin.get("/retention").json() == {"rules": [RULE]}


def test_trying_changes_nothing(admin: ApiClient, staff: Any) -> None:
    builders.make_document(staff, pages=1, done=1)
    told = admin.post("/retention/try", {"rules": [RULE | {"age_days": 0}]}).json()
    assert told["items"] == [RULE | {"age_days": 0, "documents": 1, "files": 0, "bytes": 0, "at_least": False}]
    assert retention.rules() == []


@pytest.mark.parametrize("method_and_path", [("put", "/retention"), ("post", "/retention/try")])
def test_a_wrong_rule_is_named(admin: ApiClient, method_and_path: Any, code_of: Callable[[Any], str]) -> None:
    response = admin(*method_and_path, {"rules": [RULE, RULE | {"what": "texts"}]})
    assert (response.status_code, code_of(response)) == (422, "invalid")
    assert list(response.json()["error"]["fields"]) == ["rules.1.what"]


def test_a_body_without_rules_takes_none_away(admin: ApiClient) -> None:
    admin("put", "/retention", {"rules": [RULE]})
    assert admin("put", "/retention", {"rule": []}).status_code == 422
    assert len(retention.rules()) == 1


def test_others_may_not(api: ApiClient) -> None:
    assert api.get("/retention").status_code == 403
    assert api("put", "/retention", {"rules": []}).status_code == 403
    assert api.post("/retention/try", {"rules": []}).status_code == 403
