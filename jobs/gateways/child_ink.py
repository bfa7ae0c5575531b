"""How much of a drawn page is not background, read from its JPEG at an eighth of its size. Runs in the child only."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image, ImageChops, ImageFile
from PIL.JpegImagePlugin import JpegImageFile

REDUCTION = 8  # libjpeg's cheapest scale; a lone 10 pt digit at 100 dpi still shows
CONTRAST = 24  # grey levels of 255: paper grain and JPEG noise, averaged over 64 pixels, stay below
# Decoding a page full of text takes a fifth of what drawing it took, so the top of a heavy file has to do where it
# shows plenty.
HEAVY_BYTES = 150_000
PEEK = 10
PLENTY = 0.02
TORN_ROWS = 6  # the last blocks, 16 px or 2 reduced rows high, are half decoded and half invented
END_OF_IMAGE = b"\xff\xd9"


def measure(path: Path) -> dict[str, float] | None:
    """{"width", "height", "ink"}: pixels and a share of 0 to 1; None where the file is not a whole JPEG."""
    data = path.read_bytes()
    if not data.endswith(END_OF_IMAGE):  # its writer was killed half-way
        return None
    width, height = JpegImageFile(io.BytesIO(data)).size
    return {"width": width, "height": height, "ink": round(_ink(data), 6)}


def _ink(data: bytes) -> float:
    if len(data) > HEAVY_BYTES:
        share = _share_of_top(data[: len(data) // PEEK])
        if share > PLENTY:
            return share
    return _share(_reduced(data).histogram())


def _share_of_top(data: bytes) -> float:
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    try:
        image = _reduced(data)
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = False
    rows = _decoded_rows(image) - TORN_ROWS
    return _share(image.crop((0, 0, image.width, rows)).histogram()) if rows > 0 else 0.0


def _decoded_rows(image: Image.Image) -> int:
    """libjpeg makes up the rest in one shade, which fills the last row."""
    shade = image.getpixel((0, image.height - 1))
    box = ImageChops.difference(image, Image.new("L", image.size, shade)).getbbox()
    return box[3] if box else 0


def _reduced(data: bytes) -> JpegImageFile:
    image = JpegImageFile(io.BytesIO(data))
    image.draft("L", (max(1, image.width // REDUCTION), max(1, image.height // REDUCTION)))
    image.load()
    return image


def _share(histogram: list[int]) -> float:
    levels = histogram[:256]
    background = levels.index(max(levels))
    paper = sum(levels[max(0, background - CONTRAST) : background + CONTRAST + 1])
    return 1 - paper / sum(levels)
