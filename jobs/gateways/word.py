"""Word files, written page by page: a document of any length takes the memory of one page.

python-docx makes the frame (styles, numbering, settings), which is small; paragraphs go to a file beside it as they
come, since python-docx would keep all of them. What goes in is HTML from gateways.markup: a few tags, well formed.
"""

from __future__ import annotations

import io
import re
import tempfile
import zipfile
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self
from xml.sax.saxutils import escape

from docx import Document

from jobs.domain.office_math import office_math
from jobs.domain.tables import SPAN_LIMIT, Cell, Table, latex_spans, parse_table, runs, split_tables
from jobs.gateways import formulas

EMU_PER_INCH = 914_400
TEXT_WIDTH_INCHES = 6.0
TEXT_HEIGHT_INCHES = 8.0
COLUMNS_MOST = 63  # Word's own limit
ROWS_MOST = 32_767

_BODY = "word/document.xml"
_RELATIONS = "word/_rels/document.xml.rels"
_TYPES = "[Content_Types].xml"
_IMAGE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/image"
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_MARKS = {
    "b": "<w:b/>", "strong": "<w:b/>", "i": "<w:i/>", "em": "<w:i/>", "u": '<w:u w:val="single"/>',
    "s": "<w:strike/>", "del": "<w:strike/>", "sup": '<w:vertAlign w:val="superscript"/>',
    "sub": '<w:vertAlign w:val="subscript"/>', "code": '<w:rFonts w:ascii="Courier New" w:hAnsi="Courier New"/>',
}  # fmt: skip
_ORDER = ("code", "b", "strong", "i", "em", "s", "del", "u", "sup", "sub")  # as the schema wants a run's properties
_BLOCKS = ("p", "h1", "h2", "h3", "h4", "h5", "h6", "center", "blockquote", "pre", "li", "tr", "caption", "hr")


class WordFile:
    """A .docx in the making, to be used as a context; the file at `path` is whole when that ends without an error."""

    def __init__(self, path: Path, *, title: str) -> None:
        self._frame = Document()
        self._frame.core_properties.title = _xml(title)[:250]
        self._frame.core_properties.author = ""
        self._frame.core_properties.comments = ""
        self._path = path
        self._images = 0
        self._bullets, self._numbers = (self._abstract(name) for name in ("List Bullet", "List Number"))
        self._bullet_list = self._new_list(self._bullets, None)

    def __enter__(self) -> Self:
        self._zip = zipfile.ZipFile(self._path, "w", zipfile.ZIP_DEFLATED)
        self._body: IO[bytes] = tempfile.TemporaryFile(dir=self._path.parent)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            if kind is None:
                self._finish()
        finally:
            self._body.close()
            self._zip.close()

    def begin_page(self) -> None:
        """What follows stands on a new sheet."""
        self._write('<w:p><w:r><w:br w:type="page"/></w:r></w:p>')

    def note(self, words: str) -> None:
        """A line of ours, in italics."""
        self._write(_paragraph(_run(words, frozenset({"i"}))))

    def html(self, fragment: str) -> None:
        """What gateways.markup.to_html gave: headings, paragraphs, lists, tables with their spans."""
        for is_table, part in split_tables(fragment):
            table = parse_table(part) if is_table else None
            if table is None:
                reader = _Reader(self._new_numbered_list, self._bullet_list)
                reader.feed(part)
                reader.close()
                self._write(reader.finished())
            else:
                self._write(_table_with_words(table))

    def figure(self, jpeg: bytes, size_px: tuple[int, int], *, dpi: int, name: str) -> None:
        """A picture in the size it had on the page, or smaller where that is wider than the text."""
        self._images += 1
        self._zip.writestr(zipfile.ZipInfo(f"word/media/figure{self._images}.jpg"), jpeg, zipfile.ZIP_STORED)
        inches = [max(side, 1) / max(dpi, 1) for side in size_px]
        scale = min(1.0, TEXT_WIDTH_INCHES / inches[0], TEXT_HEIGHT_INCHES / inches[1])
        width, height = (max(round(side * scale * EMU_PER_INCH), 1) for side in inches)
        self._write(_paragraph(_drawing(self._images, width, height, name)))

    def _write(self, xml: str) -> None:
        self._body.write(xml.encode())

    # ---- lists

    def _abstract(self, style: str) -> int:
        """The numbering that a style of the frame uses."""
        number = self._frame.styles[style].element.pPr.numPr.numId.val
        numbering = self._numbering()
        return int(next(num for num in numbering.num_lst if num.numId == number).abstractNumId.val)

    def _numbering(self) -> Any:
        return self._frame.part.numbering_part.element

    def _new_list(self, abstract: int, start: int | None) -> int:
        number = self._numbering().add_num(abstract)
        if start is not None:
            number.add_lvlOverride(ilvl=0).add_startOverride(start)
        return int(number.numId)

    def _new_numbered_list(self, start: int) -> int:
        return self._new_list(self._numbers, start)

    # ---- the end

    def _finish(self) -> None:
        frame = io.BytesIO()
        self._frame.save(frame)
        with zipfile.ZipFile(frame) as parts:
            for name in parts.namelist():
                if name == _BODY:
                    self._finish_body(parts.read(name).decode())
                elif name == _RELATIONS:
                    self._zip.writestr(name, parts.read(name).decode().replace("</Relationships>", self._relations()))
                elif name == _TYPES:
                    jpg = '<Default Extension="jpg" ContentType="image/jpeg"/>'
                    types = parts.read(name).decode()
                    self._zip.writestr(name, types.replace("<Default ", f"{jpg}<Default ", 1))
                else:
                    self._zip.writestr(name, parts.read(name))

    def _finish_body(self, frame: str) -> None:
        before, _, after = frame.partition("<w:sectPr")
        self._body.seek(0)
        with self._zip.open(_BODY, "w", force_zip64=True) as target:
            target.write(before.encode())
            while piece := self._body.read(1_000_000):
                target.write(piece)
            target.write(f"<w:p/><w:sectPr{after}".encode())

    def _relations(self) -> str:
        figures = (
            f'<Relationship Id="figure{number}" Type="{_IMAGE}" Target="media/figure{number}.jpg"/>'
            for number in range(1, self._images + 1)
        )
        return "".join(figures) + "</Relationships>"


class _Reader(HTMLParser):
    """HTML without tables -> paragraphs."""

    def __init__(self, new_list: Any, bullets: int) -> None:
        super().__init__(convert_charrefs=True)
        self._new_list, self._bullets = new_list, bullets
        self._done: list[str] = []
        self._runs: list[str] = []
        self._blocks: list[str] = []
        self._lists: list[int] = []
        self._marks: list[str] = []
        self._at_item = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _MARKS:
            self._marks.append(tag)
        if tag == "br":
            self._runs.append("<w:r><w:br/></w:r>")
        elif tag in ("ul", "ol"):
            self._end_paragraph()
            start = dict(attrs).get("start") or "1"
            self._lists.append(self._bullets if tag == "ul" else self._new_list(int(start) if start.isdigit() else 1))
        elif tag in _BLOCKS:
            self._end_paragraph()
            self._blocks.append(tag)
            self._at_item = tag == "li" or (self._at_item and tag == "p")

    def handle_endtag(self, tag: str) -> None:
        if tag in _MARKS and tag in self._marks:
            self._marks.remove(tag)
        if tag in ("td", "th"):
            self._runs.append("<w:r><w:tab/></w:r>")
        elif tag in ("ul", "ol"):
            self._end_paragraph()
            self._lists = self._lists[:-1]
        elif tag in _BLOCKS:
            self._end_paragraph()
            if tag in self._blocks:
                self._blocks.remove(tag)
            self._at_item = False

    def handle_data(self, data: str) -> None:
        if "pre" not in self._blocks:
            # Markup's own newlines stand after <br> and between blocks: no word depends on them.
            data = re.sub(r"\s+", " ", data)
            data = data if self._runs else data.lstrip()
        if data and "pre" in self._blocks:
            self._runs.append(_run(data, frozenset(self._marks)))
        elif data:
            self._runs.append(_runs_with_formulas(data, frozenset(self._marks)))

    def finished(self) -> str:
        self._end_paragraph()
        return "".join(self._done)

    def _end_paragraph(self) -> None:
        if self._runs:
            self._done.append(_paragraph("".join(self._runs), self._properties()))
            self._at_item = False
        self._runs = []

    def _properties(self) -> str:
        block = next((tag for tag in reversed(self._blocks) if tag != "p"), "p")
        if block[0] == "h" and block[1:].isdigit():
            return f'<w:pStyle w:val="Heading{block[1:]}"/>'
        if self._lists:
            level = min(len(self._lists), 9) - 1
            number = (
                f'<w:numPr><w:ilvl w:val="0"/><w:numId w:val="{self._lists[-1]}"/></w:numPr>' if self._at_item else ""
            )
            return f'<w:pStyle w:val="ListParagraph"/>{number}<w:ind w:left="{360 * (level + 1)}" w:hanging="360"/>'
        return {
            "center": '<w:jc w:val="center"/>',
            "caption": '<w:pStyle w:val="Caption"/>',
            "blockquote": '<w:pStyle w:val="Quote"/>',
        }.get(block, "")


def _table_with_words(table: Table) -> str:
    outside = [part for part in (table.outside, table.caption) if part.strip()]
    return "".join(_paragraph(_runs_of(part)) for part in outside) + _table(table)


def _table(table: Table) -> str:
    """Columns under one another: a cell that reaches down holds its place in the rows below it."""
    rows: list[list[_Placed]] = []
    covered: _Covered = {}
    width = 1
    for row in table.rows[:ROWS_MOST]:
        cells, covered = _placed(row, covered)
        width = max(width, sum(span for _, span, _ in cells))
        rows.append(cells)
    if not rows:
        return ""
    grid = f'<w:gridCol w:w="{max(round(TEXT_WIDTH_INCHES * 1440 / width), 1)}"/>' * width
    body = "".join(_row(cells, width) for cells in rows)
    look = '<w:tblPr><w:tblStyle w:val="TableGrid"/><w:tblW w:w="0" w:type="auto"/></w:tblPr>'
    return f"<w:tbl>{look}<w:tblGrid>{grid}</w:tblGrid>{body}</w:tbl><w:p/>"


_Placed = tuple[Cell | None, int, str]  # the cell, its columns, "restart" or "continue" of a span of rows, or ""
_Covered = dict[int, tuple[int, int]]  # first column -> rows still to cover, columns


def _placed(row: Sequence[Cell], covered: _Covered) -> tuple[list[_Placed], _Covered]:
    cells: list[_Placed] = []
    column, following = 0, {}
    waiting = list(row)
    while (waiting or any(start >= column for start in covered)) and column < COLUMNS_MOST:
        if column in covered:
            rows, width = covered[column]
            cells.append((None, width, "continue"))
            if rows > 1:
                following[column] = (rows - 1, width)
        elif waiting:
            cell = waiting.pop(0)
            room = min((start for start in covered if start > column), default=COLUMNS_MOST) - column
            width = min(cell.colspan, room, SPAN_LIMIT)
            cells.append((cell, width, "restart" if cell.rowspan > 1 else ""))
            if cell.rowspan > 1:
                following[column] = (cell.rowspan - 1, width)
        else:
            width = 1
            cells.append((None, 1, ""))
        column += width
    if waiting:  # more cells than Word has columns: their words go into the last
        cells.append((Cell(" ".join(cell.content for cell in waiting)), 1, ""))
    return cells, following


def _row(cells: Sequence[_Placed], width: int) -> str:
    used = sum(span for _, span, _ in cells)
    rest = [(None, 1, "")] * (width - used)
    return f"<w:tr>{''.join(_cell(*cell) for cell in [*cells, *rest])}</w:tr>"


def _cell(cell: Cell | None, span: int, merge: str) -> str:
    wide = f'<w:gridSpan w:val="{span}"/>' if span > 1 else ""
    tall = f'<w:vMerge w:val="{merge}"/>' if merge else ""
    words = _runs_of(cell.content, bold=cell.header) if cell else ""
    return f"<w:tc><w:tcPr>{wide}{tall}</w:tcPr>{_paragraph(words)}</w:tc>"


def _runs_of(content: str, *, bold: bool = False) -> str:
    marks = frozenset({"b"}) if bold else frozenset()
    return "".join(_runs_with_formulas(words, around | marks) for words, around in runs(content))


def _runs_with_formulas(words: str, marks: frozenset[str]) -> str:
    made, last = [], 0
    for start, end in latex_spans(words) if "code" not in marks else ():
        tree = formulas.tree(_xml(words[start:end]))
        if tree is not None:
            made += [_run(words[last:start], marks) if start > last else "", office_math(tree)]
            last = end
    return "".join([*made, _run(words[last:], marks) if last < len(words) else ""])


def _paragraph(inside: str, properties: str = "") -> str:
    return f"<w:p>{f'<w:pPr>{properties}</w:pPr>' if properties else ''}{inside}</w:p>"


def _run(words: str, marks: frozenset[str]) -> str:
    properties = "".join(dict.fromkeys(_MARKS[name] for name in _ORDER if name in marks))
    lines = _xml(words).replace("\r\n", "\n").split("\n")
    text = "<w:br/>".join(f'<w:t xml:space="preserve">{escape(line)}</w:t>' for line in lines)
    return f"<w:r>{f'<w:rPr>{properties}</w:rPr>' if properties else ''}{text}</w:r>"


def _xml(words: str) -> str:
    """Without what XML cannot hold."""
    return _NOT_XML.sub("\ufffd", words)


def _drawing(number: int, width_emu: int, height_emu: int, name: str) -> str:
    said = escape(_xml(name), {'"': "&quot;"})
    size = f'cx="{width_emu}" cy="{height_emu}"'
    return (
        '<w:r><w:drawing><wp:inline xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing" '
        'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" '
        'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships" '
        'xmlns:pic="http://schemas.openxmlformats.org/drawingml/2006/picture">'
        f'<wp:extent {size}/><wp:docPr id="{number}" name="{said}" descr="{said}"/>'
        '<a:graphic><a:graphicData uri="http://schemas.openxmlformats.org/drawingml/2006/picture"><pic:pic>'
        f'<pic:nvPicPr><pic:cNvPr id="{number}" name="{said}"/><pic:cNvPicPr/></pic:nvPicPr>'
        f'<pic:blipFill><a:blip r:embed="figure{number}"/><a:stretch><a:fillRect/></a:stretch></pic:blipFill>'
        f'<pic:spPr><a:xfrm><a:off x="0" y="0"/><a:ext {size}/></a:xfrm>'
        '<a:prstGeom prst="rect"><a:avLst/></a:prstGeom></pic:spPr>'
        "</pic:pic></a:graphicData></a:graphic></wp:inline></w:drawing></w:r>"
    )
