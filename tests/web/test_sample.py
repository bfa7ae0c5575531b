"""The sample that comes with the site."""

from __future__ import annotations

import pikepdf

from jobs.views.uploads import SAMPLE
from tests.web import sample_document


def test_the_sample_is_what_its_source_draws(tmp_path):
    sample_document.draw(tmp_path / "drawn.pdf")
    with pikepdf.open(SAMPLE) as kept, pikepdf.open(tmp_path / "drawn.pdf") as drawn:
        assert [page.Contents.read_bytes() for page in kept.pages] == [
            page.Contents.read_bytes() for page in drawn.pages
        ]


def test_the_sample_is_small_and_has_three_pages():
    assert SAMPLE.stat().st_size < 60_000
    with pikepdf.open(SAMPLE) as sample:
        assert len(sample.pages) == 3
