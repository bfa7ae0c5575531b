"""The PDF's own text, page by page, from a limited child; a file that gives none costs nothing but that."""

from __future__ import annotations

import pytest

from jobs.gateways import text_layer
from jobs.gateways.limits import Limits
from tests import files, patience
from tests.gateways import fake_poppler


def test_each_page_has_its_own_text(tmp_path):
    path = files.text_pdf(tmp_path / "a.pdf", ["alpha beta", "", "gamma"])
    pages = text_layer.read_pages(path, 1, 3)
    assert pages is not None
    assert [page.split() for page in pages] == [["alpha", "beta"], [], ["gamma"]]


def test_only_the_pages_asked_for_are_read(tmp_path):
    path = files.numbered_pdf(tmp_path / "a.pdf", 5)
    pages = text_layer.read_pages(path, 2, 3)
    assert pages is not None
    assert ["2" in pages[0], "3" in pages[1], len(pages)] == [True, True, 2]


@pytest.mark.parametrize("make", [files.empty_file, files.html_file, files.truncated_pdf])
def test_a_file_that_cannot_be_read_says_nothing(make, tmp_path):
    path = make(tmp_path / "bad.pdf")
    assert text_layer.read_pages(path, 1, 50) is None


def test_pages_beyond_the_end_say_nothing(tmp_path):
    assert text_layer.read_pages(files.numbered_pdf(tmp_path / "a.pdf", 2), 1, 3) is None


def test_a_form_feed_inside_a_page_moves_no_text_to_another(tmp_path, monkeypatch):
    """Poppler parts pages with form feeds: where the count is not right, no page is believed."""
    fake_poppler.replace(monkeypatch, tmp_path, r"printf 'one\fstill one\ftwo\f'", "pdftotext")
    assert text_layer.read_pages(files.numbered_pdf(tmp_path / "a.pdf", 2), 1, 2) is None


def test_a_program_that_hangs_is_ended(tmp_path, monkeypatch):
    fake_poppler.replace(monkeypatch, tmp_path, "exec sleep 600", "pdftotext")
    path = files.numbered_pdf(tmp_path / "a.pdf", 2)
    with patience.at_most(seconds=20):
        assert text_layer.read_pages(path, 1, 2, limits=Limits(wall_seconds=0.5)) is None


def test_a_file_that_says_without_end_is_not_listened_to(tmp_path, monkeypatch):
    fake_poppler.replace(monkeypatch, tmp_path, "exec yes", "pdftotext")
    with patience.at_most(seconds=20):
        assert text_layer.read_pages(files.numbered_pdf(tmp_path / "a.pdf", 1), 1, 1) is None
