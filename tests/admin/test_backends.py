"""Backends are added, changed, tested, drained and removed through their service."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from jobs.models import AuditEntry, Backend, Document
from tests import builders
from tests.admin.pages import act, form_of, said, url, wrong


def new_backend(**fields: Any) -> dict[str, Any]:
    return {
        "name": "gpu-1", "base_url": "http://127.0.0.1:9003", "model": "deepseek-ai/DeepSeek-OCR",
        "model_profile": "deepseek-ocr", "kind": "gpu", "slots": 4, "queue_ahead": 1, "max_model_len": 8192,
        "default_dpi": 200, "max_dpi": 200, "hardware": "{}", "launch": "{}", "expected": "{}", "costs": "{}",
        "notes": "", "health-TOTAL_FORMS": 0, "health-INITIAL_FORMS": 0,
    } | fields  # fmt: skip


def test_a_backend_is_added_as_planned_through_the_service(client: Client, sent: list[str], boss: User) -> None:
    added = new_backend(base_url="http://127.0.0.1:9003/v1/", api_key="sk-secret", hardware='{"gpu": "RTX 4090"}')
    assert client.post(url(Backend, "add"), added).status_code == 302
    backend = Backend.objects.get(name="gpu-1")
    assert (backend.base_url, backend.lifecycle) == ("http://127.0.0.1:9003", "planned")
    assert backend.hardware == {"gpu": "RTX 4090"}
    assert backend.api_key_set and "sk-secret" not in backend.encrypted_api_key
    entry = AuditEntry.objects.get(action="backend.created")
    assert (entry.actor, entry.subject) == (boss, "gpu-1")
    assert "dispatch" in sent


def test_an_address_outside_the_allowed_ranges_names_the_setting(client: Client) -> None:
    answer = client.post(url(Backend, "add"), new_backend(base_url="http://203.0.113.7:8000"))
    assert "OCRSITE_BACKEND_ALLOWED_CIDRS" in wrong(answer)["base_url"][0]
    assert not Backend.objects.exists()
    assert not AuditEntry.objects.exists()


def test_a_changed_address_is_judged_too_and_changes_nothing(client: Client, rows: dict[type, Any]) -> None:
    where = url(Backend, "change", rows[Backend])
    answer = client.post(where, form_of(client, where) | {"base_url": "http://203.0.113.7:8000", "slots": 9})
    assert "OCRSITE_BACKEND_ALLOWED_CIDRS" in wrong(answer)["base_url"][0]
    kept = Backend.objects.get(name="calypso")
    assert (kept.base_url, kept.slots, kept.api_key_set) == ("http://127.0.0.1:9001", 4, True)


@pytest.mark.parametrize(
    ("field", "value"), [("slots", 0), ("max_dpi", 5000), ("name", "Not A Name"), ("hardware", "[1]"), ("costs", "{")]
)
def test_a_wrong_figure_is_named_beside_its_field(field: str, value: Any, client: Client) -> None:
    answer = client.post(url(Backend, "add"), new_backend(**{field: value}))
    assert field in wrong(answer)
    assert not Backend.objects.exists()


def test_saving_a_backend_as_it_is_changes_nothing_and_keeps_the_key(client: Client, rows: dict[type, Any]) -> None:
    before = Backend.objects.values().get(name="calypso")
    where = url(Backend, "change", rows[Backend])
    assert client.post(where, form_of(client, where)).status_code == 302
    assert Backend.objects.values().get(name="calypso") == before
    assert not AuditEntry.objects.filter(action="backend.changed").exists()


def test_a_change_goes_through_the_service_and_its_audit(client: Client, rows: dict[type, Any]) -> None:
    where = url(Backend, "change", rows[Backend])
    assert client.post(where, form_of(client, where) | {"slots": 2, "costs": '{"hardware": 0}'}).status_code == 302
    backend = Backend.objects.get(name="calypso")
    assert (backend.slots, backend.costs, backend.api_key_set) == (2, {"hardware": 0}, True)
    assert AuditEntry.objects.get(action="backend.changed").detail == {"fields": ["costs", "slots"]}


def test_a_key_does_not_follow_a_new_address_and_that_is_said(client: Client, rows: dict[type, Any]) -> None:
    where = url(Backend, "change", rows[Backend])
    answer = client.post(where, form_of(client, where) | {"base_url": "http://127.0.0.1:9009"}, follow=True)
    assert not Backend.objects.get(name="calypso").api_key_set
    assert any("API key was removed" in message for message in said(answer))


def test_a_key_is_replaced_or_removed_when_asked(client: Client, rows: dict[type, Any]) -> None:
    where = url(Backend, "change", rows[Backend])
    client.post(where, form_of(client, where) | {"api_key": "sk-new"})
    assert Backend.objects.get(name="calypso").encrypted_api_key not in ("", "gAAAA-ciphertext")
    client.post(where, form_of(client, where) | {"remove_api_key": "on"})
    assert not Backend.objects.get(name="calypso").api_key_set


def test_a_host_that_does_not_answer_is_not_activated_and_the_reason_is_told(
    client: Client, rows: dict[type, Any]
) -> None:
    spark = Backend.objects.get(name="spark")
    Backend.objects.filter(pk=spark.pk).update(base_url="http://127.0.0.1:1")
    where = url(Backend, "change", spark)
    answer = client.post(where, form_of(client, where) | {"lifecycle": "active"}, follow=True)
    assert Backend.objects.get(name="spark").lifecycle == "planned"
    assert any(message.startswith("spark: reachable:") for message in said(answer))
    messages = act(client, Backend, "activate_anyway", spark)
    assert Backend.objects.get(name="spark").lifecycle == "active"
    assert messages[0].startswith("spark: reachable:")


def test_the_self_test_only_tells(client: Client, rows: dict[type, Any]) -> None:
    Backend.objects.filter(name="spark").update(base_url="http://127.0.0.1:1")
    (message,) = act(client, Backend, "self_test", Backend.objects.get(name="spark"))
    assert message.startswith("spark: reachable:")
    assert Backend.objects.get(name="spark").lifecycle == "planned"


def test_drain_and_disable_go_through_the_service(client: Client, sent: list[str], rows: dict[type, Any]) -> None:
    calypso = rows[Backend]
    assert act(client, Backend, "drain", calypso) == ["calypso gets no new pages."]
    assert Backend.objects.get(name="calypso").lifecycle == "draining", "a page runs there: it drains first"
    assert act(client, Backend, "disable", calypso) == ["calypso is disabled."]
    assert Backend.objects.get(name="calypso").lifecycle == "disabled"
    assert AuditEntry.objects.filter(action__in=["backend.draining", "backend.disabled"]).count() == 2
    assert "dispatch" in sent


def test_what_a_service_refuses_is_told(client: Client, rows: dict[type, Any]) -> None:
    (message,) = act(client, Backend, "drain", Backend.objects.get(name="spark"))
    assert "nothing to drain" in message


def test_a_backend_that_the_policy_names_is_not_removed(client: Client, rows: dict[type, Any]) -> None:
    where = f"{url(Backend, 'list')}{rows[Backend].pk}/delete/"
    assert client.get(where).status_code == 200
    answer = client.post(where, {"post": "yes"}, follow=True)
    assert "take it out of the rules first" in said(answer)[0]
    assert Backend.objects.filter(name="calypso").exists()


def test_a_backend_in_use_drains_and_goes_once_it_is_idle(client: Client, rows: dict[type, Any]) -> None:
    third = builders.make_backend("third", base_url="http://127.0.0.1:9005")
    page = rows[Document].pages.get(number=2)
    lease = builders.make_lease(page, third)
    where = f"{url(Backend, 'list')}{third.pk}/delete/"
    assert "drains" in said(client.post(where, {"post": "yes"}, follow=True))[0]
    assert Backend.objects.get(name="third").lifecycle == "draining"
    lease.delete()
    client.post(where, {"post": "yes"})
    assert not Backend.objects.filter(name="third").exists()
    assert AuditEntry.objects.filter(action="backend.removed", subject="third").exists()
