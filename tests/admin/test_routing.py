"""The policy is edited in a form; the service judges it, and a bad one changes nothing."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from jobs.domain import presets
from jobs.models import AuditEntry, PolicyVersion, RoutingPolicy
from jobs.services import routing
from tests import builders
from tests.admin.pages import act, form_of, said, url


def policy_page() -> str:
    return url(RoutingPolicy, "change", RoutingPolicy.objects.get())


def test_saving_the_policy_as_it_is_makes_no_version(client: Client, rows: dict[type, Any]) -> None:
    before = routing.current()
    assert client.post(policy_page(), form_of(client, policy_page())).status_code == 302
    assert routing.current() == before
    assert PolicyVersion.objects.count() == 1


def test_thresholds_are_edited_and_kept_as_a_version(client: Client, sent: list[str], rows: dict[type, Any]) -> None:
    change = {"rules-0-threshold": "25", "rules-3-enabled": "on", "failover_oom_dpi": "120", "spread": "free"}
    assert client.post(policy_page(), form_of(client, policy_page()) | change).status_code == 302
    now = routing.current()
    assert now["rules"][0]["threshold"] == 25
    assert now["rules"][3]["enabled"] is True
    assert (now["failover"]["oom_dpi"], now["spread"]) == (120, "free")
    assert [row["when"] for row in now["rules"]] == [r["when"] for r in presets.POLICIES["hybrid"]["rules"]]
    assert PolicyVersion.objects.first().author.username == "boss"
    assert "dispatch" in sent


def test_the_ladder_of_the_quality_gate_is_edited_in_words(
    client: Client, sent: list[str], rows: dict[type, Any]
) -> None:
    form = form_of(client, policy_page())
    assert form["quality_rungs"] == "ngram, free_ocr, temperature, halves, other_backend"
    assert client.post(policy_page(), form | {"quality_rungs": "halves , ngram"}).status_code == 302
    assert routing.current()["quality"]["rungs"] == ["halves", "ngram"]
    refused = client.post(policy_page(), form_of(client, policy_page()) | {"quality_rungs": "prayer"})
    assert refused.status_code == 200
    assert routing.current()["quality"]["rungs"] == ["halves", "ngram"]


def test_rules_are_put_in_another_order_added_and_removed(client: Client, rows: dict[type, Any]) -> None:
    change = {
        "rules-0-position": "9",
        "rules-2-DELETE": "on",
        "rules-6-name": "Test documents",
        "rules-6-when": "purpose_is",
        "rules-6-value": "development",
        "rules-6-backend": "calypso",
        "rules-6-enabled": "on",
        "rules-6-position": "0",
    }
    assert client.post(policy_page(), form_of(client, policy_page()) | change).status_code == 302
    assert [rule["name"] for rule in routing.current()["rules"]] == [
        "Test documents", "High priority", "High volume", "High resolution", "Under an SLA", "Large document",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "place", "field"),
    [
        ({"failover_oom_dpi": "5"}, "form", "failover_oom_dpi"),
        ({"failover_max_attempts": "2.5"}, "form", "failover_max_attempts"),
        ({"fallback_order": "calypso, nowhere"}, "form", "fallback_order"),
        ({"rules-0-threshold": "-1"}, 0, "threshold"),
        ({"rules-0-threshold": ""}, 0, "threshold"),
        ({"rules-1-value": "soon"}, 1, "value"),
        ({"rules-2-release": "99"}, 2, "release"),
        ({"rules-1-position": "50", "rules-1-value": "soon"}, 1, "value"),
        ({"rules-0-DELETE": "on", "rules-2-hold_seconds": "-4"}, 2, "hold_seconds"),
        ({"rules-0-backend": "nowhere"}, 0, "backend"),
    ],
)
def test_a_bad_policy_changes_nothing_and_names_the_field(
    change: dict[str, str], place: Any, field: str, client: Client, sent: list[str], rows: dict[type, Any]
) -> None:
    before = routing.current()
    good = {"rules-3-threshold": "777", "quality_max_tries": "1"}
    answer = client.post(policy_page(), form_of(client, policy_page()) | good | change)
    assert answer.status_code == 200
    if place == "form":
        found = answer.context["adminform"].form.errors
    else:
        found = answer.context["inline_admin_formsets"][0].formset.forms[place].errors
    assert list(found) == [field]
    assert found[field][0] in answer.content.decode().replace("&#x27;", "'")
    assert routing.current() == before
    assert PolicyVersion.objects.count() == 1
    assert not AuditEntry.objects.filter(action="routing.changed", subject="version 2").exists()
    assert sent == []


def test_a_policy_that_somebody_else_changed_meanwhile_is_not_overwritten(
    client: Client, rows: dict[type, Any], boss: User
) -> None:
    stale = form_of(client, policy_page()) | {"spread": "off"}
    routing.load_preset("decision_tree", by=boss)
    answer = client.post(policy_page(), stale, follow=True)
    assert "somebody changed the policy meanwhile" in said(answer)[0]
    assert routing.current()["spread"] == "overload"
    assert PolicyVersion.objects.count() == 2


def test_a_rule_that_hides_another_is_warned_of(client: Client, rows: dict[type, Any]) -> None:
    change = {"rules-1-when": "page_count_over", "rules-1-threshold": "50", "rules-1-value": ""}
    answer = client.post(policy_page(), form_of(client, policy_page()) | change, follow=True)
    assert any("can never match" in message for message in said(answer))


def test_presets_are_loaded_and_versions_restored(client: Client, sent: list[str], rows: dict[type, Any]) -> None:
    messages = act(client, RoutingPolicy, "load_decision_tree", RoutingPolicy.objects.get())
    assert messages[0] == "decision_tree is in force."
    assert any("only part of its documents" in message for message in messages[1:])
    first = PolicyVersion.objects.get(number=1)
    assert act(client, PolicyVersion, "restore", first)[0] == "Version 1 is in force."
    assert routing.current() == first.policy
    assert PolicyVersion.objects.count() == 3
    assert "dispatch" in sent


def test_two_versions_cannot_both_be_restored(client: Client, rows: dict[type, Any], boss: User) -> None:
    routing.load_preset("decision_tree", by=boss)
    assert "Choose one version" in act(client, PolicyVersion, "restore", *PolicyVersion.objects.all())[0]
    assert PolicyVersion.objects.count() == 2


def test_a_version_whose_backend_is_gone_is_not_restored_and_says_why(client: Client, rows: dict[type, Any]) -> None:
    gone = PolicyVersion.objects.create(number=7, policy={**routing.current(), "default_backend": "gone"})
    (message,) = act(client, PolicyVersion, "restore", gone)
    assert "default_backend" in message
    assert routing.current()["default_backend"] == "calypso"


def test_a_first_policy_can_be_added_and_no_second(client: Client) -> None:
    builders.make_backend("calypso")
    where = url(RoutingPolicy, "add")
    filled = form_of(client, where) | {"default_backend": "calypso", "fallback_order": "calypso"}
    assert client.post(where, filled).status_code == 302
    assert routing.current()["default_backend"] == "calypso"
    assert client.get(where).status_code == 403
