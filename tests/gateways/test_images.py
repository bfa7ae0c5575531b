"""Page images on their way to a host."""

from __future__ import annotations

import io

import pytest
from PIL import Image, ImageDraw

from jobs.gateways import images


def jpeg(*bands, ground="white", size=(800, 1000)):
    """A page with a line of blocks in each band of rows."""
    image = Image.new("RGB", size, ground)
    draw = ImageDraw.Draw(image)
    for top, bottom in bands:
        for left in range(80, size[0] - 100, 40):
            draw.rectangle((left, top, left + 20, bottom), fill="black")
    out = io.BytesIO()
    image.save(out, "JPEG", quality=85)
    return out.getvalue()


def opened(half):
    return Image.open(io.BytesIO(half.data))


@pytest.mark.parametrize("ground", ["white", "#f4ecd8", "#dddddd"])
def test_a_page_is_cut_in_a_white_band_so_that_no_line_is_in_both_halves(ground):
    top, bottom = images.halves(jpeg((100, 440), (520, 900), ground=ground))
    assert 440 < bottom.top_px < 520
    assert (top.top_px, top.height_px) == (0, bottom.top_px)
    assert (opened(top).size, opened(bottom).size) == ((800, top.height_px), (800, 1000 - top.height_px))


def test_a_page_without_a_white_band_is_cut_all_the_same():
    top, bottom = images.halves(jpeg((0, 999)))
    assert top.height_px + bottom.height_px == 1000


@pytest.mark.parametrize(("band", "tops"), [((50, 200), [0]), ((800, 900), [500])])
def test_a_half_that_shows_nothing_is_left_out(band, tops):
    found = images.halves(jpeg(band))
    assert len(found) == 1
    assert found[0].top_px == pytest.approx(tops[0], abs=100)


def test_an_empty_page_has_two_halves():
    assert len(images.halves(jpeg())) == 2


def test_a_page_sent_smaller_keeps_its_shape_and_one_sent_finer_stays_as_it_is():
    drawn = jpeg((100, 200))
    small = images.scaled(drawn, from_dpi=200, to_dpi=150)
    assert Image.open(io.BytesIO(small)).size == (600, 750)
    assert images.scaled(drawn, from_dpi=150, to_dpi=200) is drawn
