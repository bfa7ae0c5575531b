"""The image in a request: a data URL to bytes, bytes to the plain grey bitmap that tesseract is fed.

What reaches tesseract was decoded and written anew here. It is never handed the sender's bytes: what is no image it
takes for a list of file names, and reads those.
"""

from __future__ import annotations

import base64
import binascii
import io
import struct
import warnings
import zlib
from dataclasses import dataclass

from PIL import Image, ImageOps, UnidentifiedImageError

MAX_PIXELS = 89_478_485
"""Pillow's own warning level (a quarter of a GiB in RGB). A0 at 200 dpi has 62 million."""

_FORMATS = ("JPEG", "PNG", "TIFF", "WEBP", "BMP", "GIF", "PPM")
# What Pillow's decoders let through when the bytes of an image make no sense.
_DECODER_ERRORS = (OSError, ArithmeticError, LookupError, SyntaxError, TypeError, ValueError, struct.error, zlib.error)
_DPI_RANGE = range(70, 2401)
_SIXTEEN_BIT = ("I;16", "I;16L", "I;16B", "I;16N")

Image.MAX_IMAGE_PIXELS = MAX_PIXELS
warnings.simplefilter("error", Image.DecompressionBombWarning)


class BadImage(Exception):
    """The image cannot be read; the sentence says why. The sender is at fault."""


@dataclass(frozen=True)
class Bitmap:
    """A binary PGM (8 bit grey). `dpi` is None where the image does not say."""

    pgm: bytes
    width_px: int
    height_px: int
    dpi: int | None


def bytes_of(url: str) -> bytes:
    """The bytes in a base64 data URL. Nothing is fetched: an http or file URL raises BadImage."""
    if not url.startswith("data:"):
        raise BadImage("This server fetches nothing: send the image itself as a base64 data URL.")
    header, comma, data = url.partition(",")
    if not comma:
        raise BadImage("Invalid data URL: missing ',' separator.")
    if not header.endswith(";base64"):
        raise BadImage("Only base64 data URLs are supported for now.")
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadImage(f"The image is not valid base64: {error}") from error


def decode(data: bytes) -> Bitmap:
    """Raises BadImage for what is no image, is cut short, or has more than MAX_PIXELS. CPU bound: call it in a thread.

    The picture is turned as its EXIF orientation says, because that is how people and browsers see it.
    """
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            dpi = _dpi_of(image)
            grey = _grey(ImageOps.exif_transpose(image))
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise BadImage(f"Image dimensions exceed the maximum of {MAX_PIXELS} pixels.") from error
    except UnidentifiedImageError as error:
        raise BadImage("Failed to load image: cannot identify image file") from error
    except _DECODER_ERRORS as error:
        raise BadImage(f"Failed to load image: {error}") from error
    pgm = b"P5 %d %d 255\n" % grey.size + grey.tobytes()
    return Bitmap(pgm, grey.width, grey.height, dpi)


def _grey(image: Image.Image) -> Image.Image:
    """Transparent becomes white, as vLLM has it. Grey takes tesseract 10 to 37 % less time than colour."""
    if image.mode in _SIXTEEN_BIT:
        return image.convert("I").point(lambda value: value / 257).convert("L")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("L")


def _dpi_of(image: Image.Image) -> int | None:
    try:
        dpi = round(float(image.info["dpi"][0]))
    except (KeyError, TypeError, ValueError, IndexError, OverflowError, ZeroDivisionError):
        return None
    return dpi if dpi in _DPI_RANGE else None
