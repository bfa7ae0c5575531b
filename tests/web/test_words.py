"""Sentences and spans as staff read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from jobs.domain.statuses import PageCounts
from jobs.views import words

NOW = datetime(2026, 3, 14, 15, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "1 s"),
        (9, "9 s"),
        (89, "89 s"),
        (90, "2 min"),
        (3540, "59 min"),
        (3600, "1 h"),
        (7800, "2 h 10 min"),
        (200_000, "2 days"),
    ],
)
def test_a_span_is_told_in_its_fitting_unit(seconds, said):
    assert words.span(seconds) == said


@pytest.mark.parametrize(
    ("before", "said"),
    [
        (timedelta(seconds=3), "just now"),
        (timedelta(minutes=2), "2 min ago"),
        (timedelta(hours=1), "1 h ago"),
        (timedelta(hours=9), "9 h ago"),
        (timedelta(hours=20), "yesterday"),
        (timedelta(days=3), "3 days ago"),
        (timedelta(days=60), "13 Jan 2026"),
    ],
)
def test_a_moment_is_told_by_how_long_ago_it_was(before, said):
    assert words.ago(NOW - before, NOW) == said


@pytest.mark.parametrize(
    ("size", "said"),
    [(812, "812 B"), (40_000, "40 kB"), (3_200_000, "3.2 MB"), (24_000_000, "24 MB"), (1_024_000_000, "1 GB")],
)
def test_sizes_are_told_in_units_people_know(size, said):
    assert words.file_size(size) == said


def document(status: str, **fields) -> SimpleNamespace:
    return SimpleNamespace(status=status, prepared=True, created_at=NOW, finished_at=None, rerun_at=None, **fields)


@pytest.mark.parametrize(
    ("status", "counts", "eta", "ahead", "said"),
    [
        ("processing", PageCounts(214, done=122, running=8), 40, 0, "214 pages · 57 % · about 40 s left"),
        ("processing", PageCounts(12, done=5, failed=1), None, 0, "12 pages · 50 % · 1 page failed"),
        ("queued", PageCounts(33), None, 2, "33 pages · 2 documents ahead"),
        ("queued", PageCounts(1), None, 0, "1 page · next in line"),
        ("paused", PageCounts(4, done=1), None, 0, "4 pages · 25 %"),
        ("partial", PageCounts(9, done=8, failed=1), None, 0, "9 pages · 1 page failed"),
        ("failed", PageCounts(2, failed=2), None, 0, "2 pages · none could be read"),
        ("cancelled", PageCounts(40, done=12, cancelled=28), None, 0, "40 pages · 12 read before it was cancelled"),
    ],
)
def test_how_far_a_document_is_fits_into_a_line(status, counts, eta, ahead, said):
    assert words.pages_line(document(status), counts, eta, ahead) == said


def test_a_finished_document_says_how_long_it_took():
    ended = {"status": "done", "prepared": True, "finished_at": NOW + timedelta(seconds=48)}
    done = SimpleNamespace(**ended, created_at=NOW, rerun_at=None)
    assert words.pages_line(done, PageCounts(61, done=61), None, 0) == "61 pages · done in 48 s"
    again = SimpleNamespace(**ended, created_at=NOW - timedelta(days=3), rerun_at=NOW)
    assert words.pages_line(again, PageCounts(61, done=61), None, 0) == "61 pages · read again in 48 s"


def test_it_is_never_a_hundred_percent_before_the_end():
    assert words.percent(PageCounts(1000, done=999)) == 99


def test_where_a_document_went_shows_a_change_of_mind():
    assert words.where({"wanted": "spark", "backend": "cpu"}) == "spark → cpu"
    assert words.where({"wanted": "cpu", "backend": "cpu"}) == "cpu"
    assert words.where(None) == ""
