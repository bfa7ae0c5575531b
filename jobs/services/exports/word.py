"""A Word file: each page on a sheet of its own, with its headings, lists, tables and pictures."""

from __future__ import annotations

import contextlib
from pathlib import Path

from jobs.domain.rendering import Figure
from jobs.gateways import markup
from jobs.gateways.page_images import PageImage
from jobs.gateways.word import WordFile
from jobs.models import Document, Page
from jobs.services.exports import content, pictures


def write(document: Document, path: Path) -> None:
    """Formulas become Word's own; what cannot be converted stays LaTeX. Which pages are missing stands on top, and in
    each one's place."""
    with WordFile(path, title=document.name) as file:
        if note := content.missing_note(document):
            file.note(note)
        for place, page in enumerate(content.pages(document)):
            if place:
                file.begin_page()
            if missing := content.missing_words(page):
                file.note(missing)
            else:
                _write_page(document, page, file)


def _write_page(document: Document, page: Page, file: WordFile) -> None:
    parts = content.parts(page)
    with contextlib.ExitStack() as stack:
        picture = None
        if any(isinstance(part, Figure) for part in parts) and (picture := pictures.open_page(document, page)):
            stack.enter_context(picture)
        for part in parts:
            if isinstance(part, Figure):
                _write_figure(page, part, picture, file)
            else:
                file.html(markup.to_html(part))


def _write_figure(page: Page, figure: Figure, picture: PageImage | None, file: WordFile) -> None:
    name = f"Figure {figure.number} of page {page.number}"
    if picture is None:
        file.note(f"{name}: its picture is not there any more.")
        return
    x1, y1, x2, y2 = box = pictures.box_in(picture, page, figure.box)
    file.figure(picture.crop(box), (x2 - x1, y2 - y1), dpi=page.image_dpi or 200, name=name)
