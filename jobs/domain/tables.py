"""HTML tables in a model's text -> rows of cells, and those as pipe table, HTML or tab separated lines."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

SPAN_LIMIT = 1000
PADDING_LIMIT_CELLS = 100_000  # what spans may add to one table of plain text

_INLINE = ("b", "i", "u", "s", "em", "strong", "sup", "sub", "br")
_TAGS = ("table", "caption", "thead", "tbody", "tfoot", "tr", "td", "th", "center", "p", "div", "span", *_INLINE)
_EDGE = re.compile(r"<(/?)table\b[^<>]*>", re.IGNORECASE)
_STRAY = re.compile(rf"<(?!/?(?:{'|'.join(_TAGS)})\b[^<>]{{0,300}}>)", re.IGNORECASE)
_MARKUP = re.compile(rf"<(/?)({'|'.join(_TAGS)})\b[^<>]{{0,300}}>", re.IGNORECASE)
_OPENS = re.compile(r"<(?=[a-zA-Z/!?])")


@dataclass
class Cell:
    """`content` is text with inline HTML (<sup>, <br>…) and entities decoded once, as the model meant it."""

    content: str = ""
    rowspan: int = 1
    colspan: int = 1
    header: bool = False


@dataclass
class Table:
    rows: list[list[Cell]] = field(default_factory=list)
    caption: str = ""
    outside: str = ""  # text that stands between the tags where none belongs

    @property
    def plain(self) -> bool:
        """Can a pipe table say it? Not with spans, and not where LaTeX holds a pipe, which would end the cell."""
        cells = [cell for row in self.rows for cell in row]
        return all(cell.rowspan == cell.colspan == 1 and not _pipe_in_latex(cell.content) for cell in cells)


def split_tables(body: str) -> Iterator[tuple[bool, str]]:
    """The body in order, as (is a table, text). A table that was never closed goes to the end; nested ones stay in."""
    start, depth, last = 0, 0, 0
    for edge in _EDGE.finditer(body):
        if not edge.group(1):
            start = edge.start() if depth == 0 else start
            depth += 1
        elif depth:
            depth -= 1
            if depth == 0:
                yield False, body[last:start]
                yield True, body[start : edge.end()]
                last = edge.end()
    if depth:
        yield False, body[last:start]
        yield True, body[start:]
    else:
        yield False, body[last:]


def parse_table(source: str) -> Table | None:
    """The table, None where tables are nested: that stays as it is. Unclosed cells and rows are taken as they are."""
    if sum(not edge.group(1) for edge in _EDGE.finditer(source)) > 1:
        return None
    reader = _Reader()
    # The parser sees known tags alone: "<" in a text is no tag, and no odd construct swallows words or takes long.
    reader.feed(_STRAY.sub("&lt;", source))
    reader.close()
    return reader.finished()


def as_pipes(table: Table) -> str:
    """GitHub's form. The first row is the head, since the form has to have one."""
    width = max((len(row) for row in table.rows), default=0)
    if not width:
        return _beside(table, "")
    lines = [
        "| " + " | ".join([_pipe_cell(cell.content) for cell in row] + [""] * (width - len(row))) + " |"
        for row in table.rows
    ]
    lines.insert(1, "|" + " --- |" * width)
    return _beside(table, "\n".join(lines))


def as_html(table: Table) -> str:
    """Closed and tidy: rows, cells and spans alone."""
    rows = ["<tr>" + "".join(_html_cell(cell) for cell in row) + "</tr>" for row in table.rows]
    caption = f"<caption>{_html_text(table.caption)}</caption>" if table.caption else ""
    return "\n\n".join(part for part in (table.outside, f"<table>{caption}{''.join(rows)}</table>") if part)


def as_tabs(table: Table) -> str:
    """Rows as lines, cells by tabs. What a cell spans is filled with empty ones: columns stay under one another."""
    return _beside(table, "\n".join("\t".join(row) for row in grid(table)), plain=True)


def grid(table: Table) -> list[list[str]]:
    """Rows of cells' words, what a cell spans filled with empty ones, up to PADDING_LIMIT_CELLS of them."""
    rows: list[list[str]] = []
    covered: dict[int, int] = {}  # column -> rows, this one included, that a cell from above reaches into
    budget = PADDING_LIMIT_CELLS
    for row in table.rows:
        line: list[str] = []
        opened: dict[int, int] = {}
        for cell in row:
            while covered.get(len(line)):
                line.append("")
            width = min(cell.colspan, max(budget, 1))
            budget -= width - 1
            if cell.rowspan > 1:
                opened |= dict.fromkeys(range(len(line), len(line) + width), cell.rowspan - 1)
            line += [plain_text(cell.content, " ").strip(), *[""] * (width - 1)]
        rows.append(line)
        budget -= len(covered)
        covered = {column: left - 1 for column, left in covered.items() if left > 1} | opened if budget > 0 else {}
    return rows


def harmless(cell: str) -> str:
    """A cell for a spreadsheet: an apostrophe before what a spreadsheet would take for a formula.

    That is = + - @ and their full-width forms, TAB, CR and LF, also behind spaces (OWASP, "CSV Injection").
    """
    return f"'{cell}" if cell.lstrip(" ")[:1] in _BEGINS_FORMULA or cell.lstrip()[:1] in _BEGINS_FORMULA else cell


_BEGINS_FORMULA = tuple("=+-@＝＋－＠\t\r\n")


def runs(content: str) -> list[tuple[str, frozenset[str]]]:
    """A cell's content as (words, the inline tags they stand in); a line break is a newline."""
    found: list[tuple[str, frozenset[str]]] = []
    tags: list[str] = []
    last = 0
    for tag in _INLINE_TAG.finditer(content):
        found.append((content[last : tag.start()], frozenset(tags)))
        last, name = tag.end(), tag.group(2).lower()
        if name == "br":
            found.append(("\n", frozenset(tags)))
        elif not tag.group(1):
            tags.append(name)
        elif name in tags:
            tags.remove(name)
    found.append((content[last:], frozenset(tags)))
    return [(words, around) for words, around in found if words]


_INLINE_TAG = re.compile(rf"<(/?)({'|'.join(_INLINE)})\s?/?>", re.IGNORECASE)


def plain_text(text: str, line_break: str = "\n") -> str:
    """Without the inline tags a model writes; everything else that looks like a tag is text and stays."""
    return _MARKUP.sub(lambda tag: line_break if tag.group(2).lower() == "br" else "", text)


def latex_spans(text: str) -> list[tuple[int, int]]:
    r"""Where \(…\) and \[…\] stand, as (start, end), in linear time. What is never closed is none."""
    spans, position, missing = [], 0, set()
    while (start := _next_opening(text, position)) >= 0:
        close = "\\)" if text[start + 1] == "(" else "\\]"
        end = -1 if close in missing else text.find(close, start + 2)
        if end < 0:
            missing.add(close)
            position = start + 2
        else:
            spans.append((start, end + 2))
            position = end + 2
    return spans


_OPENING = re.compile(r"\\[(\[]")


def _next_opening(text: str, position: int) -> int:
    found = _OPENING.search(text, position)
    return found.start() if found else -1


def _pipe_in_latex(text: str) -> bool:
    return "|" in text and any("|" in text[start:end] for start, end in latex_spans(text))


def _outside_latex(text: str) -> Iterator[tuple[bool, str]]:
    last = 0
    for start, end in latex_spans(text):
        yield True, text[last:start]
        yield False, text[start:end]
        last = end
    yield True, text[last:]


def _pipe_cell(content: str) -> str:
    parts = [_pipe_text(part) if outside else part for outside, part in _outside_latex(content)]
    return " ".join("".join(parts).split())


def _pipe_text(text: str) -> str:
    return _STRAY_IN_CELL.sub("&lt;", text).replace("|", "\\|")


_STRAY_IN_CELL = re.compile(rf"<(?=[a-zA-Z/!?])(?!/?(?:{'|'.join(_INLINE)})\s?/?>)", re.IGNORECASE)


def _html_cell(cell: Cell) -> str:
    name = "th" if cell.header else "td"
    spans = "".join(
        f' {kind}="{size}"' for kind, size in (("rowspan", cell.rowspan), ("colspan", cell.colspan)) if size > 1
    )
    return f"<{name}{spans}>{_html_text(cell.content)}</{name}>"


def _html_text(text: str) -> str:
    """Entities for & and for "<" that opens no inline tag. Blank lines would end the HTML block in Markdown."""
    escaped = _STRAY_INLINE.sub("&lt;", text.replace("&", "&amp;"))
    return re.sub(r"\n\s*\n", "\n", escaped)


_STRAY_INLINE = re.compile(rf"<(?!/?(?:{'|'.join(_INLINE)})\s?/?>)", re.IGNORECASE)


def _beside(table: Table, text: str, *, plain: bool = False) -> str:
    parts = (table.outside, table.caption, text)
    return "\n\n".join(plain_text(part) if plain and part is not text else part for part in parts if part)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._table = Table()
        self._cell: Cell | None = None
        self._in_caption = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self._end_cell()
            self._table.rows.append([])
        elif tag in ("td", "th"):
            self._begin_cell(dict(attrs), tag == "th")
        elif tag == "caption":
            self._in_caption = True
        elif tag in _INLINE:
            self._add(f"<{tag}>")
        elif tag in ("p", "div"):
            self._add(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th", "tr", "table"):
            self._end_cell()
        elif tag == "caption":
            self._in_caption = False
        elif tag in _INLINE and tag != "br":
            self._add(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        # Models escape twice ("&amp;gt;"); a page that shows "&gt;" itself is rarer than that.
        self._add(html.unescape(data))

    def finished(self) -> Table:
        self._end_cell()
        table = self._table
        table.rows = [row for row in table.rows if row]
        table.caption, table.outside = table.caption.strip(), table.outside.strip()
        return table

    def _begin_cell(self, attributes: dict[str, str | None], header: bool) -> None:
        self._end_cell()
        if not self._table.rows:
            self._table.rows.append([])
        self._cell = Cell("", _span(attributes.get("rowspan")), _span(attributes.get("colspan")), header)
        self._table.rows[-1].append(self._cell)

    def _end_cell(self) -> None:
        if self._cell is not None:
            self._cell.content = self._cell.content.strip()
        self._cell = None

    def _add(self, text: str) -> None:
        if self._cell is not None:
            self._cell.content += text
        elif self._in_caption:
            self._table.caption += text
        else:
            self._table.outside += text


def _span(value: str | None) -> int:
    digits = (value or "").strip()
    return min(max(int(digits), 1), SPAN_LIMIT) if digits.isascii() and digits.isdigit() and len(digits) < 10 else 1
