"""Pages drawn for the tests, and where their heading stands."""

from __future__ import annotations

import io

from PIL import Image, ImageDraw, ImageFont

SIZE_PX = (1240, 1754)
HEADING = "Harbour maintenance report"
HEADING_BOX_PX = (120, 140, 860, 215)
"""Generous: the heading's ink stands inside it."""

_SENTENCE = "Seven wizards examine a curious manuscript about river navigation and the quick brown fox. "


def report() -> Image.Image:
    """A heading and two paragraphs, A4 at 150 dpi."""
    page = Image.new("L", SIZE_PX, "white")
    draw = ImageDraw.Draw(page)
    draw.text((130, 150), HEADING, fill="black", font=ImageFont.load_default(52))
    for top in (320, 620):
        _paragraph(draw, _SENTENCE * 4, top, size_px=28, columns=70)
    return page


def dense() -> Image.Image:
    """So much small print that reading it takes seconds."""
    page = Image.new("L", (2480, 3508), "white")
    draw = ImageDraw.Draw(page)
    _paragraph(draw, _SENTENCE * 60, 120, size_px=32, columns=130)
    return page


def _paragraph(draw: ImageDraw.ImageDraw, text: str, top: int, *, size_px: int, columns: int) -> None:
    font = ImageFont.load_default(size_px)
    line = ""
    for word in text.split():
        if len(line) + len(word) > columns:
            draw.text((130, top), line, fill="black", font=font)
            line, top = "", top + int(size_px * 1.4)
        line += f"{word} "
    draw.text((130, top), line, fill="black", font=font)


def turned(box: tuple[int, int, int, int], degrees: int) -> tuple[int, int, int, int]:
    """Where a box of a page goes when the page is turned counterclockwise (as Image.rotate with expand has it)."""
    left, top, right, bottom = box
    width, height = SIZE_PX
    match degrees:
        case 90:
            return top, width - right, bottom, width - left
        case 180:
            return width - right, height - bottom, width - left, height - top
        case 270:
            return height - bottom, left, height - top, right
    return box


def as_jpeg(image: Image.Image, dpi: int = 150) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=85, dpi=(dpi, dpi))
    return buffer.getvalue()
