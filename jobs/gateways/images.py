"""Page images on their way to a host: scaled down where the host takes less. And the canary page."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cache

from PIL import Image, ImageChops, ImageDraw, ImageFont

from jobs.domain import pieces

CANARY_WORD = "OCRSITE"
CANARY_TEXT = f"{CANARY_WORD} 2741 canary page"
JPEG_QUALITY = 85
INK_CELLS = 64  # across a page: a thin stroke still darkens its cell
INK_NOISE = 4  # of 255


def scaled(data: bytes, *, from_dpi: int, to_dpi: int) -> bytes:
    """A JPEG drawn at `from_dpi` as one at `to_dpi`; unchanged if it is not larger."""
    if to_dpi >= from_dpi:
        return data
    with Image.open(io.BytesIO(data)) as image:
        width, height = (max(1, round(side * to_dpi / from_dpi)) for side in image.size)
        image.draft("RGB", (width, height))  # lets the decoder skip what would be thrown away
        out = io.BytesIO()
        image.resize((width, height), Image.Resampling.LANCZOS).save(out, "JPEG", quality=JPEG_QUALITY)
    return out.getvalue()


@dataclass(frozen=True)
class Half:
    """A part of a page: its JPEG, and which rows of the page it is."""

    data: bytes
    top_px: int
    height_px: int


def halves(data: bytes) -> list[Half]:
    """The page in two, cut in a white band where there is one. A half that shows nothing is left out, never both."""
    with Image.open(io.BytesIO(data)) as image:
        ink = _ink_by_row(image)
        cut = pieces.seam(ink)
        parts = [(0, cut), (cut, image.height)]
        shown = [(top, bottom) for top, bottom in parts if any(ink[top:bottom])] or parts
        return [Half(_cropped(image, top, bottom), top, bottom - top) for top, bottom in shown]


def _ink_by_row(image: Image.Image) -> list[int]:
    """How much each row differs from the page's ground. What JPEG adds to a white page counts as nothing."""
    cells = image.convert("L").resize((INK_CELLS, image.height), Image.Resampling.BOX)
    ground = max(range(256), key=cells.histogram().__getitem__)
    differing = ImageChops.difference(cells, Image.new("L", cells.size, ground)).tobytes()
    noise = bytes(0 if value < INK_NOISE else value for value in range(256))
    clean = differing.translate(noise)
    return [sum(clean[start : start + INK_CELLS]) for start in range(0, len(clean), INK_CELLS)]


def _cropped(image: Image.Image, top: int, bottom: int) -> bytes:
    out = io.BytesIO()
    image.crop((0, top, image.width, bottom)).save(out, "JPEG", quality=JPEG_QUALITY)
    return out.getvalue()


@cache
def canary() -> bytes:
    """A page that any host reads in a moment: a line of large print on white, as JPEG."""
    image = Image.new("RGB", (1000, 600), "white")
    font = ImageFont.load_default(size=56)
    ImageDraw.Draw(image).text((90, 240), CANARY_TEXT, fill="black", font=font)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=JPEG_QUALITY)
    return out.getvalue()
