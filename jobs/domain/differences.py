"""Two texts of a page beside each other: line by line, with the words that changed, and long equal stretches folded."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher

CONTEXT_LINES = 2  # equal lines left around a change
WORDS_LIMIT = 600  # of one line; beyond, the line is marked as a whole
_WORDS = re.compile(r"\s+|[^\s]+")


@dataclass(frozen=True)
class Piece:
    """Words of a line; `changed` where the other side says something else."""

    text: str
    changed: bool = False


Side = tuple[Piece, ...] | None


@dataclass(frozen=True)
class Row:
    """One line on either side; None where a side has none. `folded`: equal lines not shown here."""

    left: Side = None
    right: Side = None
    folded: int = 0

    @property
    def changed(self) -> bool:
        return not self.folded and self.left != self.right


def rows(old: str, new: str) -> list[Row]:
    """What a person compares. Blank lines carry no words and are left out."""
    a, b = _lines(old), _lines(new)
    found: list[Row] = []
    for kind, a1, a2, b1, b2 in SequenceMatcher(None, a, b).get_opcodes():
        if kind == "equal":
            found += _equal(a[a1:a2], first=a1 == 0, last=a2 == len(a))
        else:
            found += _changed(a[a1:a2], b[b1:b2])
    return found


def changes(found: list[Row]) -> int:
    """How many lines differ."""
    return sum(row.changed for row in found)


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]


def _equal(lines: list[str], *, first: bool, last: bool) -> Iterator[Row]:
    head, tail = (0 if first else CONTEXT_LINES), (0 if last else CONTEXT_LINES)
    if len(lines) <= head + tail + 1:
        head, tail = len(lines), 0
    shown = [Row((Piece(line),), (Piece(line),)) for line in lines]
    yield from shown[:head]
    if len(lines) - head - tail:
        yield Row(folded=len(lines) - head - tail)
    yield from shown[len(lines) - tail :]


def _changed(old: list[str], new: list[str]) -> Iterator[Row]:
    for place in range(max(len(old), len(new))):
        left = old[place] if place < len(old) else None
        right = new[place] if place < len(new) else None
        if left is not None and right is not None:
            yield Row(*_words_compared(left, right))
        elif left is not None:
            yield Row(left=(Piece(left, changed=True),))
        elif right is not None:
            yield Row(right=(Piece(right, changed=True),))


def _words_compared(old: str, new: str) -> tuple[Side, Side]:
    a, b = _WORDS.findall(old), _WORDS.findall(new)
    if len(a) > WORDS_LIMIT or len(b) > WORDS_LIMIT:
        return (Piece(old, changed=True),), (Piece(new, changed=True),)
    left: list[Piece] = []
    right: list[Piece] = []
    for kind, a1, a2, b1, b2 in SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        changed = kind != "equal"
        left += [Piece("".join(a[a1:a2]), changed)] if a2 > a1 else []
        right += [Piece("".join(b[b1:b2]), changed)] if b2 > b1 else []
    return tuple(left), tuple(right)
