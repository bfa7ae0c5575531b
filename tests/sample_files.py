"""Small files to upload, made on the spot."""

from __future__ import annotations

import io

import pikepdf
from PIL import Image
from reportlab.pdfgen import canvas

PASSWORD = "sesame"


def pdf(pages: int = 1, *, words: str = "Page") -> bytes:
    """A PDF whose pages name themselves. `words` makes two files differ."""
    buffer = io.BytesIO()
    drawing = canvas.Canvas(buffer, pagesize=(300, 200), invariant=True)
    for number in range(1, pages + 1):
        drawing.drawString(40, 100, f"{words} {number}")
        drawing.showPage()
    drawing.save()
    return buffer.getvalue()


def locked_pdf(password: str = PASSWORD, pages: int = 1) -> bytes:
    """A PDF that opens with its password only."""
    buffer = io.BytesIO()
    with pikepdf.open(io.BytesIO(pdf(pages))) as clear:
        clear.save(buffer, encryption=pikepdf.Encryption(owner="owner", user=password))
    return buffer.getvalue()


def empty_pdf() -> bytes:
    """A PDF without a page."""
    buffer = io.BytesIO()
    pikepdf.new().save(buffer)
    return buffer.getvalue()


def image(format_name: str = "PNG", frames: int = 1) -> bytes:
    """A white picture, or a TIFF of several."""
    buffer = io.BytesIO()
    frame = Image.new("RGB", (200, 100), "white")
    more = [frame.copy() for _ in range(frames - 1)]
    frame.save(buffer, format_name, **({"save_all": True, "append_images": more} if more else {}))
    return buffer.getvalue()
