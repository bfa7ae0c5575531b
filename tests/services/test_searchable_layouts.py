"""Searchable PDFs of scans in several layouts, whole, turned and cropped: what poppler finds, and where.

The page is made by reportlab, so that the place of each word is known from outside (pdftotext -bbox); then all of it
but its picture is thrown away, and the picture is what the document is.
"""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from PIL import Image
from reportlab.lib.enums import TA_JUSTIFY
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Paragraph

from tests import exported
from tests.exported import block

pytestmark = pytest.mark.django_db

SAMPLE = Path(__file__).resolve().parent.parent.parent / "static" / "samples" / "sample.pdf"
NEAR_POINTS = 5.0
DPI = 200
TEXT = """harbour office counted every vessel passing through its lock between January and March larger ships waited
longer than before mostly because northern gate closed for repairs jigsaw puzzles oxygen quartz were goods most often
declared quarterly report says nothing about tea coffee or paper boxes nobody wanted to carry upstairs"""
WORDS = TEXT.split()  # each once, so that a word's place can be told
Drawn = dict[str, list[str]]  # a block's label and number -> its words


def prose(canvas: Canvas, *, font: str = "Helvetica", size: float = 12, width: float = 440, **style: Any) -> Drawn:
    return {
        "text": _paragraph(canvas, WORDS, 70, 760, width, fontName=font, fontSize=size, leading=size * 1.4, **style)
    }


def _paragraph(canvas: Canvas, words: list[str], left: float, top: float, width: float, **style: Any) -> list[str]:
    flowing = Paragraph(" ".join(words), ParagraphStyle("p", **style))
    _, height = flowing.wrap(width, 2000)
    flowing.drawOn(canvas, left, top - height)
    return words


def columns(canvas: Canvas) -> Drawn:
    half, style = len(WORDS) // 2, {"fontName": "Times-Roman", "fontSize": 10, "leading": 13, "alignment": TA_JUSTIFY}
    return {
        "text": _paragraph(canvas, WORDS[:half], 60, 760, 220, **style),
        "text 2": _paragraph(canvas, WORDS[half:], 310, 760, 220, **style),
    }


def letter(canvas: Canvas) -> Drawn:
    """A heading, lines that stand to the right, a list with its ends ragged."""
    canvas.setFont("Helvetica-Bold", 20)
    canvas.drawString(60, 770, " ".join(WORDS[:3]))
    canvas.setFont("Helvetica", 11)
    for row in range(3):
        canvas.drawRightString(530, 730 - 15 * row, " ".join(WORDS[3 + 2 * row : 5 + 2 * row]))
    places = [slice(9, 15), slice(15, 17), slice(17, 24), slice(24, 25), slice(25, 31)]
    for row, place in enumerate(places):
        canvas.drawString(90, 640 - 22 * row, " ".join(WORDS[place]))
    return {"title": WORDS[:3], "text": WORDS[3:9], **{f"text {n}": WORDS[p] for n, p in enumerate(places)}}


def table(canvas: Canvas, *, ruled: bool = False) -> Drawn:
    """Three columns: two words, one, and one that stands to the right."""
    canvas.setFont("Helvetica", 10)
    rows = range(0, 32, 4)
    for place, row in enumerate(rows):
        y = 700 - 20 * place
        canvas.drawString(80, y, " ".join(WORDS[row : row + 2]))
        canvas.drawString(230, y, WORDS[row + 2])
        canvas.drawRightString(470, y, WORDS[row + 3])
    if ruled:
        canvas.grid([75, 225, 360, 475], [714 - 20 * place for place in range(len(rows) + 1)])
    return {"table": WORDS[:32]}


LAYOUTS = {
    "prose": prose,
    "small print": lambda canvas: prose(canvas, font="Times-Roman", size=7),
    "large print": lambda canvas: prose(canvas, size=22),
    "typewriter": lambda canvas: prose(canvas, font="Courier", size=11),
    "justified": lambda canvas: prose(canvas, font="Times-Roman", size=11, alignment=TA_JUSTIFY),
    "narrow": lambda canvas: prose(canvas, font="Helvetica-Oblique", size=10, width=120),
    "two columns": columns,
    "letter": letter,
    "table": table,
    "ruled table": lambda canvas: table(canvas, ruled=True),
}


def scan_of(source: Path, folder: Path, *, turned: int = 0, cropped: bool = False) -> Path:
    """The page as a picture alone, that a person sees upright and whole: whatever /Rotate and the boxes say."""
    subprocess.run(
        ["pdftoppm", "-r", str(DPI), "-jpeg", str(source), str(folder / "scan")], check=True, timeout=exported.SECONDS
    )
    with Image.open(folder / "scan-1.jpg") as image:
        image.rotate(turned, expand=True).save(folder / "scan.pdf", "PDF", resolution=DPI)
    with pikepdf.open(folder / "scan.pdf", allow_overwriting_input=True) as pdf:
        page = pdf.pages[0]
        page.Rotate = turned
        if cropped:
            x1, y1, x2, y2 = (float(value) for value in page.MediaBox)
            page.CropBox = page.MediaBox
            page.MediaBox = [x1 - 90, y1 - 40, x2 + 30, y2 + 120]
        pdf.save(folder / "scan.pdf")
    return folder / "scan.pdf"


def read_as_drawn(page: Any, drawn: Drawn, true: dict[str, Any]) -> None:
    """The blocks as a model gives them: a box and the words, no lines and no places."""
    blocks = []
    for label, words in drawn.items():
        box = exported.union([(word, true[word]) for word in words], DPI / 72)
        body = " ".join(words)
        if label == "table":
            rows = [(" ".join(words[n : n + 2]), *words[n + 2 : n + 4]) for n in range(0, len(words), 4)]
            cells = ["".join(f"<td>{cell}</td>" for cell in row) for row in rows]
            body = f"<table>{''.join(f'<tr>{row}</tr>' for row in cells)}</table>"
        blocks.append(block(label.split()[0], body, box))
    exported.read(page, *blocks)


def kinds() -> Iterator[tuple[str, int, bool]]:
    yield from ((layout, 0, False) for layout in LAYOUTS)
    yield from (("letter", turned, cropped) for turned in (90, 180, 270) for cropped in (False, True))
    yield from ((layout, 0, True) for layout in ("prose", "two columns"))


@pytest.mark.parametrize(("layout", "turned", "cropped"), list(kinds()))
def test_every_word_is_found_within_five_points_and_no_pixel_changes(
    mira: Any, tmp_path: Path, layout: str, turned: int, cropped: bool
) -> None:
    canvas = Canvas(str(tmp_path / "born.pdf"), pagesize=A4)
    drawn = LAYOUTS[layout](canvas)
    canvas.save()
    true = dict(exported.words(tmp_path / "born.pdf")[0])
    scan = scan_of(tmp_path / "born.pdf", tmp_path, turned=turned, cropped=cropped)
    assert exported.words(scan) == [[]]
    document = exported.document_of(mira, scan, tmp_path, dpi=DPI)
    read_as_drawn(document.pages.get(), drawn, true)
    made = exported.saved(document, "pdf", tmp_path)
    found = exported.words(made)[0]
    assert sorted(word for word, _ in found) == sorted(word for words in drawn.values() for word in words)
    far = {word: (there, true[word]) for word, there in found if distance(there, true[word]) > NEAR_POINTS}
    assert far == {}
    assert exported.same(exported.pictures(scan, tmp_path / "a"), exported.pictures(made, tmp_path / "b"))


def test_so_is_every_word_of_a_real_document_with_a_table_and_a_chart(mira: Any, tmp_path: Path) -> None:
    subprocess.run(
        ["pdftoppm", "-r", str(DPI), "-jpeg", str(SAMPLE), str(tmp_path / "scan")], check=True, timeout=exported.SECONDS
    )
    first, *others = [Image.open(path) for path in sorted(tmp_path.glob("scan-*.jpg"))]
    first.save(tmp_path / "scan.pdf", "PDF", save_all=True, append_images=others, resolution=DPI)
    document = exported.document_of(mira, tmp_path / "scan.pdf", tmp_path, dpi=DPI)
    pages = exported.blocks(SAMPLE)
    for page, parts in zip(document.pages.order_by("number"), pages, strict=True):
        said = [(" ".join(word for word, _ in part), exported.union(part, DPI / 72)) for part in parts]
        exported.read(page, *(block("text", words, box) for words, box in said))
    made = exported.words(exported.saved(document, "pdf", tmp_path))
    for found, parts in zip(made, pages, strict=True):
        true = [one for part in parts for one in part]
        assert len(found) == len(true)
        once = once_in(true) & once_in(found)
        assert len(once) > 50
        far = [word for word, there in found if word in once and distance(there, dict(true)[word]) > NEAR_POINTS]
        assert far == []


def once_in(found: exported.Words) -> set[str]:
    """The words that stand there once, so that their places can be compared."""
    return {word for word, many in Counter(word for word, _ in found).items() if many == 1}


def distance(there: tuple[float, ...], here: tuple[float, ...]) -> float:
    """The largest of the four edges' distances, in points."""
    return max(abs(a - b) for a, b in zip(there, here, strict=True))
