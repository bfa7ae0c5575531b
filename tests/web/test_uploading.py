"""Uploading from the page: a fragment for each file; and a plain form for browsers without scripts."""

from __future__ import annotations

import pytest

from jobs.models import Document
from tests import builders, files

pytestmark = pytest.mark.django_db
SCRIPT = {"HX-Request": "true"}


@pytest.fixture
def pdf(tmp_path):
    return files.numbered_pdf(tmp_path / "report.pdf", 3)


def send(client, *paths, script=True, **fields):
    opened = [path.open("rb") for path in paths]
    try:
        return client.post("/upload", {"file": opened, **fields}, headers=SCRIPT if script else {})
    finally:
        for file in opened:
            file.close()


def said(response) -> list[str]:
    return [str(message) for message in response.context["messages"]]


def test_a_file_becomes_a_row(client, pdf, mira):
    response = send(client, pdf)
    assert response.status_code == 200
    [document] = Document.objects.all()
    assert (document.owner, document.name, document.page_count) == (mira, "report.pdf", 3)
    assert f'<tr id="d{document.pk}"' in response.content.decode()


def test_options_go_with_it(client, pdf):
    send(
        client, pdf, priority="high", purpose="development", sla="on", mode="text", pages="1-2", language="deu", dpi=300
    )
    [document] = Document.objects.all()
    assert (document.priority, document.purpose, document.sla, document.mode) == ("high", "development", True, "text")
    assert (document.page_range, document.page_count, document.language, document.dpi) == ("1-2", 2, "deu", 300)


def test_the_form_says_what_resolution_is_of_use(client, outline):
    page = outline(client.get("/documents/"))
    assert "DeepSeek-OCR gains nothing beyond about 200 dpi" in page.words
    assert "id_dpi_helptext" in page.ids()
    assert page.with_id("id_dpi")["aria-describedby"] == "id_dpi_helptext"


def test_what_is_no_document_is_refused_in_a_sentence_and_not_kept(client, tmp_path):
    response = send(client, files.html_file(tmp_path / "page.html"))
    assert response.status_code == 422
    assert 'data-refused="unsupported_type"' in response.content.decode()
    assert not Document.objects.exists()


def test_a_locked_file_asks_for_its_password_and_opens_with_it(client, tmp_path):
    locked = files.locked_pdf(tmp_path / "locked.pdf", user="open sesame")
    refused = send(client, locked).content.decode()
    assert 'data-refused="password_required"' in refused
    assert 'type="password"' in refused
    assert 'data-refused="wrong_password"' in send(client, locked, password="wrong").content.decode()
    assert send(client, locked, password="open sesame").status_code == 200
    assert Document.objects.count() == 1


def test_a_wrong_option_is_refused_naming_its_field(client, pdf):
    response = send(client, pdf, dpi=5000)
    assert response.status_code == 422
    assert "Resolution" in response.content.decode()


def test_a_page_range_that_the_file_does_not_have_is_refused(client, pdf):
    response = send(client, pdf, pages="7-9")
    assert response.status_code == 422
    assert not Document.objects.exists()


def test_the_same_file_again_offers_the_earlier_result_and_makes_nothing_new(client, pdf, mira):
    send(client, pdf)
    [first] = Document.objects.all()
    response = send(client, pdf)
    page = response.content.decode()
    assert response.status_code == 200
    assert "You uploaded the same file" in page
    assert f'href="/documents/{first.pk}/"' in page
    assert "Read it again" in page
    assert list(Document.objects.all()) == [first]


def test_reading_it_again_makes_a_new_run_of_the_earlier_one(client, pdf):
    send(client, pdf)
    [first] = Document.objects.all()
    response = client.post("/documents/actions", {"action": "run_again", "document": str(first.pk)}, follow=True)
    assert response.status_code == 200
    assert Document.objects.get(duplicate_of=first).page_count == 3


def test_a_file_announced_as_larger_than_allowed_is_refused_unread(client, pdf, settings):
    settings.MAX_UPLOAD_BYTES = 500_000
    response = client.post("/upload", {"file": b"x" * 2_000_000}, headers=SCRIPT)
    assert response.status_code == 422
    assert 'data-refused="too_large"' in response.content.decode()


def test_without_a_script_several_files_are_taken_and_each_refusal_is_told(client, pdf, tmp_path):
    html = files.html_file(tmp_path / "page.pdf")
    response = send(client, pdf, html, script=False)
    assert response.status_code == 302
    assert response.headers["Location"] == "/documents/"
    taken, refused = said(client.get("/documents/"))
    assert "“report.pdf” was uploaded" in taken
    assert refused.startswith("“page.pdf”: ")
    assert Document.objects.count() == 1


def test_without_a_script_no_file_is_told_too(client):
    response = client.post("/upload", {}, follow=True)
    assert said(response) == ["Choose at least one file first."]


def test_uploading_needs_the_forms_own_token(mira, pdf):
    from django.test import Client

    strict = Client(enforce_csrf_checks=True)
    strict.force_login(mira)
    assert send(strict, pdf).status_code == 403
    assert not Document.objects.exists()


def test_the_sample_is_read_and_a_second_time_its_result_is_opened(client):
    first = client.post("/documents/sample")
    [document] = Document.objects.all()
    assert document.page_count == 3
    assert first.headers["Location"] == f"/documents/{document.pk}/"
    assert client.post("/documents/sample").headers["Location"] == f"/documents/{document.pk}/"
    assert Document.objects.count() == 1


def test_two_people_may_upload_the_same_file(client, pdf):
    from django.test import Client

    send(client, pdf)
    other = Client()
    other.force_login(builders.make_user("okafor"))
    assert "same file" not in send(other, pdf).content.decode()
    assert Document.objects.count() == 2
