"""Cancel, pause, resume, retry and delete, for one document and for several, with and without a script."""

from __future__ import annotations

import uuid

import pytest

from jobs.models import Document
from tests import builders

pytestmark = pytest.mark.django_db


def act(client, action, *documents, **fields):
    ids = [str(getattr(document, "pk", document)) for document in documents]
    return client.post("/documents/actions", {"action": action, "document": ids, **fields})


def status(document) -> str:
    return Document.objects.get(pk=document.pk).status


def said(client) -> list[str]:
    return [str(message) for message in client.get("/documents/").context["messages"]]


def test_pausing_and_resuming_come_back_to_the_document(client, mira):
    document = builders.make_document(mira, done=1)
    response = act(client, "pause", document, next=f"/documents/{document.pk}/")
    assert response.headers["Location"] == f"/documents/{document.pk}/"
    assert status(document) == "paused"
    act(client, "resume", document)
    assert status(document) == "processing"


def test_cancelling_asks_first_and_does_it_once_confirmed(client, mira, outline):
    document = builders.make_document(mira, name="lease.pdf", done=1)
    asked = act(client, "cancel", document)
    assert "Cancel 1 document?" in outline(asked).words
    assert "lease.pdf" in outline(asked).words
    assert status(document) == "processing"
    act(client, "cancel", document, confirmed="1")
    assert status(document) == "cancelled"


def test_several_are_deleted_at_once(client, mira):
    documents = [builders.make_document(mira, done=3) for _ in range(3)]
    response = act(client, "delete", *documents[:2], next="/documents/?state=done")
    assert response.headers["Location"] == "/documents/?state=done"
    assert said(client) == ["2 documents moved to the trash."]
    assert list(Document.objects.kept()) == documents[2:]


def test_failed_pages_are_sent_again(client, mira):
    document = builders.make_document(mira, pages=3, done=2, failed=1)
    act(client, "retry", document)
    assert status(document) == "processing"
    assert not document.pages.filter(status="failed").exists()


def test_what_cannot_be_done_is_told_and_the_others_are_done(client, mira):
    done = builders.make_document(mira, name="done.pdf", done=3)
    open_ones = [builders.make_document(mira, name=f"{n}.pdf", done=1) for n in range(2)]
    act(client, "cancel", done, *open_ones, confirmed="1")
    good, bad = said(client)
    assert good == "2 documents cancelled."
    assert "done.pdf" in bad
    assert [status(document) for document in open_ones] == ["cancelled", "cancelled"]


def test_nobody_can_touch_another_persons_document(stranger, client, mira):
    document = builders.make_document(mira, done=1)
    act(stranger, "delete", document, confirmed="1")
    act(stranger, "pause", document)
    assert status(document) == "processing"
    assert "lease" not in str(act(stranger, "delete", document).content)


@pytest.mark.parametrize("fields", [{}, {"action": "explode", "document": str(uuid.uuid4())}, {"action": "pause"}])
def test_nonsense_is_a_bad_request(client, fields):
    assert client.post("/documents/actions", fields).status_code == 400


def test_an_id_that_is_none_is_told(client):
    act(client, "pause", "not-an-id")
    assert said(client) == ["That is not a document."]


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example", "javascript:alert(1)", ""])
def test_it_never_leads_off_the_site(client, mira, elsewhere):
    response = act(client, "pause", builders.make_document(mira, done=1), next=elsewhere)
    assert response.headers["Location"] == "/documents/"


def test_it_needs_a_post(client):
    assert client.get("/documents/actions").status_code == 405
