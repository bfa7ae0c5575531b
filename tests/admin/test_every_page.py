"""Every page opens, for administrators alone, keeps to the content policy and shows no secret."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.test import Client

from jobs.models import ApiToken, Backend, BackendHealth, Document, IdempotencyKey, RoutingPolicy
from tests import builders
from tests.admin.pages import url

OURS = sorted(
    (m for m in admin.site._registry if m._meta.app_label in {"jobs", "auth"}), key=lambda m: m._meta.model_name or ""
)
ADDABLE = {User, Backend}
INLINE_CODE = re.compile(r"<style|\sstyle=|<script(?![^>]*\bsrc=)|\son\w+=|javascript:", re.IGNORECASE)
ELSEWHERE = re.compile(r"""(?:src|href|action)=["'](?:https?:)?//""")


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
        keeps_to_the_policy(client.get(page), page)


def keeps_to_the_policy(answer: Any, page: str) -> None:
    assert answer.status_code == 200, page
    text = answer.content.decode()
    assert INLINE_CODE.findall(text) == [], page
    assert ELSEWHERE.findall(text) == [], page
    assert "script-src 'self'" in answer["Content-Security-Policy"]


def test_the_pages_around_them_open_too(client: Client, rows: dict[type, Any]) -> None:
    mira = builders.make_user("mira")
    pages = ["/admin/", "/admin/password_change/", f"/admin/auth/user/{mira.pk}/password/"]
    pages += [f"{url(m, 'list')}{pk}/delete/" for m, pk in ((Backend, rows[Backend].pk), (User, mira.pk))]
    for page in [*pages, f"{url(Document, 'list')}{rows[Document].pk}/delete/"]:
        keeps_to_the_policy(client.get(page), page)
    asked = {"action": "delete_selected", "_selected_action": [str(rows[Document].pk)]}
    keeps_to_the_policy(client.post(url(Document, "list"), asked), "the question before documents are deleted")


@pytest.mark.parametrize("model", OURS)
@pytest.mark.parametrize("words", ["report", "0199", "5", "a'b\"c %"])
def test_every_list_can_be_searched(model: type, words: str, client: Client, rows: dict[type, Any]) -> None:
    assert client.get(url(model, "list"), {"q": words}).status_code == 200


def test_every_model_of_ours_is_there() -> None:
    inline = {"routingrule"}
    # A tag is put on and taken off where documents are; a search index and counters are nothing to look at; what was
    # measured, what costs are reckoned with, alerts, webhooks and retention rules have screens of their own.
    elsewhere = {"tag", "pagetext", "measurement", "costbasis", "alert", "alertrule", "event", "webhook", "delivery"}
    elsewhere |= {"retentionrule", "calltally", "benchmark", "adviceputoff"}
    registered = {m._meta.model_name for m in admin.site._registry if m._meta.app_label == "jobs"}
    assert {m._meta.model_name for m in apps.get_app_config("jobs").get_models()} - registered == inline | elsewhere


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


@pytest.mark.django_db
@pytest.mark.parametrize("page", ["/admin/", "/admin/jobs/backend/", "/admin/login/"])
def test_who_is_not_signed_in_is_sent_to_the_sites_own_page(page: str) -> None:
    answer = Client().get(page, follow=True)
    assert answer.redirect_chain[-1][0].startswith("/sign-in?next=/admin/")


@pytest.mark.parametrize("model", sorted(set(OURS) - {User, Backend, BackendHealth, RoutingPolicy}, key=str))
def test_what_services_write_cannot_be_written_here(model: type, client: Client, rows: dict[type, Any]) -> None:
    assert client.post(url(model, "change", rows[model]), {"status": "done", "state": "up"}).status_code == 403
    assert client.post(url(model, "add"), {}).status_code == 403


def test_no_digest_and_no_key_is_on_any_page(client: Client, rows: dict[type, Any]) -> None:
    secrets = [ApiToken.objects.get().digest, "gAAAA-ciphertext", "d" * 64]
    for model in (ApiToken, Backend, IdempotencyKey):
        text = "".join(client.get(url(model, page, rows[model])).content.decode() for page in ("list", "change"))
        assert [secret for secret in secrets if secret in text] == []
