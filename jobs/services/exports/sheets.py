"""A document's tables as rows of cells, for spreadsheets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from jobs.domain import tables
from jobs.domain.rendering import Figure
from jobs.gateways import markup, spreadsheets
from jobs.models import Document, Page
from jobs.services.exports import content

SHEETS_MOST = 1000  # a workbook with more takes minutes to open; the zip holds every table as a file


def of_page(page: Page) -> Iterator[list[list[str]]]:
    """Each table of a page, whether it was written as HTML or with pipes. Nested ones stay in the text alone."""
    if content.missing_words(page):
        return
    for part in content.parts(page):
        if isinstance(part, Figure) or ("<" not in part and "|" not in part):
            continue
        for is_table, source in tables.split_tables(markup.to_html(part)):
            table = tables.parse_table(source) if is_table else None
            if table is not None and table.rows:
                yield tables.grid(table)


def write(document: Document, path: Path) -> None:
    """One workbook, a sheet a table: "Page 3, table 1"."""
    spreadsheets.write_xlsx(path, _sheets(document))


def _sheets(document: Document) -> Iterator[tuple[str, list[list[str]]]]:
    written = 0
    for page in content.pages(document):
        for number, rows in enumerate(of_page(page), start=1):
            written += 1
            if written > SHEETS_MOST:
                yield "More", [["There are more tables than a workbook can show. The zip holds each as a file."]]
                return
            yield f"Page {page.number}, table {number}", rows
