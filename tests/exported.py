"""What tests of exports need: a document with its file and pictures, its export, and what other programs see in it."""

from __future__ import annotations

import html
import io
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image, ImageChops

from jobs.domain import rendering
from jobs.gateways import inspection, rasterizer, storage
from jobs.models import Document
from jobs.services import exporting
from tests import builders

SECONDS = 60
Words = list[tuple[str, tuple[float, float, float, float]]]
SPANNED = (
    '<table><tr><td rowspan="2">Mode</td><td colspan="2">Tokens</td></tr>'
    "<tr><td>a</td><td>m<sup>2</sup></td></tr></table>"
)
_WORD = re.compile(r'<word xMin="(.*?)" yMin="(.*?)" xMax="(.*?)" yMax="(.*?)">(.*?)</word>')


def block(label: str, body: str, *boxes: tuple[int, int, int, int]) -> dict[str, Any]:
    """As a reading stores it."""
    return {"label": label, "boxes": [list(box) for box in boxes], "body": body}


def read(page: Any, *blocks: dict[str, Any]) -> None:
    """Puts a reading of these blocks in force, as a host's answer would."""
    text = rendering.to_markdown(rendering.blocks_from_json(list(blocks)))
    builders.make_reading(page, text=text, blocks=list(blocks))


def paper(owner: Any) -> Document:
    """Two pages: one with everything on it, a failed one; the page image is red where the figure is."""
    document = builders.make_document(owner, pages=2, done=1, failed=1, name="Paper <1>.pdf")
    page = document.pages.get(number=1)
    image = Image.new("RGB", (1654, 2339), "white")
    image.paste("red", (100, 1000, 500, 1300))
    out = io.BytesIO()
    image.save(out, "JPEG")
    storage.save_bytes(page.image_key, out.getvalue())
    read(
        page,
        block("title", "Annual report", (100, 100, 900, 150)),
        block("text", "Points:\n\n- one\n- **two**\n\n3. third\n4. fourth", (100, 200, 900, 400)),
        block("equation", r"\[E = mc^2 < 4 \qquad (3)\]", (100, 450, 900, 500)),
        block("image", "", (100, 1000, 500, 1300)),
        block("image_caption", "<center>Figure 1: Red.</center>", (100, 1310, 500, 1340)),
        block("table", SPANNED, (100, 1500, 900, 1700)),
    )
    return document


def document_of(owner: Any, path: Path, folder: Path, *, dpi: int = 200, **fields: Any) -> Document:
    """All pages of a file, inspected, drawn and done, with empty readings."""
    seen = inspection.inspect(path, max_pages=1000, clear_copy=folder / "clear")
    count = len(seen.pages)
    document = builders.make_document(owner, pages=count, done=count, media_type=seen.media_type, **fields)
    storage.save_path(document.original_key, seen.decrypted or path)
    boxes = dict(enumerate(seen.pages, start=1))
    drawn_in = folder / "drawn"
    drawn_in.mkdir(exist_ok=True)
    for drawn in rasterizer.draw(seen.decrypted or path, seen.media_type, boxes, dpi=dpi, into=drawn_in):
        page = document.pages.get(number=drawn.number)
        page.width_pt, page.height_pt = boxes[drawn.number].width_pt, boxes[drawn.number].height_pt
        page.image_width_px = page.image_height_px = None
        if isinstance(drawn, rasterizer.DrawnPage):
            storage.save_path(page.image_key, drawn.path)
            page.image_width_px, page.image_height_px, page.image_dpi = drawn.width_px, drawn.height_px, drawn.dpi
        page.save()
        builders.make_reading(page, text="")
    return document


def result(document: Document, format: str) -> bytes:
    document.refresh_from_db()
    return b"".join(exporting.export(document, format)[2])


def saved(document: Document, format: str, folder: Path) -> Path:
    path = folder / f"result.{format}"
    path.write_bytes(result(document, format))
    return path


def words(pdf: Path) -> list[Words]:
    """What pdftotext finds on each page, and where (points, from the top left of what is seen)."""
    done = subprocess.run(
        ["pdftotext", "-bbox", "-cropbox", str(pdf), "-"], capture_output=True, text=True, timeout=SECONDS, check=True
    )
    assert "Error" not in done.stderr, done.stderr
    return [_words(page) for page in done.stdout.split("<page ")[1:]]


def blocks(pdf: Path) -> list[list[Words]]:
    """The same words by page, in the blocks that pdftotext takes them for."""
    command = ["pdftotext", "-bbox-layout", "-cropbox", str(pdf), "-"]
    said = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=True).stdout
    return [[_words(part) for part in page.split("<block ")[1:]] for page in said.split("<page ")[1:]]


def _words(part: str) -> Words:
    return [(html.unescape(m[5]), (float(m[1]), float(m[2]), float(m[3]), float(m[4]))) for m in _WORD.finditer(part)]


def union(found: Sequence[tuple[str, tuple[float, float, float, float]]], scale: float) -> tuple[int, int, int, int]:
    """The box around words, in px where a point is `scale` of them."""
    boxes = [box for _, box in found]
    return (
        int(min(box[0] for box in boxes) * scale), int(min(box[1] for box in boxes) * scale),
        int(max(box[2] for box in boxes) * scale), int(max(box[3] for box in boxes) * scale),
    )  # fmt: skip


def pictures(pdf: Path, folder: Path, *, dpi: int = 50) -> list[Image.Image]:
    """Each page as poppler draws it."""
    folder.mkdir()
    command = ["pdftoppm", "-r", str(dpi), "-cropbox", str(pdf), str(folder / "page")]
    subprocess.run(command, capture_output=True, timeout=SECONDS, check=False)
    return [Image.open(path).convert("RGB") for path in sorted(folder.glob("page*.ppm"))]


def is_red(image: Image.Image) -> bool:
    red, green, blue = image.convert("RGB").resize((1, 1)).getpixel((0, 0))
    return red > 200 and green < 60 and blue < 60


def same(left: Sequence[Image.Image], right: Sequence[Image.Image]) -> bool:
    """Pixel by pixel."""
    return len(left) == len(right) and all(
        a.size == b.size and ImageChops.difference(a, b).getbbox() is None for a, b in zip(left, right, strict=True)
    )
