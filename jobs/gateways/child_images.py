"""Reads and draws uploaded images (PNG, JPEG, TIFF) with Pillow, in the limited child process.

A drawn page is an upright JPEG on white with square pixels, never larger than its source.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, cast

from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from jobs.gateways import child_ink

FORMATS = {"image/png": ["PNG"], "image/jpeg": ["JPEG"], "image/tiff": ["TIFF"]}
# Below, it is a screen's or a camera's default (72, 96) and says nothing of paper. The coarsest fax has 98 dpi down the
# page; no scanner goes above 1200 for a page.
PLAUSIBLE_DPI = (97.0, 1200.0)
ASSUMED_DPI = 200.0
ORIENTATION_TAG = 274
SIDEWAYS = range(5, 9)
SUBFILE_TAG = 254  # TIFF: bit 0 marks a smaller copy of another frame
SIXTEEN_BITS = 65_535
TROUBLE = (
    OSError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    SyntaxError,
    EOFError,
    OverflowError,
    ZeroDivisionError,
    MemoryError,
)

# Our own bounds are applied after the header is read: a large JPEG can be decoded small, and a bomb is refused by name.
Image.MAX_IMAGE_PIXELS = None


def inspect(request: dict[str, Any]) -> dict[str, Any]:
    """{"pages": [[width_pt, height_pt], ...], "warnings": []}, or {"refused": word, "pages": count}."""
    try:
        with open_image(request) as image:
            frames = frames_of(image)
            if len(frames) > request["max_pages"]:
                return {"refused": "too_many_pages", "pages": len(frames)}
            pages = [page_box(image, frame) for frame in frames]
            _try_first(image, frames[0], request["max_image_pixels"])
    except (UnidentifiedImageError, *TROUBLE):
        return {"refused": "unreadable"}
    return {"pages": pages, "warnings": [], "unlocked": False}


def draw(request: dict[str, Any]) -> dict[str, Any]:
    """As child_drawing.draw; the groups carry the size wanted of each page."""
    pages: dict[int, dict[str, Any]] = {}
    with open_image(request) as image:
        frames = frames_of(image)
        for group in request["groups"]:
            for number, (width, height) in zip(range(group["first"], group["last"] + 1), group["sizes"], strict=True):
                path = Path(request["folder"], f"page-{number}.jpg")
                pages[number] = _draw_page(image, frames[number - 1], (width, height), path, request)
    return {"pages": pages}


def _draw_page(
    image: Image.Image, frame: int, wanted: tuple[int, int], path: Path, request: dict[str, Any]
) -> dict[str, Any]:
    try:
        image.seek(frame)
        size = _shrink_while_reading(image, wanted)
        if image.width * image.height > request["max_image_pixels"]:
            return {"failed": "too_complex"}
        page = flattened(ImageOps.exif_transpose(image))
        if page.size != size:
            page = page.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
        page.save(path, "JPEG", quality=request["quality"])
    except TROUBLE:
        return {"failed": "damaged"}
    measured = child_ink.measure(path)
    return measured | {"file": path.name} if measured else {"failed": "damaged"}


def _shrink_while_reading(image: Image.Image, wanted: tuple[int, int]) -> tuple[int, int]:
    """The size to draw: the one wanted, or less where the source has less. A JPEG's decoder skips what is not used."""
    sideways = _is_sideways(image)
    width, height = (image.height, image.width) if sideways else image.size
    scale = min(1.0, max(width / wanted[0], height / wanted[1]))  # the larger: a fax has twice the pixels across
    size = max(1, round(wanted[0] * scale)), max(1, round(wanted[1] * scale))
    image.draft(None, size[::-1] if sideways else size)
    return size


def open_image(request: dict[str, Any]) -> ImageFile.ImageFile:
    return Image.open(request["path"], formats=FORMATS[request["media_type"]])


def frames_of(image: ImageFile.ImageFile) -> list[int]:
    """Only a TIFF has pages: a phone's JPEG may carry a second view, a PNG an animation. Thumbnails are no pages."""
    if image.format != "TIFF":
        return [0]
    frames = []
    for frame in range(getattr(image, "n_frames", 1)):
        image.seek(frame)
        if not _is_thumbnail(image):
            frames.append(frame)
    return frames or [0]


def _is_thumbnail(image: Any) -> bool:
    kind = image.tag_v2.get(SUBFILE_TAG, 0)
    return isinstance(kind, int) and bool(kind & 1)


def _is_sideways(image: Image.Image) -> bool:
    return image.getexif().get(ORIENTATION_TAG) in SIDEWAYS


def page_box(image: ImageFile.ImageFile, frame: int) -> list[float]:
    """Points, upright, from the resolution the image claims, each way its own."""
    image.seek(frame)
    across, down = _resolution(image)
    box = [image.width * 72 / across, image.height * 72 / down]
    return box[::-1] if _is_sideways(image) else box


def _resolution(image: ImageFile.ImageFile) -> tuple[float, float]:
    try:
        across, down = (float(value) for value in image.info.get("dpi", ()))
    except (TypeError, ValueError, ZeroDivisionError):
        return ASSUMED_DPI, ASSUMED_DPI
    low, high = PLAUSIBLE_DPI
    plausible = all(math.isfinite(value) and low <= value <= high for value in (across, down))
    return (across, down) if plausible and 1 / 3 <= across / down <= 3 else (ASSUMED_DPI, ASSUMED_DPI)


def _try_first(image: ImageFile.ImageFile, frame: int, max_pixels: int) -> None:
    """A file that was cut off is refused at once, not after it has waited in line."""
    image.seek(frame)
    image.draft("L", (image.width // 8, image.height // 8))
    if image.width * image.height <= max_pixels:
        image.load()


def flattened(image: Image.Image) -> Image.Image:
    """Grey or RGB, on white where it is transparent, dark and light kept where there are more than 8 bits."""
    if image.mode in ("L", "RGB") and "transparency" not in image.info:
        return image
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return _to_eight_bits(image)
    if image.has_transparency_data:
        page = Image.new("RGB", image.size, "white")
        picture = image.convert("RGBA")
        page.paste(picture, mask=picture.getchannel("A"))
        return page
    return image.convert("L" if image.mode == "1" else "RGB")


def _to_eight_bits(image: Image.Image) -> Image.Image:
    """Pillow's own conversion clips, which turns a 16-bit scan white."""
    low, high = 0.0, float(SIXTEEN_BITS)
    if image.mode.startswith("I;16"):
        image = image.convert("I")
    else:
        low, high = cast(tuple[float, float], image.getextrema())
    scale = 255 / ((high - low) or 1)
    return image.point(lambda value: value * scale - low * scale).convert("L")
