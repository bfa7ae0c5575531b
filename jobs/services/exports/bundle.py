"""Everything in one zip: the texts, the figures they link to, each table as CSV and XLSX."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from django.conf import settings

from jobs.domain.display_names import stem
from jobs.domain.rendering import Figure
from jobs.gateways import archives, spreadsheets
from jobs.models import Document, Page
from jobs.services.exports import content, html, pictures, plain, sheets

TEXTS: dict[str, Callable[[Document], Iterator[str]]] = {
    "md": plain.markdown,
    "html": html.as_html,
    "txt": plain.text,
    "json": plain.as_json,
}


def stream(document: Document) -> Iterator[bytes]:
    """The zip, page by page."""
    return archives.stream(_entries(document))


def encoded(pieces: Iterable[str]) -> Iterator[bytes]:
    return (piece.encode("utf-8", "replace") for piece in pieces)


def _entries(document: Document) -> Iterator[tuple[str, Iterable[bytes]]]:
    name = stem(document.name).replace("/", "_").replace("\\", "_").lstrip(". ") or "document"
    for ending, writer in TEXTS.items():
        yield f"{name}.{ending}", encoded(writer(document))
    if note := content.missing_note(document):
        yield "missing.txt", [note.encode(), b"\n"]
    for page in content.pages(document):
        if not content.missing_words(page):
            yield from _figures(document, page)
            yield from _tables(page)


def _figures(document: Document, page: Page) -> Iterator[tuple[str, list[bytes]]]:
    figures = [part for part in content.parts(page) if isinstance(part, Figure)]
    picture = pictures.open_page(document, page) if figures else None
    if picture is None:
        return
    with picture:
        for figure in figures:
            box = pictures.box_in(picture, page, figure.box)
            yield content.figure_name(page, figure), [picture.crop(box)]


def _tables(page: Page) -> Iterator[tuple[str, list[bytes]]]:
    for number, rows in enumerate(sheets.of_page(page), start=1):
        name = f"tables/page-{page.number}-{number}"
        yield f"{name}.csv", [spreadsheets.as_csv(rows)]
        with tempfile.TemporaryDirectory(dir=settings.DATA_DIR / "uploads", prefix="export-") as folder:
            path = Path(folder, "table.xlsx")
            spreadsheets.write_xlsx(path, [(f"Page {page.number}, table {number}", rows)])
            yield f"{name}.xlsx", [path.read_bytes()]
