"""bench/stock.py hands out what the rasterizer would draw, page by page, and draws each but once."""

from __future__ import annotations

import shutil

import pytest

from bench import pages, stock
from bench.one import STOCK
from jobs.gateways import rasterizer

BOX = rasterizer.PageBox(*pages.STAMP)
OTHER_BOX = rasterizer.PageBox(10, 5000)


@pytest.fixture
def drawn_anew(monkeypatch, tmp_path):
    """The numbers of the pages that were really drawn."""
    monkeypatch.setenv(STOCK, str(tmp_path / "stock"))
    numbers = []
    real = rasterizer.draw

    def draw(path, media_type, boxes, **options):
        numbers.extend(boxes)
        return real(path, media_type, boxes, **options)

    monkeypatch.setattr(stock, "_draw", draw)
    return numbers


def draw(path, boxes, folder, *, dpi=72):
    folder.mkdir(exist_ok=True)
    with stock.in_use():
        found = rasterizer.draw(path, "application/pdf", boxes, dpi=dpi, into=folder)
    shutil.rmtree(folder)  # as its user does
    return found


def test_a_page_is_drawn_once_and_found_in_another_file(drawn_anew, tmp_path):
    first = pages.stamps_pdf(tmp_path / "first.pdf", 3)
    again = pages.stamps_pdf(tmp_path / "again.pdf", 4, first=2)
    into = tmp_path / "into"
    one = draw(first, {1: BOX, 2: BOX, 3: BOX}, into)
    two = draw(again, {1: BOX, 2: BOX, 3: BOX, 4: BOX}, into)
    assert sorted(drawn_anew) == [1, 2, 3, 3, 4]
    assert [page.number for page in one] == [1, 2, 3]
    assert [page.number for page in two] == [1, 2, 3, 4]
    assert [page.path for page in one[1:]] == [page.path for page in two[:2]]
    assert len({page.path.read_bytes() for page in [*one, *two]}) == 5


def test_it_is_what_the_rasterizer_draws(drawn_anew, tmp_path):
    path = pages.stamps_pdf(tmp_path / "file.pdf", 2)
    ours = [draw(path, {2: BOX}, tmp_path / "into") for _ in range(2)][1][0]
    (tmp_path / "into").mkdir()
    (real,) = rasterizer.draw(path, "application/pdf", {2: BOX}, dpi=72, into=tmp_path / "into")
    assert ours.path.read_bytes() == real.path.read_bytes()
    assert (ours.number, ours.width_px, ours.height_px, ours.dpi, ours.ink) == (
        *(2, real.width_px, real.height_px),
        *(real.dpi, real.ink),
    )
    assert sorted(drawn_anew) == [1, 2]  # the whole file, when something of it is missing


def test_another_resolution_is_another_image_and_what_fails_is_not_kept(drawn_anew, tmp_path):
    path = pages.stamps_pdf(tmp_path / "file.pdf", 2)
    widths = [draw(path, {1: BOX}, tmp_path / "into", dpi=dpi)[0].width_px for dpi in (72, 144)]
    assert widths == [300, 600]
    for _ in range(2):
        fine, failed = draw(path, {1: BOX, 2: OTHER_BOX}, tmp_path / "into")
        assert isinstance(fine, rasterizer.DrawnPage)
        assert isinstance(failed, rasterizer.FailedPage)
    assert sorted(drawn_anew) == [1, 1, 2, 2, 2, 2]


def test_no_two_pages_of_words_are_alike_and_each_is_the_same_every_time(tmp_path):
    files = [pages.dense_pdf(tmp_path / name, 2, first=first) for name, first in (("a", 1), ("b", 2))]
    boxes = {1: rasterizer.PageBox(595, 842), 2: rasterizer.PageBox(595, 842)}
    (one, two), (two_again, three) = (stock._names(file, boxes, 200).values() for file in files)
    assert two == two_again
    assert len({one, two, three}) == 3
