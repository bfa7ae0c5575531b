"""Pages that were trouble elsewhere: each is drawn or fails with a sentence. The cases of docs/reliability.md."""

from __future__ import annotations

import select
import socket
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from jobs.gateways import rasterizer, text_layer
from jobs.gateways.rasterizer import DEFAULT, DrawnPage, FailedPage, Limits
from tests import files, hostile_files
from tests.gateways import fake_poppler

DPI = 72


def draw(path: Path, *, dpi: int = DPI, limits: Limits = DEFAULT) -> dict[int, DrawnPage | FailedPage]:
    found = rasterizer.inspect(path, max_pages=100, clear_copy=path.parent / "clear.pdf", limits=limits)
    into = path.parent / "drawn"
    into.mkdir()
    results = rasterizer.draw(
        path, found.media_type, dict(enumerate(found.pages, 1)), dpi=dpi, into=into, limits=limits
    )
    return {result.number: result for result in results}


def size(result: DrawnPage | FailedPage) -> tuple[int, int]:
    """Of the image itself. Fails where the page is not drawn, or shows nothing."""
    assert isinstance(result, DrawnPage), result
    assert result.ink > 0
    with Image.open(result.path) as image:
        return image.size


def is_dark(result: DrawnPage | FailedPage, across: float, down: float) -> bool:
    """At a place given as shares of width and height."""
    assert isinstance(result, DrawnPage), result
    with Image.open(result.path) as image:
        shade = image.convert("L").getpixel((int(across * image.width), int(down * image.height)))
    assert isinstance(shade, int)
    return shade < 128


# ---- boxes


@pytest.mark.parametrize("side_pt", [14_400, 200_000, 10**9])
def test_a_giant_page_is_drawn_smaller(tmp_path: Path, side_pt: int) -> None:
    """P07: never as one pixel, and never larger than allowed."""
    page = draw(hostile_files.boxes_pdf(tmp_path / "a.pdf", [(side_pt, side_pt)]), dpi=200)[1]
    width, height = size(page)
    assert 3000 < width == height <= DEFAULT.max_side_px
    assert [is_dark(page, 0.25, 0.75), is_dark(page, 0.75, 0.25)] == [True, False]


def test_a_page_without_a_size_is_not_one_pixel(tmp_path: Path) -> None:
    """P07: where a box is nothing at all, poppler takes letter paper; where one side is none, there is no page."""
    results = draw(hostile_files.boxes_pdf(tmp_path / "a.pdf", [(0, 0), (0, 800), (100, 200)]))
    assert size(results[1]) == (612, 792)
    assert results[2] == FailedPage(2, rasterizer.NO_AREA)
    assert size(results[3]) == (100, 200)


def test_a_sliver_is_no_page_and_a_long_strip_is_one(tmp_path: Path) -> None:
    """P10"""
    results = draw(hostile_files.boxes_pdf(tmp_path / "a.pdf", [(1, 14_400), (100, 1000)]))
    assert results[1] == FailedPage(1, rasterizer.TOO_NARROW.format(aspect=20))
    assert size(results[2]) == (100, 1000)


def test_what_lies_outside_the_crop_box_is_not_drawn(tmp_path: Path) -> None:
    """P11: the picture is that of the crop box, and the black all around it is not in it."""
    page = draw(files.cropped_pdf(tmp_path / "a.pdf"))[1]
    assert isinstance(page, DrawnPage)
    with Image.open(page.path) as image:
        assert (image.size, image.convert("L").getextrema()[0] > 250) == ((300, 400), True)


def test_a_turned_page_is_upright(tmp_path: Path) -> None:
    """P12"""
    for page in draw(files.rotated_pdf(tmp_path / "a.pdf")).values():
        assert [is_dark(page, 0.5, 0.03), is_dark(page, 0.5, 0.97)] == [True, False]


# ---- circles and bombs


def test_a_page_tree_that_is_its_own_branch_comes_to_an_end(tmp_path: Path) -> None:
    """P13"""
    results = draw(hostile_files.page_circle_pdf(tmp_path / "a.pdf"))
    assert size(results[1]) == (300, 400)
    assert results[2] == FailedPage(2, rasterizer.NO_AREA)


def test_a_drawing_that_draws_itself_comes_to_an_end(tmp_path: Path) -> None:
    """P13"""
    assert size(draw(hostile_files.drawing_circle_pdf(tmp_path / "a.pdf"))[1]) == (300, 400)


@pytest.mark.parametrize("make", [hostile_files.fax_bomb_pdf, hostile_files.picture_bomb_pdf])
def test_a_picture_of_a_thousand_megapixels_in_a_few_kilobytes_is_drawn(tmp_path: Path, make) -> None:
    """P08: within the memory of any other page."""
    path = make(tmp_path / "a.pdf")
    assert path.stat().st_size < 10_000
    assert size(draw(path)[1]) == (300, 400)


def test_a_picture_that_takes_too_long_is_too_complex(tmp_path: Path) -> None:
    """P08"""
    path = hostile_files.picture_bomb_pdf(tmp_path / "a.pdf", side_px=60_000)
    assert draw(path, limits=replace(DEFAULT, cpu_seconds=1)) == {1: FailedPage(1, rasterizer.TOO_COMPLEX)}


def test_a_picture_that_takes_too_much_memory_is_no_page(tmp_path: Path) -> None:
    """P08: 312 MB of it, where 300 are allowed."""
    path = hostile_files.fax_bomb_pdf(tmp_path / "a.pdf", side_px=50_000)
    assert draw(path, limits=replace(DEFAULT, memory_bytes=300_000_000)) == {1: FailedPage(1, rasterizer.TOO_COMPLEX)}


@pytest.mark.parametrize("make", [hostile_files.content_bomb_pdf, lambda path: files.bomb_pdf(path, pages=1, bomb=1)])
def test_a_page_that_never_gets_done_is_too_complex(tmp_path: Path, make) -> None:
    """P09: three hundred megabytes of drawing orders, or a thousand million drawings in one another."""
    path = make(tmp_path / "a.pdf")
    assert path.stat().st_size < 1_000_000
    assert draw(path, limits=replace(DEFAULT, cpu_seconds=1)) == {1: FailedPage(1, rasterizer.TOO_COMPLEX)}


# ---- the reader itself


def test_a_drawer_that_is_killed_each_time_fails_the_page_after_two_tries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P16: and the pages beside it are drawn."""
    tries = tmp_path / "tries"
    script = f'case "$*" in *"-f 2 "*) echo x >> {tries}; kill -SEGV $$;; *"-f 1 -l 3 "*) kill -SEGV $$;; esac'
    fake_poppler.replace(monkeypatch, tmp_path, script + '\nexec $REAL "$@"')
    results = draw(files.numbered_pdf(tmp_path / "a.pdf", 3))
    assert results[2] == FailedPage(2, rasterizer.BROKEN)
    assert size(results[1]) == size(results[3]) == (596, 842)
    assert len(tries.read_text().split()) == rasterizer.TRIES


def test_letters_whose_font_is_not_in_the_file_are_drawn(tmp_path: Path) -> None:
    """P18: with poppler's data for the languages of East Asia; without it the page fails, and is not blank."""
    assert size(draw(hostile_files.japanese_pdf(tmp_path / "a.pdf"))[1]) == (300, 400)


def test_what_a_file_names_is_neither_read_nor_fetched(tmp_path: Path) -> None:
    """The page shows nothing of another file of the machine, and at the address that it gives nobody is heard."""
    secret = tmp_path / "secret"
    secret.write_bytes(b"50 50 200 300 re f")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}/picture"
        path = hostile_files.reaching_out_pdf(tmp_path / "a.pdf", file=secret, address=address)
        page = draw(path)[1]
        text_layer.read_pages(path, 1, 1)
        readable, _, _ = select.select([listener], [], [], 0)
    assert isinstance(page, FailedPage) or page.ink == 0
    assert readable == []
