"""Documents, tokens and people: what may be done to them is done by their services."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.test import Client

from jobs.models import ApiToken, AuditEntry, Document
from jobs.services import access
from tests import builders
from tests.admin.pages import act, url


def test_a_document_is_deleted_by_its_service(client: Client, sent: list[str], rows: dict[type, Any]) -> None:
    document = rows[Document]
    where = f"{url(Document, 'list')}{document.pk}/delete/"
    assert client.get(where).status_code == 200
    assert client.post(where, {"post": "yes"}).status_code == 302
    assert not Document.objects.kept().filter(pk=document.pk).exists()
    assert client.get(where).status_code == 302, "the admin does not show what lies in the trash"
    assert AuditEntry.objects.filter(action="document.trashed", subject=str(document.pk)).exists()


def test_several_documents_are_deleted_at_once(client: Client, boss: User) -> None:
    two = [builders.make_document(boss, pages=1, done=1) for _ in range(2)]
    selected = {"action": "delete_selected", "_selected_action": [str(d.pk) for d in two]}
    assert client.post(url(Document, "list"), selected).status_code == 200
    assert Document.objects.count() == 2, "first it asks"
    client.post(url(Document, "list"), selected | {"post": "yes"})
    assert not Document.objects.kept().exists()
    assert AuditEntry.objects.filter(action="document.trashed").count() == 2


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
