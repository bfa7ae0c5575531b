"""Pages full of words, each different: as heavy as a text page, 150 to 250 kB as JPEG at 200 DPI."""

from __future__ import annotations

import random
from pathlib import Path

from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

LINES, WORDS = 55, 14
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def dense_pdf(path: Path, pages: int, *, seed: int | None = None) -> Path:
    """Writes a PDF of `pages` A4 pages of made-up words; its path again."""
    chance = random.Random(seed)
    canvas = Canvas(str(path), pagesize=A4)
    for number in range(1, pages + 1):
        text = canvas.beginText(50, A4[1] - 50)
        text.setFont("Helvetica", 9.5, leading=13.5)
        text.textLine(f"Page {number}")
        for _ in range(LINES):
            text.textLine(" ".join("".join(chance.choices(LETTERS, k=chance.randint(2, 9))) for _ in range(WORDS)))
        canvas.drawText(text)
        canvas.showPage()
    canvas.save()
    return path
