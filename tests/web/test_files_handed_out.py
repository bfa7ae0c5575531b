"""Downloads, originals and page images: the right bytes, and headers that let nothing run."""

from __future__ import annotations

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages

from tests import builders

pytestmark = pytest.mark.django_db


@pytest.fixture
def document(mira):
    return builders.make_document(mira, name="Lease Straße.pdf", pages=2, done=2)


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
    assert body(response) == drawn
    assert response.headers["Content-Type"] == "image/jpeg"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "private" in response.headers["Cache-Control"]


def test_files_that_are_gone_are_not_found(client, document):
    assert client.get(f"/documents/{document.pk}/original").status_code == 404
    assert client.get(f"/documents/{document.pk}/pages/1/image").status_code == 404
