"""Django's admin: every page opens for administrators alone, and saving goes through the services."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone

from jobs import actors
from jobs.domain import presets
from jobs.models import (
    ApiToken,
    AuditEntry,
    Backend,
    BackendHealth,
    ClockLease,
    Document,
    HealthSample,
    IdempotencyKey,
    PolicyVersion,
    RoutingPolicy,
)
from jobs.services import access, routing
from tests import builders

pytestmark = pytest.mark.django_db
OURS = sorted(
    (m for m in admin.site._registry if m._meta.app_label in {"jobs", "auth"}), key=lambda m: m._meta.model_name or ""
)
ADDABLE = {User, Backend}
INLINE_CODE = re.compile(r"<style|\sstyle=|<script(?![^>]*\bsrc=)|\son\w+=|javascript:", re.IGNORECASE)
ELSEWHERE = re.compile(r"""(?:src|href|action)=["'](?:https?:)?//""")


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What would have been sent to the broker."""
    names: list[str] = []
    monkeypatch.setattr(actors, "dispatch_soon", lambda: names.append("dispatch"))
    return names


@pytest.fixture
def boss() -> User:
    user: User = builders.make_user("boss", admin=True)
    return user


@pytest.fixture
def client(boss: User, sent: list[str]) -> Client:
    client = Client()
    client.force_login(boss)
    return client


@pytest.fixture
def rows(boss: User) -> dict[type, Any]:
    """One row of each model."""
    gpu = builders.make_backend("calypso", encrypted_api_key="gAAAA-ciphertext")
    builders.make_backend("spark", lifecycle="planned", base_url="http://127.0.0.1:9002")
    routing.save(presets.POLICIES["hybrid"], by=boss)
    document = builders.make_document(boss, pages=3, done=1, failed=1, running=1)
    page = document.pages.get(number=1)
    lease = builders.make_lease(document.pages.get(number=3), gpu)
    token, _ = access.create_token(boss, name="scanner", days=3, scope="read")
    made = [
        gpu,
        gpu.health,
        document,
        page,
        page.reading,
        page.attempts.get(),
        lease,
        token,
        boss,
        HealthSample.objects.create(backend=gpu, state="up"),
        IdempotencyKey.objects.create(user=boss, key="k-1", body_digest="d" * 64, document=document),
        ClockLease.objects.create(name="clock", holder="here", expires_at=timezone.now()),
        AuditEntry.objects.first(),
        RoutingPolicy.objects.get(),
        PolicyVersion.objects.get(),
    ]
    return {type(row): row for row in made}


def url(model: type, page: str, row: Any = None) -> str:
    where = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"  # type: ignore[attr-defined]
    return where + {"list": "", "add": "add/", "change": f"{row.pk if row else ''}/change/"}[page]


def act(client: Client, model: type, action: str, *rows: Any) -> list[str]:
    """Does an action of the list and gives the messages that follow."""
    answer = client.post(url(model, "list"), {"action": action, "_selected_action": [row.pk for row in rows]})
    assert answer.status_code == 302
    return said(client.get(answer["Location"]))


def said(answer: Any) -> list[str]:
    return [str(message) for message in answer.context["messages"]]


def form_of(client: Client, where: str) -> dict[str, Any]:
    """What a browser would send if somebody opened the page and pressed Save."""
    context = client.get(where).context
    forms = [context["adminform"].form]
    for formset in (inline.formset for inline in context["inline_admin_formsets"]):
        forms += [formset.management_form, *formset.forms]
    values = {bound.html_name: bound.value() for form in forms for bound in form}
    return {name: value for name, value in values.items() if value is not None and value is not False}


# ---- every page


@pytest.mark.parametrize("model", OURS)
def test_every_page_opens_and_keeps_to_the_content_policy(model: type, client: Client, rows: dict[type, Any]) -> None:
    assert model in rows, "this model has no row to try"
    row = rows[model]
    pages = [url(model, "list"), url(model, "change", row), f"{url(model, 'list')}{row.pk}/history/"]
    if model in ADDABLE:
        pages.append(url(model, "add"))
    else:
        assert client.get(url(model, "add")).status_code == 403
    for page in pages:
        answer = client.get(page)
        assert answer.status_code == 200, page
        text = answer.content.decode()
        assert INLINE_CODE.findall(text) == [], page
        assert ELSEWHERE.findall(text) == [], page
        assert "script-src 'self'" in answer["Content-Security-Policy"]


@pytest.mark.parametrize("model", OURS)
@pytest.mark.parametrize("words", ["report", "0199", "5", "a'b\"c %"])
def test_every_list_can_be_searched(model: type, words: str, client: Client, rows: dict[type, Any]) -> None:
    assert client.get(url(model, "list"), {"q": words}).status_code == 200


def test_every_model_of_ours_is_there() -> None:
    from django.apps import apps

    inline = {"routingrule"}
    registered = {m._meta.model_name for m in admin.site._registry if m._meta.app_label == "jobs"}
    assert {m._meta.model_name for m in apps.get_app_config("jobs").get_models()} - registered == inline


@pytest.mark.parametrize("model", OURS)
def test_staff_see_nothing_whatever_permissions_they_were_given(
    model: type, sent: list[str], rows: dict[type, Any]
) -> None:
    mira = builders.make_user("mira", is_staff=True)
    mira.user_permissions.set(Permission.objects.all())
    client = Client()
    client.force_login(mira)
    for page in (url(model, "list"), url(model, "change", rows[model])):
        answer = client.get(page)
        assert answer.status_code == 403, page
        assert "127.0.0.1:9001" not in answer.content.decode()
    assert url(model, "list") not in client.get("/admin/").content.decode()


def test_who_is_not_signed_in_is_sent_to_sign_in() -> None:
    answer = Client().get("/admin/jobs/backend/")
    assert answer.status_code == 302
    assert "next=" in answer["Location"]


@pytest.mark.parametrize("model", sorted(set(OURS) - {User, Backend, BackendHealth, RoutingPolicy}, key=str))
def test_what_services_write_cannot_be_written_here(model: type, client: Client, rows: dict[type, Any]) -> None:
    assert client.post(url(model, "change", rows[model]), {"status": "done", "state": "up"}).status_code == 403
    assert client.post(url(model, "add"), {}).status_code == 403


def test_no_digest_and_no_key_is_on_any_page(client: Client, rows: dict[type, Any]) -> None:
    secrets = [ApiToken.objects.get().digest, "gAAAA-ciphertext", "d" * 64]
    for model in (ApiToken, Backend, IdempotencyKey):
        text = "".join(client.get(url(model, page, rows[model])).content.decode() for page in ("list", "change"))
        assert [secret for secret in secrets if secret in text] == []


# ---- backends


def new_backend(**fields: Any) -> dict[str, Any]:
    return {
        "name": "gpu-1", "base_url": "http://127.0.0.1:9003", "model": "deepseek-ai/DeepSeek-OCR",
        "model_profile": "deepseek-ocr", "kind": "gpu", "slots": 4, "queue_ahead": 1, "max_model_len": 8192,
        "default_dpi": 200, "max_dpi": 200, "hardware": "{}", "launch": "{}", "expected": "{}", "costs": "{}",
        "notes": "", "health-TOTAL_FORMS": 0, "health-INITIAL_FORMS": 0,
    } | fields  # fmt: skip


def wrong(answer: Any) -> dict[str, list[str]]:
    assert answer.status_code == 200
    return dict(answer.context["adminform"].form.errors)


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


# ---- health


def test_faults_are_forgotten_by_the_service(client: Client, sent: list[str], rows: dict[type, Any]) -> None:
    health = rows[BackendHealth]
    BackendHealth.objects.filter(pk=health.pk).update(
        state="down", breaker="open", reason="no answer", circuit={"state": "open", "failures": 3, "openings": 2}
    )
    assert act(client, BackendHealth, "forget_faults", health) == ["The faults of calypso are forgotten."]
    health.refresh_from_db()
    assert (health.state, health.breaker, health.reason) == ("up", "closed", "")
    assert health.circuit["openings"] == 0
    assert "dispatch" in sent
    assert AuditEntry.objects.filter(action="backend.breaker_closed", subject="calypso").exists()


def test_a_breaker_is_opened_and_closed_by_hand(client: Client, rows: dict[type, Any]) -> None:
    health = rows[BackendHealth]
    where = url(BackendHealth, "change", health)
    assert client.post(where, form_of(client, where) | {"breaker": "open", "state": "hung"}).status_code == 302
    health.refresh_from_db()
    assert (health.state, health.breaker) == ("down", "open")
    assert "boss" in health.reason and health.retry_at > timezone.now()
    assert client.post(where, form_of(client, where) | {"breaker": "closed"}).status_code == 302
    health.refresh_from_db()
    assert (health.state, health.breaker) == ("up", "closed")


# ---- routing


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


# ---- documents, tokens, people


def test_a_document_is_deleted_by_its_service(client: Client, sent: list[str], rows: dict[type, Any]) -> None:
    document = rows[Document]
    where = f"{url(Document, 'list')}{document.pk}/delete/"
    assert client.get(where).status_code == 200
    assert client.post(where, {"post": "yes"}).status_code == 302
    assert not Document.objects.filter(pk=document.pk).exists()
    assert AuditEntry.objects.filter(action="document.deleted", subject=str(document.pk)).exists()


def test_several_documents_are_deleted_at_once(client: Client, boss: User) -> None:
    two = [builders.make_document(boss, pages=1, done=1) for _ in range(2)]
    selected = {"action": "delete_selected", "_selected_action": [str(d.pk) for d in two]}
    assert client.post(url(Document, "list"), selected).status_code == 200
    assert Document.objects.count() == 2, "first it asks"
    client.post(url(Document, "list"), selected | {"post": "yes"})
    assert not Document.objects.exists()
    assert AuditEntry.objects.filter(action="document.deleted").count() == 2


def test_documents_are_cancelled_by_their_service_one_by_one(client: Client, boss: User) -> None:
    done = builders.make_document(boss, pages=1, done=1, name="done.pdf")
    open_ = builders.make_document(boss, pages=2, done=1, name="open.pdf")
    messages = act(client, Document, "cancel", done, open_)
    assert sorted(messages) == sorted(
        ["“open.pdf” is cancelled.", "“done.pdf” is done already: there is nothing to cancel."]
    )


def test_a_token_is_revoked_by_its_service(client: Client, rows: dict[type, Any]) -> None:
    assert "works no more" in act(client, ApiToken, "revoke", rows[ApiToken])[0]
    assert ApiToken.objects.get().revoked_at is not None
    assert AuditEntry.objects.filter(action="token.revoked").exists()


def test_who_has_documents_is_not_deleted(client: Client, rows: dict[type, Any]) -> None:
    with_documents = f"{url(User, 'list')}{rows[User].pk}/delete/"
    assert client.post(with_documents, {"post": "yes"}).status_code == 403
    without = builders.make_user("leaver")
    access.create_token(without, name="old", days=1, scope="read")
    client.post(f"{url(User, 'list')}{without.pk}/delete/", {"post": "yes"})
    assert set(User.objects.values_list("username", flat=True)) == {"boss"}
