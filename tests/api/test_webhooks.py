"""Events and webhooks through the API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from jobs.models import Delivery
from jobs.services import events
from tests.api.conftest import ApiClient

Code = Callable[[Any], str]
URL = "https://hooks.example.org/ocr"


@pytest.fixture
def hook(api: ApiClient) -> dict[str, Any]:
    response = api.post("/webhooks", {"url": URL, "events": ["document.failed", "document.done"]})
    assert response.status_code == 201
    return dict(response.json())


def happened(owner: Any, n: int = 1) -> None:
    for number in range(n):
        events.record("document.done", owner=owner.pk, data={"name": f"{number}.pdf"})


def test_events_come_in_their_order_and_a_cursor_goes_on_after_the_last(api: ApiClient, other: ApiClient) -> None:
    happened(api.user, 3)
    first = api.get("/events?limit=2").json()
    assert [item["data"]["name"] for item in first["items"]] == ["0.pdf", "1.pdf"]
    assert {"cursor", "type", "document", "page", "at"} <= set(first["items"][0])
    second = api.get(f"/events?after={first['next_cursor']}").json()
    assert [item["data"]["name"] for item in second["items"]] == ["2.pdf"]
    assert api.get(f"/events?after={second['next_cursor']}").json() == {
        "items": [],
        "next_cursor": second["next_cursor"],
    }
    assert other.get("/events").json()["items"] == []


def test_administrators_see_everybodys(admin: ApiClient, api: ApiClient) -> None:
    happened(api.user)
    events.record("backend.down", data={"backend": "spark"})
    assert len(admin.get("/events").json()["items"]) == 2
    assert len(api.get("/events").json()["items"]) == 1


@pytest.mark.parametrize("query", ["after=x", "after=", "limit=0", "after=" + "9" * 19])
def test_what_is_no_cursor_is_refused(api: ApiClient, query: str, code_of: Code) -> None:
    assert code_of(api.get(f"/events?{query}")) == "invalid"


def test_the_secret_is_shown_once(api: ApiClient, hook: dict[str, Any]) -> None:
    assert hook["secret"].startswith("whsec_")
    assert hook["events"] == ["document.done", "document.failed"]
    shown = api.get(f"/webhooks/{hook['id']}").json()
    assert "secret" not in shown and shown["url"] == URL
    assert api.get("/webhooks").json()["items"] == [shown]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"url": "http://127.0.0.1:6379/"}, "url"),
        ({"url": "http://169.254.169.254/"}, "url"),
        ({"events": ["alert"]}, "events"),
        ({"events": []}, "events"),
        ({"host": "x"}, "host"),
    ],
)
def test_what_cannot_be_registered_is_refused(api: ApiClient, body: dict[str, Any], field: str, code_of: Code) -> None:
    response = api.post("/webhooks", {"url": URL, "events": ["document.done"]} | body)
    assert (response.status_code, code_of(response)) == (422, "invalid")
    assert list(response.json()["error"]["fields"]) == [field]


def test_it_is_changed_field_by_field(api: ApiClient, hook: dict[str, Any], code_of: Code) -> None:
    path = f"/webhooks/{hook['id']}"
    changed = api("patch", path, {"enabled": False, "description": "Invoices"}).json()
    assert (changed["enabled"], changed["description"], changed["url"]) == (False, "Invoices", URL)
    assert code_of(api("patch", path, {"url": "http://10.0.0.1/"})) == "invalid"
    assert code_of(api.post(f"{path}/test")) == "conflict"


def test_deliveries_are_listed_and_sent_again(api: ApiClient, hook: dict[str, Any]) -> None:
    path = f"/webhooks/{hook['id']}"
    assert api.post(f"{path}/test").status_code == 202
    happened(api.user, 2)
    first = api.get(f"{path}/deliveries?limit=2").json()
    assert [row["type"] for row in first["items"]] == ["document.done"] * 2
    (last,) = api.get(f"{path}/deliveries?limit=2&cursor={first['next_cursor']}").json()["items"]
    Delivery.objects.update(state="failed", tries=10, next_try_at=None)
    again = api.post(f"{path}/deliveries/{last['id']}/redeliver").json()
    assert (again["message_id"], again["state"], again["tries"]) == (last["message_id"], "pending", 0)


def test_it_is_removed(api: ApiClient, hook: dict[str, Any]) -> None:
    assert api("delete", f"/webhooks/{hook['id']}").status_code == 204
    assert api.get(f"/webhooks/{hook['id']}").status_code == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", ""),
        ("patch", ""),
        ("delete", ""),
        ("post", "/test"),
        ("get", "/deliveries"),
        ("post", "/deliveries/1/redeliver"),
    ],
)
def test_others_webhooks_are_not_there(admin: ApiClient, hook: Any, method: str, path: str, code_of: Code) -> None:
    response = admin(method, f"/webhooks/{hook['id']}{path}", {})
    assert (response.status_code, code_of(response)) == (404, "not_found")


def test_a_delivery_of_another_webhook_is_not_there(api: ApiClient, hook: dict[str, Any], code_of: Code) -> None:
    api.post(f"/webhooks/{hook['id']}/test")
    second = api.post("/webhooks", {"url": URL, "events": ["document.done"]}).json()
    response = api.post(f"/webhooks/{second['id']}/deliveries/{Delivery.objects.get().pk}/redeliver")
    assert code_of(response) == "not_found"


def test_a_reading_token_adds_nothing(staff: Any, code_of: Code) -> None:
    reader = ApiClient(staff, scope="read")
    assert code_of(reader.post("/webhooks", {"url": URL, "events": ["document.done"]})) == "forbidden"
