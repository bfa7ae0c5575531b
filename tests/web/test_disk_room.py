"""What the screens say while the disk is nearly full."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from tests import builders

pytestmark = pytest.mark.django_db


@pytest.fixture
def short(settings):
    settings.KEEP_FREE_BYTES = 10**18


def test_everybody_is_told_and_administrators_are_told_how_much(client, admin, mira, short, outline):
    for person, figures in ((client, False), (admin, True)):
        shown = outline(person.get("/documents/"))
        assert "The disk is nearly full: nothing new is taken in" in shown.words
        assert ("OCRSITE_KEEP_FREE_MB" in shown.words) == figures
    assert "nearly full" in outline(admin.get("/backends/")).words


def test_the_banner_comes_and_goes_with_a_poll(client, mira, settings):
    builders.make_document(mira, done=1)
    seen = client.get("/documents/").context["listing"].seen
    assert client.get("/documents/live", {"seen": seen}).status_code == 204
    settings.KEEP_FREE_BYTES = 10**18
    assert b"nearly full" in client.get("/documents/live", {"seen": seen}).content


def test_an_upload_is_refused_in_a_sentence(client, short, outline):
    file = SimpleUploadedFile("a.pdf", b"%PDF-1.7")
    response = client.post("/upload", {"file": file}, headers={"HX-Request": "true"})
    assert response.status_code == 507
    assert "nearly full" in outline(response).words


def test_there_is_no_banner_while_there_is_room(client, outline):
    assert "nearly full" not in outline(client.get("/documents/")).words
