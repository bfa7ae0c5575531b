"""Pages to measure with: the page of a number is the same in every file, and no two numbers' pages are alike."""

from __future__ import annotations

import random
from pathlib import Path

from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from tests.files import numbered_pdf

LINES, WORDS = 55, 14
LETTERS = "abcdefghijklmnopqrstuvwxyz"
STAMP = (300.0, 200.0)  # points


def dense_pdf(path: Path, pages: int, *, first: int = 1) -> Path:
    """Writes a PDF of A4 pages of made-up words, from the page numbered `first` on; its path again. Each is as heavy
    as a text page: 150 to 250 kB as JPEG at 200 DPI."""
    canvas = Canvas(str(path), pagesize=A4)
    for number in range(first, first + pages):
        chance = random.Random(number)
        text = canvas.beginText(50, A4[1] - 50)
        text.setFont("Helvetica", 9.5, leading=13.5)
        text.textLine(f"Page {number}")
        for _ in range(LINES):
            text.textLine(" ".join("".join(chance.choices(LETTERS, k=chance.randint(2, 9))) for _ in range(WORDS)))
        canvas.drawText(text)
        canvas.showPage()
    canvas.save()
    return path


def stamps_pdf(path: Path, pages: int, *, first: int = 1) -> Path:
    """As `dense_pdf`, of pages as small as a stamp, drawn in no time."""
    return numbered_pdf(path, pages, size=STAMP, first=first)
