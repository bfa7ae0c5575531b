"""Blocks -> Markdown, plain text, JSON. HTML is made from the Markdown (gateways/markup.py), where it is made safe."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from jobs.domain.grounding import Block, Box
from jobs.domain.tables import as_html, as_pipes, as_tabs, parse_table, plain_text, split_tables

_CENTER = re.compile(r"</?center>", re.IGNORECASE)
_HEADING = re.compile(r"^#{1,6}[ \t]+", re.MULTILINE)
_MANY_NEWLINES = re.compile(r"\n{3,}")
_HEADINGS: Mapping[str, str] = {"title": "# ", "sub_title": "## "}
FIGURE_LABELS = frozenset({"image", "figure", "chart", "seal"})


@dataclass(frozen=True)
class Figure:
    """A part of a page that is a picture. `number` counts from 1 on its page; `box` in px of the page image."""

    number: int
    box: Box


def to_markdown(blocks: Iterable[Block]) -> str:
    """Blocks in their order, a blank line between them. Tables with spans stay HTML, LaTeX stays as it is."""
    return _joined(_markdown(block) for block in blocks)


def in_parts(blocks: Iterable[Block]) -> list[str | Figure]:
    """Markdown and figures in their order. Each box of a picture is a figure of its own; what is said in it follows."""
    parts: list[str | Figure] = []
    for is_figure, part in groupby(_parts_of_blocks(blocks), key=lambda part: isinstance(part, tuple)):
        if is_figure:
            count = sum(isinstance(earlier, Figure) for earlier in parts)
            parts += [Figure(number, box) for number, box in enumerate(part, count + 1) if isinstance(box, tuple)]
        else:
            parts.append("\n\n".join(words for words in part if isinstance(words, str)))
    return parts


def _parts_of_blocks(blocks: Iterable[Block]) -> Iterator[str | Box]:
    for block in blocks:
        if block.label in FIGURE_LABELS:
            yield from ((x1, y1, x2, y2) for x1, y1, x2, y2 in block.boxes if x2 > x1 and y2 > y1)
        if text := _markdown(block):
            yield text


def to_text(blocks: Iterable[Block]) -> str:
    """Words alone: no marks of headings, tables as lines of tab separated cells."""
    return _joined(_text(block) for block in blocks)


def blocks_as_json(blocks: Iterable[Block]) -> list[dict[str, Any]]:
    """As the API shows them: label, boxes as lists of four numbers, body."""
    return [{"label": block.label, "boxes": [list(box) for box in block.boxes], "body": block.body} for block in blocks]


def blocks_from_json(stored: Sequence[Mapping[str, Any]]) -> list[Block]:
    """The way back. Raises KeyError, TypeError or ValueError on what `blocks_as_json` never made."""
    return [Block(str(item["label"]), tuple(_box(box) for box in item["boxes"]), str(item["body"])) for item in stored]


def _box(box: Sequence[int]) -> tuple[int, int, int, int]:
    x1, y1, x2, y2 = (int(value) for value in box)
    return x1, y1, x2, y2


def _joined(parts: Iterable[str]) -> str:
    return "\n\n".join(part for part in parts if part)


def _markdown(block: Block) -> str:
    parts = [_table_in_markdown(part) if is_table else part.strip() for is_table, part in _parts(block)]
    text = _MANY_NEWLINES.sub("\n\n", _joined(parts))
    mark = _HEADINGS.get(block.label, "")
    return f"{mark}{text}" if text and mark and not text.startswith(("#", "<", "|")) else text


def _text(block: Block) -> str:
    parts = [_table_in_text(part) if is_table else _words(part) for is_table, part in _parts(block)]
    return _MANY_NEWLINES.sub("\n\n", _joined(parts))


def _parts(block: Block) -> list[tuple[bool, str]]:
    return [(is_table, part) for is_table, part in split_tables(_CENTER.sub("", block.body)) if part.strip()]


def _table_in_markdown(source: str) -> str:
    table = parse_table(source)
    if table is None:
        return source
    return as_pipes(table) if table.plain else as_html(table)


def _table_in_text(source: str) -> str:
    table = parse_table(source)
    return plain_text(source, " ") if table is None else as_tabs(table)


def _words(text: str) -> str:
    return _HEADING.sub("", plain_text(text)).strip()
