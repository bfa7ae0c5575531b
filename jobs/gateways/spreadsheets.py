"""Tables as CSV and XLSX. No cell is ever a formula (domain.tables.harmless), in neither of them."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import xlsxwriter
from xlsxwriter.exceptions import XlsxWriterException

from jobs import errors
from jobs.domain.tables import harmless

CELL_MOST_SIGNS = 32_767  # Excel's own limits
COLUMNS_MOST = 16_384
ROWS_MOST = 1_048_576

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def as_csv(rows: Iterable[Sequence[str]]) -> bytes:
    """UTF-8 with a byte order mark, without which Excel takes it for another encoding."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerows([harmless(cell) for cell in row] for row in rows)
    return b"\xef\xbb\xbf" + out.getvalue().encode("utf-8", "replace")


def write_xlsx(path: Path, sheets: Iterable[tuple[str, Iterable[Sequence[str]]]]) -> int:
    """A workbook with a sheet for each (name, rows), row by row: memory does not grow with the rows. How many sheets.

    Every cell is text. Without any sheet an empty one says so. Raises errors.Unavailable.
    """
    options = {"constant_memory": True, "tmpdir": str(path.parent), "strings_to_formulas": False}
    count = 0
    try:
        with xlsxwriter.Workbook(str(path), options) as book:
            for name, rows in sheets:
                count += 1
                _write(book.add_worksheet(name[:31]), rows)
            if not count:
                book.add_worksheet("No tables").write_string(0, 0, "No table was found in this document.")
    except (XlsxWriterException, OSError) as error:
        raise errors.Unavailable("The spreadsheet could not be written. Try again in a moment.") from error
    return count


def _write(sheet: xlsxwriter.worksheet.Worksheet, rows: Iterable[Sequence[str]]) -> None:
    for number, row in enumerate(rows):
        for column, cell in enumerate(row[:COLUMNS_MOST]):
            if cell and number < ROWS_MOST:
                sheet.write_string(number, column, _NOT_XML.sub("\ufffd", harmless(cell))[:CELL_MOST_SIGNS])
