"""Tesseract's TSV as paragraphs, and paragraphs as the text a page is answered with. Pure.

Boxes are px of the image that was sent. Tesseract turns them back itself when it reads a sideways or upside-down page
(`--psm 1`), so a line of such a page runs downwards, upwards or to the left here.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

COORDINATE_MAX = 999
"""DeepSeek-OCR gives coordinates as integers from 0 to 999, whatever the size of the image."""

_WORD_LEVEL = "5"
_TSV_COLUMNS = 12
_LIST_ITEM = re.compile(r"[•·▪◦‣*–—-]|\(?\d{1,3}[.)]|\(?[A-Za-z][.)]")
_RUNNING_TEXT_COLUMNS = 30  # a narrow newspaper column
_HYPHENS = ("-", "\u2010", "\u00ad")


@dataclass(frozen=True)
class Box:
    """Edges in px; right and bottom are the first px outside."""

    left: int
    top: int
    right: int
    bottom: int


@dataclass(frozen=True)
class Word:
    text: str
    box: Box


Line = tuple[Word, ...]
Paragraph = tuple[Line, ...]
_Extent = Callable[[Box], tuple[int, int]]


def read_tsv(tsv: str) -> list[Paragraph]:
    """Paragraphs in reading order. Rows that are no words (pictures come as a blank one) are left out."""
    paragraphs = []
    words = ((key, word) for key, word in map(_read_row, tsv.splitlines()) if word is not None)
    for _, rows in groupby(words, key=lambda row: row[0][:-1]):
        lines = groupby(rows, key=lambda row: row[0])
        paragraphs.append(tuple(tuple(word for _, word in line) for _, line in lines))
    return paragraphs


def _read_row(row: str) -> tuple[tuple[str, ...], Word | None]:
    """(page, block, paragraph, line) and the word; None for a header, a row of another level, or a blank."""
    columns = row.split("\t", _TSV_COLUMNS - 1)
    if len(columns) < _TSV_COLUMNS or columns[0] != _WORD_LEVEL or not columns[-1].strip():
        return (), None
    left, top, width, height = (int(value) for value in columns[6:10])
    return tuple(columns[1:5]), Word(columns[-1].strip(), Box(left, top, left + width, top + height))


def count_words(paragraphs: Iterable[Paragraph]) -> int:
    return sum(len(line) for paragraph in paragraphs for line in paragraph)


def first_words(paragraphs: Iterable[Paragraph], limit: int) -> list[Paragraph]:
    """The same paragraphs, cut after `limit` words."""
    kept: list[Paragraph] = []
    for paragraph in paragraphs:
        lines = []
        for line in paragraph:
            if part := line[:limit]:
                lines.append(part)
            limit -= len(part)
        if lines:
            kept.append(tuple(lines))
    return kept


def tagged_blocks(paragraphs: Iterable[Paragraph], width_px: int, height_px: int) -> list[str]:
    """One block a paragraph: `<|ref|>text<|/ref|><|det|>[[x1, y1, x2, y2]]<|/det|>`, a newline, its text."""
    return [
        f"<|ref|>text<|/ref|><|det|>[[{_coordinates(paragraph, width_px, height_px)}]]<|/det|>\n"
        f"{paragraph_text(paragraph)}"
        for paragraph in paragraphs
    ]


def plain_blocks(paragraphs: Iterable[Paragraph]) -> list[str]:
    return [paragraph_text(paragraph) for paragraph in paragraphs]


def joined(blocks: Sequence[str]) -> list[str]:
    """The blocks with a blank line between them: put together they are the answer, one by one they are its stream."""
    return [*(f"{block}\n\n" for block in blocks[:-1]), *blocks[-1:]]


def _coordinates(paragraph: Paragraph, width_px: int, height_px: int) -> str:
    """Rounded outwards, so that the box still covers its words when a reader rounds down."""
    boxes = [word.box for line in paragraph for word in line]
    edges = (
        math.floor(min(box.left for box in boxes) * COORDINATE_MAX / width_px),
        math.floor(min(box.top for box in boxes) * COORDINATE_MAX / height_px),
        math.ceil(max(box.right for box in boxes) * COORDINATE_MAX / width_px),
        math.ceil(max(box.bottom for box in boxes) * COORDINATE_MAX / height_px),
    )
    return ", ".join(str(min(max(edge, 0), COORDINATE_MAX)) for edge in edges)


def paragraph_text(paragraph: Paragraph) -> str:
    """Lines that were wrapped are joined by a space; lines that were ended on purpose stay lines.

    So do the lines of a paragraph too narrow for running text: cells, addresses, labels.
    A hyphen at a line's end keeps its line break: whether it belongs to the word ("well-known") or only to the wrapping
    cannot be seen, and words are not changed here.
    """
    extent = _reading_extent(paragraph) if _is_wide(paragraph) else None
    text = _line_text(paragraph[0])
    for line, following in pairwise(paragraph):
        wrapped = extent is not None and _is_wrapped(line, following, _end_of(paragraph, extent), extent)
        joint = _space_between(text, following[0].text) if wrapped else "\n"
        text += joint + _line_text(following)
    return without_tags(text)


def without_tags(text: str) -> str:
    """Words that look like the format's own tags are opened up, so that a page that shows `<|ref|>` cannot break it."""
    return text.replace("<|", "< |")


def _line_text(line: Line) -> str:
    text = line[0].text
    for word in line[1:]:
        text += _space_between(text, word.text) + word.text
    return text


def _space_between(before: str, after: str) -> str:
    """Chinese and Japanese are written without spaces, though tesseract reports their characters as words."""
    return "" if _is_spaceless(before[-1]) and _is_spaceless(after[0]) else " "


def _is_spaceless(character: str) -> bool:
    name = unicodedata.name(character, "")
    return name.startswith(("CJK", "HIRAGANA", "KATAKANA", "IDEOGRAPHIC", "FULLWIDTH"))


def _is_wide(paragraph: Paragraph) -> bool:
    return max(sum(map(_columns, _line_text(line))) for line in paragraph) >= _RUNNING_TEXT_COLUMNS


def _columns(character: str) -> int:
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _is_wrapped(line: Line, following: Line, end: int, extent: _Extent) -> bool:
    """True if the line is full: the next line's first word would not have fitted before the paragraph's end."""
    if line[-1].text.endswith(_HYPHENS) or _LIST_ITEM.fullmatch(following[0].text):
        return False
    room = end - extent(line[-1].box)[1]
    start, stop = extent(following[0].box)
    space = (stop - start) / len(following[0].text)
    return room < (stop - start) + space


def _end_of(paragraph: Paragraph, extent: _Extent) -> int:
    return max(extent(line[-1].box)[1] for line in paragraph)


def _reading_extent(paragraph: Paragraph) -> _Extent | None:
    """How to read a box's start and end along the direction in which the lines run; None if no line has two words."""
    line = max(paragraph, key=len)
    if len(line) < 2:
        return None
    first, last = line[0].box, line[-1].box
    across = (last.left + last.right) - (first.left + first.right)
    down = (last.top + last.bottom) - (first.top + first.bottom)
    if abs(across) >= abs(down):
        return _rightwards if across > 0 else _leftwards
    return _downwards if down > 0 else _upwards


def _rightwards(box: Box) -> tuple[int, int]:
    return box.left, box.right


def _leftwards(box: Box) -> tuple[int, int]:
    return -box.right, -box.left


def _downwards(box: Box) -> tuple[int, int]:
    return box.top, box.bottom


def _upwards(box: Box) -> tuple[int, int]:
    return -box.bottom, -box.top
