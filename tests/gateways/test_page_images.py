"""Figures out of page images, and the lines of print in them."""

from __future__ import annotations

import io

import pytest
from PIL import Image, ImageDraw

from jobs import errors
from jobs.gateways.page_images import PageImage


def page(draw=None, *, ground="white", size=(800, 600)) -> PageImage:
    image = Image.new("RGB", size, ground)
    if draw:
        draw(ImageDraw.Draw(image))
    out = io.BytesIO()
    image.save(out, "PNG")
    return PageImage(out.getvalue())


def test_a_figure_is_what_stands_in_its_box():
    made = page(lambda pen: pen.rectangle((100, 100, 299, 199), fill="red")).crop((100, 100, 300, 200))
    with Image.open(io.BytesIO(made)) as figure:
        assert figure.size == (200, 100) and figure.format == "JPEG"
        assert figure.getpixel((100, 50))[0] > 240 and figure.getpixel((100, 50))[1] < 20


@pytest.mark.parametrize("box", [(700, 500, 9000, 9000), (-50, -50, 10, 10), (5, 5, 5, 5), (9000, 9000, 9001, 9001)])
def test_a_box_beyond_the_page_gives_what_is_there(box):
    with Image.open(io.BytesIO(page().crop(box))) as figure:
        assert 1 <= figure.width <= 800 and 1 <= figure.height <= 600


def two_lines(pen, ink="black"):
    for top in (110, 150):
        pen.rectangle((100, top, 160, top + 20), fill=ink)
        pen.rectangle((180, top, 260, top + 20), fill=ink)


@pytest.mark.parametrize(("ground", "ink"), [("white", "black"), ("black", "white"), ("#eee", "#444")])
def test_lines_and_their_strokes_are_found_on_any_ground(ground, ink):
    lines = page(lambda pen: two_lines(pen, ink), ground=ground).ink_lines((95, 105, 300, 180))
    assert [(line.top, line.bottom) for line in lines] == [(110, 131), (150, 171)]
    assert lines[0].strokes == ((100, 161), (180, 261))


def test_a_dot_belongs_to_its_line_and_a_scrap_of_a_neighbour_to_none():
    def draw(pen):
        two_lines(pen)
        pen.rectangle((120, 106, 122, 108), fill="black")  # a dot above the first line
        pen.rectangle((100, 182, 260, 200), fill="black")  # the line below, cut by the box

    lines = page(draw).ink_lines((95, 100, 300, 182))
    assert [(line.top, line.bottom) for line in lines] == [(106, 131), (150, 171)]


def test_the_rules_of_a_table_are_no_print():
    def draw(pen):
        two_lines(pen)
        pen.rectangle((90, 100, 300, 185), outline="black", width=2)
        pen.line((170, 100, 170, 185), fill="black", width=2)
        pen.line((90, 140, 300, 140), fill="black", width=2)

    lines = page(draw).ink_lines((90, 100, 301, 186), ruled=True)
    assert [(line.top, line.bottom) for line in lines] == [(110, 131), (150, 171)]


@pytest.mark.parametrize("box", [(0, 0, 0, 0), (10, 10, 400, 400), (900, 900, 950, 950)])
def test_where_nothing_is_printed_there_are_no_lines(box):
    assert page().ink_lines(box) == []


def test_a_damaged_image_is_as_if_it_were_not_there():
    with pytest.raises(errors.NotFound):
        PageImage(b"\xff\xd8\xffnothing")
