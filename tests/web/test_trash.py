"""Undo right after deleting, and the trash as a screen."""

from __future__ import annotations

import pytest

from jobs.gateways import storage
from jobs.models import Document
from jobs.services import trash
from tests import builders

pytestmark = pytest.mark.django_db


def act(client, action, *documents, **fields):
    return client.post("/documents/actions", {"action": action, "document": [str(d.pk) for d in documents], **fields})


def test_deleting_asks_nothing_and_offers_to_take_it_back(client, mira, outline):
    document = builders.make_document(mira, done=3)
    response = act(client, "delete", document, next=f"/documents/{document.pk}/")
    assert response.headers["Location"] == "/documents/", "its own page is not there any more"
    shown = outline(client.get("/documents/"))
    assert "1 document moved to the trash." in shown.words
    assert ("input", {"type": "hidden", "name": "document", "value": str(document.pk)}) in shown.elements
    assert client.get(f"/documents/{document.pk}/").status_code == 404
    act(client, "restore", document)
    assert "1 document restored." in outline(client.get("/documents/")).words
    assert client.get(f"/documents/{document.pk}/").status_code == 200


def test_other_messages_offer_no_undo(client, mira, outline):
    document = builders.make_document(mira, pages=2, done=1, failed=1)
    act(client, "retry", document)
    assert "Undo" not in outline(client.get("/documents/")).words


def test_deleting_for_good_asks_first_and_says_how_much_goes(client, mira, outline):
    document = builders.make_document(mira, name="lease.pdf", done=3)
    storage.save_bytes(document.original_key, b"x" * 1200)
    trash.put(document.pk, by=mira)
    asked = outline(act(client, "purge", document, next="/trash/"))
    assert "Delete 1 document for good? lease.pdf" in asked.words
    assert trash.contents(mira).exists()
    act(client, "purge", document, confirmed="1", next="/trash/")
    shown = outline(client.get("/trash/"))
    assert "1 document deleted for good: 1 file, 1 kB." in shown.words
    assert "The trash is empty" in shown.words
    assert Document.objects.get().purging


def test_the_trash_shows_ones_own_documents_and_when_they_go(client, mira, outline, settings):
    settings.TRASH_DAYS = 14
    for owner, name in ((mira, "mine.pdf"), (builders.make_user("okafor"), "theirs.pdf")):
        document = builders.make_document(owner, name=name, done=3)
        storage.save_bytes(document.original_key, b"x" * 40_000)
        trash.put(document.pk, by=owner)
    shown = outline(client.get("/trash/"))
    assert "stays here for 14 days" in shown.words
    assert "mine.pdf you · 3 pages" in shown.words
    assert "14 days left 1 file, 40 kB" in shown.words
    assert "theirs.pdf" not in shown.words


def test_administrators_see_everybodys_trash(admin, mira, outline):
    document = builders.make_document(mira, name="mine.pdf", done=3)
    trash.put(document.pk, by=mira)
    assert "mine.pdf mira" in outline(admin.get("/trash/")).words


def test_nobody_empties_anothers_trash(stranger, mira):
    document = builders.make_document(mira, done=3)
    trash.put(document.pk, by=mira)
    act(stranger, "purge", document, confirmed="1")
    act(stranger, "restore", document)
    assert list(trash.contents(mira)) == [document]


def test_an_earlier_copy_in_the_trash_is_offered_by_no_link(client, mira, outline):
    first = builders.make_document(mira, done=3)
    second = builders.make_document(mira, done=3, duplicate_of=first)
    assert "read before" in outline(client.get(f"/documents/{second.pk}/")).words
    trash.put(first.pk, by=mira)
    assert "read before" not in outline(client.get(f"/documents/{second.pk}/")).words
