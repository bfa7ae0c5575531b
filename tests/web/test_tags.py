"""Tags: put on and taken off from a row, from the document's page and for several at once, without a script."""

from __future__ import annotations

import uuid

import pytest

from jobs import errors
from jobs.models import Document, Tag
from jobs.services import tagging, trash
from tests import builders

pytestmark = pytest.mark.django_db


@pytest.fixture
def document(mira):
    return builders.make_document(mira, name="lease.pdf", done=3)


def tags(document) -> list[str]:
    return tagging.of([document])[document.pk]


def said(client) -> list[str]:
    return [str(message) for message in client.get("/documents/").context["messages"]]


def test_a_row_takes_a_tag_and_shows_it(client, document, outline):
    response = client.post(
        "/documents/tags", {f"tag-{document.pk}": " Contracts  2025 ", "next": "/documents/?q=lease"}
    )
    assert response.headers["Location"] == "/documents/?q=lease"
    assert tags(document) == ["Contracts 2025"]
    html = client.get("/documents/").content.decode()
    assert 'href="/documents/?tag=Contracts%202025"' in html
    assert f'value="{document.pk}:Contracts 2025"' in html
    assert "Contracts 2025" in outline(client.get(f"/documents/{document.pk}/")).words


def test_enter_in_one_row_tags_that_row_alone(client, document, mira):
    other = builders.make_document(mira, done=3)
    client.post("/documents/tags", {f"tag-{other.pk}": "", f"tag-{document.pk}": "blue"})
    assert (tags(document), tags(other)) == (["blue"], [])


def test_a_tag_is_taken_off(client, document):
    client.post("/documents/tags", {f"tag-{document.pk}": "a: b"})
    client.post("/documents/tags", {"remove": f"{document.pk}:a: b", f"tag-{document.pk}": "half written"})
    assert tags(document) == []


def test_several_are_tagged_at_once_and_untagged(client, document, mira):
    others = [builders.make_document(mira, done=3) for _ in range(2)]
    chosen = [str(one.pk) for one in (document, others[0])]
    client.post("/documents/tags", {"do": "tag", "tag": "blue", "document": chosen})
    assert said(client) == ["2 documents changed."]
    assert [tags(one) for one in (document, *others)] == [["blue"], ["blue"], []]
    client.post("/documents/tags", {"do": "untag", "tag": "BLUE", "document": chosen})
    assert not Tag.objects.exists()


def test_letter_case_makes_no_second_tag_and_twice_is_harmless(document, mira):
    for name in ("Blue", "blue", "BLUE "):
        tagging.add(document.pk, name, by=mira)
    assert tags(document) == ["Blue"]


def test_a_new_tag_reaches_whoever_watches(document, mira):
    before = Document.objects.get(pk=document.pk).revision
    tagging.add(document.pk, "blue", by=mira)
    assert Document.objects.get(pk=document.pk).revision == before + 1
    tagging.add(document.pk, "blue", by=mira)
    assert Document.objects.get(pk=document.pk).revision == before + 1


@pytest.mark.parametrize("name", ["", "   ", "\x00", "x" * 41])
def test_what_is_no_tag_is_told(client, document, name):
    client.post("/documents/tags", {"do": "tag", "tag": name, "document": str(document.pk)})
    assert len(said(client)) == 1
    assert tags(document) == []


def test_a_document_has_twenty_at_most(document, mira):
    for number in range(20):
        tagging.add(document.pk, f"t{number}", by=mira)
    with pytest.raises(errors.Invalid, match="20 tags already"):
        tagging.add(document.pk, "one more", by=mira)


def test_nobody_tags_anothers_document(stranger, client, document):
    stranger.post("/documents/tags", {f"tag-{document.pk}": "mine"})
    assert said(stranger) == ["There is no such document."]
    assert tags(document) == []


def test_nobody_is_offered_anothers_tags(stranger, client, document, mira):
    tagging.add(document.pk, "quokka", by=mira)
    assert "quokka" in client.get("/documents/filter").content.decode()
    assert "quokka" not in stranger.get("/documents/filter").content.decode()


def test_a_tag_cannot_inject_markup(client, document, mira):
    tagging.add(document.pk, "<img src=x onerror=1>", by=mira)
    for address in ("/documents/", f"/documents/{document.pk}/", "/documents/filter"):
        assert b"<img src=x" not in client.get(address).content


@pytest.mark.parametrize(
    "fields",
    [{}, {"do": "tag", "tag": "x"}, {"remove": "nonsense"}, {"tag-nonsense": "x"}, {"remove": f"{uuid.uuid4()}:x"}],
)
def test_nonsense_is_told_and_changes_nothing(client, document, fields):
    assert client.post("/documents/tags", fields).status_code == 302
    assert len(said(client)) == 1
    assert not Tag.objects.exists()


def test_it_never_leads_off_the_site(client, document):
    response = client.post("/documents/tags", {f"tag-{document.pk}": "x", "next": "https://evil.example/"})
    assert response.headers["Location"] == "/documents/"


def test_tags_go_with_their_document(client, document, mira):
    tagging.add(document.pk, "blue", by=mira)
    client.post("/documents/actions", {"action": "delete", "document": str(document.pk)})
    assert tagging.in_use(mira) == []
    trash.delete_for_good(document.pk, by=mira)
    trash.finish()
    assert not Tag.objects.exists()
