"""Downloads, originals and page images: the right bytes, and headers that let nothing run."""

from __future__ import annotations

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages

from jobs import actors
from jobs.services import exporting
from tests import builders

pytestmark = pytest.mark.django_db


@pytest.fixture
def document(mira):
    return builders.make_document(mira, name="Lease Straße.pdf", pages=2, done=2)


@pytest.fixture
def long_one(mira):
    return builders.make_document(mira, pages=51, done=51)


def body(response) -> bytes:
    return b"".join(response.streaming_content)


@pytest.mark.parametrize(
    ("format", "media_type", "ending"),
    [("md", "text/markdown", ".md"), ("txt", "text/plain", ".txt"), ("json", "application/json", ".json")],
)
def test_the_result_is_downloaded_as_a_file(client, document, format, media_type, ending):
    response = client.get(f"/documents/{document.pk}/download", {"format": format})
    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith(media_type)
    assert response.headers["Content-Disposition"].startswith("attachment;")
    assert ending in response.headers["Content-Disposition"]
    assert b"This is what stands on page 2." in body(response)


def test_a_download_that_is_too_early_says_so_on_the_document(client, mira):
    document = builders.make_document(mira, pages=2)
    response = client.get(f"/documents/{document.pk}/download", follow=True)
    assert response.redirect_chain == [(f"/documents/{document.pk}/", 302)]
    assert len(list(response.context["messages"])) == 1


def test_the_original_is_only_ever_an_attachment_that_cannot_run(client, document):
    storages["documents"].save(document.original_key, ContentFile(b"%PDF-1.7 <script>alert(1)</script>"))
    response = client.get(f"/documents/{document.pk}/original")
    assert body(response) == b"%PDF-1.7 <script>alert(1)</script>"
    assert response.headers["Content-Disposition"] == "attachment; filename*=utf-8''Lease%20Stra%C3%9Fe.pdf"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert response.headers["Cache-Control"] == "private, no-store"
    assert response.headers["Cross-Origin-Resource-Policy"] == "same-origin"


def test_a_page_image_is_served_as_what_it_is(client, document):
    page = document.pages.get(number=1)
    drawn = builders.make_page_image(page)
    response = client.get(f"/documents/{document.pk}/pages/1/image")
    assert response.content == drawn
    assert response.headers["Content-Type"] == "image/jpeg"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "private" in response.headers["Cache-Control"]


def test_files_that_are_gone_are_not_found(client, document):
    assert client.get(f"/documents/{document.pk}/original").status_code == 404
    assert client.get(f"/documents/{document.pk}/pages/1/image").status_code == 404


class TestALongFile:
    def test_is_said_to_be_made_looked_for_again_and_offered(
        self, client, long_one, monkeypatch, django_capture_on_commit_callbacks
    ):
        messages: list[tuple[str, ...]] = []
        monkeypatch.setattr(actors, "send", lambda actor, *args: messages.append((actor.actor_name, *args)))
        with django_capture_on_commit_callbacks(execute=True):
            response = client.get(f"/documents/{long_one.pk}/download", {"format": "docx"})
        assert response.status_code == 202
        assert "is being made" in response.content.decode()
        again = response.headers["Refresh"].partition("url=")[2]
        assert messages == [("export", str(long_one.pk), "docx")]
        assert client.get(again).status_code == 202
        actors.export.fn(str(long_one.pk), "docx")
        offer = client.get(again)
        assert offer.status_code == 200 and "Refresh" not in offer.headers
        assert f'href="/documents/{long_one.pk}/download?format=docx"' in offer.content.decode()
        assert body(client.get(f"/documents/{long_one.pk}/download", {"format": "docx"})).startswith(b"PK")

    def test_of_somebody_else_is_not_there(self, stranger, long_one):
        assert stranger.get(f"/documents/{long_one.pk}/download", {"format": "docx"}).status_code == 404


class TestManyFiles:
    def test_come_as_one_zip(self, client, document):
        response = client.post("/documents/export", {"document": [str(document.pk)], "format": "md"})
        assert response.headers["Content-Disposition"] == 'attachment; filename="documents-md.zip"'
        assert body(response).startswith(b"PK")

    @pytest.mark.parametrize("said", [{}, {"format": "md"}, {"format": "md", "document": "x"}, {"format": "exe"}])
    def test_without_a_choice_lead_back_with_a_sentence(self, client, said):
        response = client.post("/documents/export", said, follow=True)
        assert response.redirect_chain == [("/documents/", 302)]
        assert len(list(response.context["messages"])) == 1

    def test_of_somebody_else_are_not_there(self, stranger, document):
        said = {"document": [str(document.pk)], "format": "md"}
        assert stranger.post("/documents/export", said).status_code == 404

    def test_are_offered_below_the_list_with_every_format(self, client, document):
        page = client.get("/documents/").content.decode()
        assert 'formaction="/documents/export"' in page
        assert all(f'<option value="{name}">' in page for name in exporting.FORMATS)

    def test_lead_back_to_the_list_they_were_chosen_on(self, client, mira):
        nothing_read = builders.make_document(mira, pages=2)
        said = {"document": [str(nothing_read.pk)], "format": "md", "next": "/documents/?q=lease"}
        assert client.post("/documents/export", said).headers["Location"] == "/documents/?q=lease"
        elsewhere = said | {"next": "https://example.org/"}
        assert client.post("/documents/export", elsewhere).headers["Location"] == "/documents/"

    def test_of_long_documents_are_made_by_an_actor_and_offered_then(
        self, client, document, long_one, monkeypatch, django_capture_on_commit_callbacks
    ):
        messages = []
        monkeypatch.setattr(actors, "send", lambda actor, *args: messages.append((actor.actor_name, *args)))
        said = {"document": [str(document.pk), str(long_one.pk)], "format": "docx"}
        with django_capture_on_commit_callbacks(execute=True):
            waiting = client.post("/documents/export", said)
        assert waiting.status_code == 202
        assert "are being made" in waiting.content.decode()
        assert messages == [("export", str(long_one.pk), "docx")]
        assert client.post("/documents/export", said | {"offer": "1"}).status_code == 202
        actors.export.fn(str(long_one.pk), "docx")
        offer = client.post("/documents/export", said | {"offer": "1"})
        assert offer.status_code == 200
        assert "Your files are ready" in offer.content.decode()
        assert body(client.post("/documents/export", said)).startswith(b"PK")


def test_the_menu_offers_every_format(client, document):
    page = client.get(f"/documents/{document.pk}/").content.decode()
    assert all(f"/download?format={name}" in page for name in exporting.FORMATS)
