"""Alerts through the API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from jobs.domain.alerts import Fact
from jobs.models import Alert
from jobs.services import alerts
from tests.api.conftest import ApiClient

Code = Callable[[Any], str]


@pytest.fixture
def three(admin: ApiClient) -> list[int]:
    """One that ended, two that fire; ids, newest first. A fourth would fire if it stayed so."""
    now = timezone.now()
    alerts.change_rule("api_key", "", by=None, clear_seconds=0)
    alerts.judge([Fact("api_key", "calypso", 1.0, "SECRET")], now)
    alerts.judge([], now)
    alerts.judge([Fact("misconfigured", "calypso", 1.0, "It serves another model.")], now)
    alerts.judge([Fact("misconfigured", n, 1.0) for n in ("calypso", "spark")] + [Fact("host_down", "titan", 1.0)], now)
    return list(Alert.objects.exclude(phase="pending").order_by("-id").values_list("id", flat=True))


def test_those_that_fire_and_those_that_ended_are_listed_newest_first(admin: ApiClient, three: list[int]) -> None:
    items = admin.get("/alerts").json()["items"]
    assert [item["id"] for item in items] == three
    assert [item["state"] for item in items] == ["firing", "firing", "cleared"]
    assert items[0]["message"] == "spark is not set up rightly."
    assert (items[0]["severity"], items[0]["acknowledged"], items[0]["cleared_at"]) == ("critical", None, None)


@pytest.mark.parametrize(("state", "n"), [("firing", 2), ("cleared", 1)])
def test_a_state_can_be_asked_for(admin: ApiClient, three: list[int], state: str, n: int) -> None:
    assert len(admin.get(f"/alerts?state={state}").json()["items"]) == n


def test_a_cursor_leads_through_all(admin: ApiClient, three: list[int]) -> None:
    first = admin.get("/alerts?limit=2").json()
    second = admin.get(f"/alerts?limit=2&cursor={first['next_cursor']}").json()
    assert [item["id"] for item in first["items"] + second["items"]] == three
    assert second["next_cursor"] is None


def test_an_alert_is_acknowledged_with_a_note_or_without(admin: ApiClient, three: list[int]) -> None:
    told = admin.post(f"/alerts/{three[0]}/acknowledge", {"note": "Ada looks after it."}).json()
    assert (told["acknowledged"]["by"], told["acknowledged"]["note"]) == ("ada", "Ada looks after it.")
    path = f"/api/v1/alerts/{three[1]}/acknowledge"
    assert admin.client.generic("POST", path, headers=admin.authorized({})).status_code == 200


@pytest.mark.parametrize(
    ("which", "body", "answer"), [(2, {}, (409, "conflict")), (0, {"note": "x" * 501}, (422, "invalid"))]
)
def test_what_cannot_be_acknowledged_is_refused(
    admin: ApiClient, three: list[int], which: int, body: Any, answer: Any, code_of: Code
) -> None:
    response = admin.post(f"/alerts/{three[which]}/acknowledge", body)
    assert (response.status_code, code_of(response)) == answer


def test_one_that_never_fired_is_not_there(admin: ApiClient, three: list[int], code_of: Code) -> None:
    pending = Alert.objects.get(phase="pending")
    response = admin.post(f"/alerts/{pending.pk}/acknowledge")
    assert (response.status_code, code_of(response)) == (404, "not_found")
