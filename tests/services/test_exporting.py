"""Exports: every page in order, missing ones named, and no memory for long documents."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import pytest

from jobs import errors
from jobs.models import Document, Page
from jobs.services import exporting
from tests import builders

pytestmark = pytest.mark.django_db


def exported(document: Document, format_name: str) -> str:
    return b"".join(exporting.export(document, format_name)[2]).decode()


def one_page(mira: Any, **reading: Any) -> Document:
    document = builders.make_document(mira, pages=1, done=1)
    builders.make_reading(document.pages.get(), **reading)
    return document


def test_every_page_is_there_once_and_in_order(mira: Any) -> None:
    document = builders.make_document(mira, pages=120, done=120)
    text = exported(document, "md")
    places = [text.index(f"<!-- page {number} -->\n# Page {number}\n") for number in range(1, 121)]
    assert places == sorted(places)
    assert [page["number"] for page in json.loads(exported(document, "json"))["pages"]] == list(range(1, 121))
    assert exported(document, "txt").count("\f") == 119


def test_plain_text_comes_from_the_blocks(mira: Any) -> None:
    blocks = [{"label": "title", "boxes": [], "body": "# Results"}, {"label": "text", "boxes": [], "body": "Up."}]
    text = exported(one_page(mira, text="# Results\n\nUp.", blocks=blocks), "txt")
    assert "Results" in text and "#" not in text


def test_a_form_feed_inside_a_page_moves_no_other_page(mira: Any) -> None:
    assert exported(one_page(mira, text="a\fb"), "txt") == "a\nb\n"


def test_a_reason_cannot_end_the_comment_it_stands_in(mira: Any) -> None:
    document = builders.make_document(mira, pages=2, done=1, failed=1)
    Page.objects.filter(status="failed").update(reason="broken --> <b>here</b>\n---")
    text = exported(document, "md")
    assert text.endswith("<!-- [page 2: failed: broken -› <b›here</b› -] -->\n")


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("failed", "[page 2: failed: no reason was noted]"),
        ("quarantined", "[page 2: failed: no reason was noted]"),
        ("cancelled", "[page 2: cancelled]"),
        ("running", "[page 2: not read yet]"),
    ],
)
def test_a_page_that_is_missing_says_why(mira: Any, status: str, words: str) -> None:
    document = builders.make_document(mira, pages=2, done=1)
    Page.objects.filter(number=2).update(status=status, reason="")
    assert exported(document, "txt").endswith(f"\f{words}\n")
    assert words in exported(document, "md")


def test_a_blank_page_is_empty_not_missing(mira: Any) -> None:
    document = one_page(mira, text="", source="blank")
    assert exported(document, "md") == "<!-- page 1 -->\n\n"


def test_json_says_where_a_text_comes_from(mira: Any) -> None:
    builders.make_backend("calypso", model="deepseek-ai/DeepSeek-OCR")
    document = builders.make_document(mira, pages=2, done=2)
    builders.make_reading(document.pages.get(number=2), text="mended", source="edit", author=mira)
    first, second = json.loads(exported(document, "json"))["pages"]
    assert (first["provenance"]["source"], first["provenance"]["model"]) == ("recognized", "deepseek-ai/DeepSeek-OCR")
    assert (first["provenance"]["dpi"], first["provenance"]["finish_reason"]) == (200, "stop")
    assert (second["provenance"]["source"], second["provenance"]["author"]) == ("edit", "mira")
    assert second["provenance"]["backend"] is None


def test_json_says_how_a_page_was_read_that_was_read_again_otherwise(mira: Any) -> None:
    document = builders.make_document(mira, pages=2, done=2)
    builders.make_reading(document.pages.get(number=2), source="rerun", settings={"mode": "figure"})
    assert [page["provenance"]["mode"] for page in json.loads(exported(document, "json"))["pages"]] == [
        "markdown",
        "figure",
    ]


def test_text_that_is_no_unicode_does_not_stop_an_export(mira: Any) -> None:
    document = one_page(mira)
    page = document.pages.get()
    page.reading.text = "half a pair: \ud800"
    assert exporting.plain_text(page).encode("utf-8", "replace")


def test_the_file_is_named_after_the_document(mira: Any) -> None:
    document = builders.make_document(mira, pages=1, done=1, name="annual.report.pdf")
    assert exporting.export(document, "json")[:2] == ("application/json", "annual.report.json")


def test_nothing_done_is_not_ready_and_other_formats_are_invalid(mira: Any) -> None:
    document = builders.make_document(mira, pages=1)
    with pytest.raises(errors.NotReady):
        exporting.export(document, "md")
    with pytest.raises(errors.Invalid):
        exporting.export(document, "exe")


def test_a_long_document_takes_no_more_memory_than_a_short_one(mira: Any) -> None:
    peaks = []
    for count in (exporting.PAGES_AT_ONCE * 2, exporting.PAGES_AT_ONCE * 8):
        document = builders.make_document(mira, pages=count)
        pages = list(document.pages.order_by("number"))
        for page in pages:
            builders.make_reading(page, text="x" * 20_000)
        document.pages.update(status="done")
        tracemalloc.start()
        size = sum(len(piece) for piece in exporting.export(document, "json")[2])
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert size > count * 20_000
    assert peaks[1] < peaks[0] * 1.5
