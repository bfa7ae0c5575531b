"""DeepSeek-OCR's tagged output -> blocks with label, boxes and body.

    <|ref|>title<|/ref|><|det|>[[330, 198, 559, 230]]<|/det|>
    # Annual report

Tolerant of whatever a model writes, in linear time, and nothing a reader could miss is dropped: what does not belong
to a tag or to its coordinates ends in a body. (The reference script evaluates coordinates as Python. This does not.)
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

Box = tuple[int, int, int, int]

_NAMES = """title sub_title text equation image image_caption table table_caption table_footnote header footer
page_number chart figure figure_caption list code footnote reference seal"""
LABELS = frozenset(_NAMES.split())  # seen in outputs and fixtures; the set is open
GRID = 999  # coordinates run from 0 to 999 over the whole page, whatever its shape

_TAG = re.compile(r"<\|(/?(?:ref|det))\|>")
_SPECIAL = re.compile(r"<｜[^｜<>\n]{1,40}｜>|<\|grounding\|>")
_CUT_TAG = re.compile(r"<\|/?(?:r|re|ref|d|de|det)?\|?\Z")
_BOX = re.compile(r"\[\s*(-?\d{1,6})\s*,\s*(-?\d{1,6})\s*,\s*(-?\d{1,6})\s*,\s*(-?\d{1,6})\s*\]")
_COORDINATES = re.compile(r"[\[\]\d\s,.-]*")
_CLASS = re.compile(r"[a-z]{1,20}(?:_[a-z]{1,20}){0,3}")
# What is left where a host drops the tags (skip_special_tokens): a known label and its boxes, alone on a line.
_BARE = re.compile(rf"^({'|'.join(sorted(LABELS))})(\[\[[\d\s,\[\]]{{7,400}}\]\])[ \t]*$", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A piece of a page. `boxes`, none or several, are (x1, y1, x2, y2) in px of the page image, origin top left."""

    label: str
    boxes: tuple[Box, ...]
    body: str


@dataclass(frozen=True)
class _Piece:
    """A tag and the text after it, up to the next tag. `tag` is "" for what stands before the first."""

    tag: str
    text: str


def parse(raw: str, width_px: int, height_px: int) -> list[Block]:
    """The blocks of a page in the model's order, boxes scaled to the image. Text without tags is one block "text"."""
    cleaned = _CUT_TAG.sub("", _SPECIAL.sub("", raw))
    if "<|ref|>" not in cleaned and "<|det|>" not in cleaned:
        cleaned = _BARE.sub(r"<|ref|>\1<|/ref|><|det|>\2<|/det|>", cleaned)
    return _tables_paired(_told_from_text(list(_blocks(_pieces(cleaned), width_px, height_px))))


def _pieces(raw: str) -> list[_Piece]:
    parts = _TAG.split(raw)  # text, tag, text, tag, text…
    return [_Piece("", parts[0])] + [_Piece(parts[i], parts[i + 1]) for i in range(1, len(parts), 2)]


def _blocks(pieces: list[_Piece], width_px: int, height_px: int) -> Iterator[Block]:
    """Each opening tag starts a block; the texts of closing and stray tags go on with the one before."""
    draft = _Draft()
    for number, piece in enumerate(pieces):
        following = pieces[number + 1].tag if number + 1 < len(pieces) else ""
        if piece.tag == "ref" or (piece.tag == "det" and not draft.awaits_boxes):
            yield from draft.finished()
            draft = _Draft()
        if piece.tag == "ref":
            draft.label, rest = _opened(piece.text, following)
            draft.awaits_boxes = bool(draft.label)
        elif piece.tag == "det":
            draft.boxes, rest = _read_boxes(piece.text, following, width_px, height_px)
            draft.awaits_boxes = False
        else:
            rest = piece.text
        draft.add(rest)
    yield from draft.finished()


@dataclass
class _Draft:
    """A block in the making. Without a label it is text that nobody tagged."""

    label: str = ""
    boxes: tuple[Box, ...] = ()
    texts: list[str] = field(default_factory=list)
    awaits_boxes: bool = False

    def add(self, text: str) -> None:
        self.texts.append(text)
        self.awaits_boxes = self.awaits_boxes and not text.strip()

    def finished(self) -> Iterator[Block]:
        body = "".join(self.texts).strip()
        if body or self.boxes or self.label:
            yield Block(self.label or "text", self.boxes, body)


def _opened(text: str, following: str) -> tuple[str, str]:
    """After <|ref|>: (label, "") where the label is closed or coordinates follow or its end was cut off, else text."""
    label = " ".join(text.split())
    if following in ("/ref", "det"):
        return label, ""
    if not following and (whole := sorted(name for name in LABELS if label and name.startswith(label))):
        return whole[0], ""
    return "", text


def _read_boxes(text: str, following: str, width_px: int, height_px: int) -> tuple[tuple[Box, ...], str]:
    """Boxes, and what of the text is none. Without a closing tag the coordinates end where they stop looking so."""
    end = len(text) if following == "/det" else _end_of_coordinates(text)
    told, rest = text[:end], text[end:]
    boxes = tuple(_scaled(found.groups(), width_px, height_px) for found in _BOX.finditer(told))
    odd = "" if _COORDINATES.fullmatch(told) else _BOX.sub("", told)
    return boxes, odd + rest


def _end_of_coordinates(text: str) -> int:
    """Behind the last complete box of an unclosed list; at the end where nothing but a cut-off list is there."""
    if _COORDINATES.fullmatch(text) and text.lstrip().startswith("["):
        return len(text)
    line = text.split("\n", 1)[0]
    end = 0
    for found in _BOX.finditer(line):
        if _COORDINATES.fullmatch(line, end, found.start()) is None:
            break
        end = found.end()
    return end + (1 if end and line[end : end + 1] == "]" else 0)


def _scaled(values: tuple[str, ...], width_px: int, height_px: int) -> Box:
    x1, y1, x2, y2 = (int(value) for value in values)
    xs = sorted(_clamped(x, width_px) for x in (x1, x2))
    ys = sorted(_clamped(y, height_px) for y in (y1, y2))
    return xs[0], ys[0], xs[1], ys[1]


def _clamped(value: int, size_px: int) -> int:
    return min(max(int(value / GRID * size_px), 0), max(size_px, 0))


def _told_from_text(blocks: list[Block]) -> list[Block]:
    """Labels are classes after "Convert…", but after "OCR this image." they hold the text itself, and bodies are empty.

    A label that is no known class and has no body is taken for text: rather one word too many than one lost. Where no
    block has a body, that goes for the words "table" and "title" too.
    """
    only_labels = not any(block.body for block in blocks) and any(block.label not in LABELS for block in blocks)
    return [_told(block, only_labels) for block in blocks]


def _told(block: Block, only_labels: bool) -> Block:
    if block.label in LABELS and not (only_labels and block.boxes):
        return block
    if block.body and _CLASS.fullmatch(block.label):
        return block
    return replace(block, label="text", body="\n".join(part for part in (block.label, block.body) if part))


def _tables_paired(blocks: list[Block]) -> list[Block]:
    """The caption trap: the tag of a caption follows its table's, and the table stands under the caption.

    The table's text goes to the empty block "table", which then follows its caption: the model's order of words stays.
    """
    paired: list[Block] = []
    for block in blocks:
        before = paired[-1] if paired else None
        start = block.body.lower().find("<table") if block.label.startswith("table_") else -1
        if before is None or before.label != "table" or before.body or start < 0:
            paired.append(block)
            continue
        paired[-1] = replace(block, body=block.body[:start].rstrip())
        paired.append(replace(before, body=block.body[start:]))
    return paired
