"""Page images on their way to a host: scaled down where the host takes less. And the canary page."""

from __future__ import annotations

import io
from functools import cache

from PIL import Image, ImageDraw, ImageFont

CANARY_WORD = "OCRSITE"
CANARY_TEXT = f"{CANARY_WORD} 2741 canary page"
JPEG_QUALITY = 85


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


@cache
def canary() -> bytes:
    """A page that any host reads in a moment: a line of large print on white, as JPEG."""
    image = Image.new("RGB", (1000, 600), "white")
    font = ImageFont.load_default(size=56)
    ImageDraw.Draw(image).text((90, 240), CANARY_TEXT, fill="black", font=font)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=JPEG_QUALITY)
    return out.getvalue()
