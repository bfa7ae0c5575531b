"""One page: its image beside its text."""

from __future__ import annotations

import re

import pytest

from tests import builders

pytestmark = pytest.mark.django_db


def screen(client, document, number, query=""):
    return client.get(f"/documents/{document.pk}/pages/{number}/{query}")


@pytest.fixture
def document(mira):
    document = builders.make_document(mira, pages=5, done=3)
    builders.make_reading(
        document.pages.get(number=2),
        text="# Cash\n\n| Bank | Line |\n|---|---|\n| North | 15.0 |\n\n<b>bold</b> <script>alert(1)</script>",
        raw="<|ref|>title<|/ref|><|det|>[[1, 2, 3, 4]]<|/det|>\nCash",
    )
    return document


def test_a_read_page_shows_its_image_and_its_text(client, document):
    html = screen(client, document, 2).content.decode()
    assert f'src="/documents/{document.pk}/pages/2/image?at=200"' in html
    assert "<h1>Cash</h1>" in html
    assert "<td>North</td>" in html


def test_recognised_text_cannot_bring_a_script(client, document):
    html = screen(client, document, 2).content.decode()
    assert "<script>alert" not in html
    source = screen(client, document, 2, "?view=source").content.decode()
    assert "<script>alert" not in source
    assert "&lt;script&gt;alert" in source


def test_the_source_and_the_models_own_output_can_be_seen(client, document):
    assert "| North | 15.0 |" in screen(client, document, 2, "?view=source").content.decode()
    assert "&lt;|ref|&gt;title" in screen(client, document, 2, "?view=output").content.decode()


def test_the_pages_around_it_are_one_step_away(client, document, outline):
    links = {
        e[1]["rel"]: e[1]["href"]
        for e in outline(screen(client, document, 2)).elements
        if e[1].get("rel") in ("prev", "next")
    }
    assert links == {"prev": f"/documents/{document.pk}/pages/1/", "next": f"/documents/{document.pk}/pages/3/"}
    first = outline(screen(client, document, 1)).elements
    assert not [e for e in first if e[1].get("rel") == "prev"]


def test_a_step_keeps_the_way_the_text_is_shown(client, document):
    assert (
        f'href="/documents/{document.pk}/pages/3/?view=source"'
        in screen(client, document, 2, "?view=source").content.decode()
    )


def test_a_page_that_does_not_exist_is_not_found(client, document):
    assert screen(client, document, 6).status_code == 404


def test_a_page_that_waits_says_so(client, document, outline):
    assert "Its turn comes soon" in outline(screen(client, document, 4)).words


def test_a_failed_page_says_why_and_what_was_tried(client, mira, outline):
    document = builders.make_document(mira, pages=2, done=1, failed=1)
    words = outline(screen(client, document, 2)).words
    assert "No host could read it: three tries timed out." in words
    assert "the host did not answer within 180 seconds" in words


def test_a_page_read_elsewhere_than_its_document_wanted_says_why(client, mira, outline):
    document = builders.make_document(mira, pages=1, done=1)
    page = document.pages.get()
    page.attempts.all().delete()
    why = "7 pages of others ahead at calypso, over 5 → spark"
    decision = {"backend": "spark", "wanted": "calypso", "rule": "Default overloaded", "reason": why}
    builders.make_attempt(page, backend="spark", decision=decision)
    assert why in outline(screen(client, document, 1)).words


def test_a_page_read_where_its_document_wanted_does_not_repeat_the_documents_reason(client, mira, outline):
    document = builders.make_document(mira, pages=1, done=1)
    page = document.pages.get()
    page.attempts.all().delete()
    why = "25 pages, over 20 → spark"
    decision = {"backend": "spark", "wanted": "spark", "rule": "Large document", "reason": why}
    builders.make_attempt(page, backend="spark", decision=decision)
    assert why not in outline(screen(client, document, 1)).words


def test_a_blank_page_says_so(client, mira, outline):
    document = builders.make_document(mira, pages=1, done=1)
    document.pages.update(reason="blank")
    assert "This page is blank." in outline(screen(client, document, 1)).words


def test_a_page_that_needs_a_look_says_why_above_its_text(client, mira, outline):
    document = builders.make_document(mira, pages=1, done=1, review=1)
    document.pages.update(reason="The text may be cut off.")
    assert "The text may be cut off." in outline(screen(client, document, 1)).words


def test_its_text_arrives_by_a_poll(client, document, outline):
    before = screen(client, document, 4).content.decode()
    seen = re.search(r'data-seen="(\w+)"', before)[1]
    address = f"/documents/{document.pk}/pages/4/live"
    assert client.get(address, {"seen": seen}).status_code == 204
    page = document.pages.get(number=4)
    document.pages.filter(number=4).update(status="done", image_width_px=1654, image_height_px=2339)
    builders.make_reading(page, text="It has come.")
    assert "It has come." in outline(client.get(address, {"seen": seen})).words
