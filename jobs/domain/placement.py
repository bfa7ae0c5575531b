"""Where the words of a block stand, when only the block's box is known: for a searchable PDF.

What is known decides. The lines of ink inside the box, where there is a picture: the words are shared out to them by
their widths, and within a line the widest gaps are those between words. Without them, lines as high as the number of
words and the box's shape make likely.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

LINE_HEIGHT = 1.2  # times the size of the print
# How far letters reach from their baseline, times the size of the print, as in Helvetica and most others.
TALL, LOW, DEEP = 0.72, 0.53, 0.21
SLACK_WORDS = 8  # how far a line's end may be from where the widths alone put it
COUNT_WEIGHT = 0.02  # a word too many or too few in a line counts as a seventh of its width does
WIDE_GAP = 0.5  # times the size of the print: no wider gap speaks any louder
MOST_WORDS = 20_000  # of one block; a page of small print has about 2,000

_LOW_LETTERS = frozenset("acegmnopqrsuvwxyz.,:;-–—_·•")
_DEEP_LETTERS = frozenset("gjpqyQ,;()[]{}|/ß§µ")
_NARROW, _WIDE = frozenset("iljtfrI.,:;'|!()[]1-"), frozenset("mwMW@%")


@dataclass(frozen=True)
class InkLine:
    """A line of print: its rows, and its strokes as (first column, first column without), in px."""

    top: int
    bottom: int
    strokes: tuple[tuple[int, int], ...]

    @property
    def width(self) -> int:
        return self.strokes[-1][1] - self.strokes[0][0]


@dataclass(frozen=True)
class PlacedWord:
    """A word in px of the page image: its edges, the line it stands on, and the size of its print."""

    text: str
    left: float
    right: float
    baseline: float
    size: float


def place(text: str, boxes: Sequence[tuple[int, int, int, int]], ink: Sequence[InkLine] = ()) -> list[PlacedWord]:
    """Every word of a text somewhere inside its boxes, in order. Nothing where there is no box."""
    words = text.split()[:MOST_WORDS]
    boxes = [box for box in boxes if box[2] > box[0] and box[3] > box[1]]
    if not words or not boxes:
        return []
    likely = _likely_lines(words, boxes, text)
    if ink and likely / 2.5 <= len(ink) <= max(likely * 2.5, 2) and len(ink) <= len(words):
        shares = _shared_out(words, [line.width for line in ink], _words_in(ink, len(words)))
        return [word for share, line in zip(shares, ink, strict=True) for word in _on_ink(share, line)]
    rows = _rows(boxes, likely)
    shares = _shared_out(words, [row.right - row.left for row in rows], None)
    return [word for share, row in zip(shares, rows, strict=True) for word in _evenly(share, row)]


def _likely_lines(words: Sequence[str], boxes: Sequence[tuple[int, int, int, int]], text: str) -> int:
    """As many lines as print of one size needs to fill the boxes, and no fewer than the text itself has."""
    height = sum(y2 - y1 for _, y1, _, y2 in boxes)
    width = max(x2 - x1 for x1, _, x2, _ in boxes)
    letters = _width(" ".join(words))
    fitting = round(math.sqrt(letters * height / (LINE_HEIGHT * width)))
    told = sum(bool(line.strip()) for line in text.splitlines())
    return min(max(fitting, told, len(boxes)), len(words))


@dataclass(frozen=True)
class _Row:
    left: float
    right: float
    baseline: float
    size: float


def _rows(boxes: Sequence[tuple[int, int, int, int]], count: int) -> list[_Row]:
    """`count` lines over the boxes, each box as many as its share of the height. Boxes are tight around their ink."""
    total = sum(y2 - y1 for _, y1, _, y2 in boxes)
    rows: list[_Row] = []
    reached = 0.0
    for x1, y1, x2, y2 in boxes:
        reached += y2 - y1
        here = max(round(count * reached / total) - len(rows), 0)
        size = (y2 - y1) / ((max(here, 1) - 1) * LINE_HEIGHT + TALL + DEEP)
        rows += [_Row(x1, x2, y1 + size * (TALL + LINE_HEIGHT * n), size) for n in range(here)]
    return rows


def _width(text: str) -> float:
    """In sizes of the print, as a common typeface has it."""
    return sum(_letter_width(letter) for letter in text)


def _letter_width(letter: str) -> float:
    if letter in _NARROW or letter == " ":
        return 0.28
    if letter in _WIDE:
        return 0.85
    if letter > "\u2e80":  # Chinese, Japanese, Korean
        return 1.0
    return 0.67 if letter.isupper() else 0.53


def _words_in(ink: Sequence[InkLine], total: int) -> list[int]:
    """How many words each line has, `total` in all: the widest gaps of the block are those between words.

    Gaps are measured against their line's height, so that a heading in the same box does not count for more.
    """
    gaps = [
        [
            (later[0] - earlier[1]) / (line.bottom - line.top)
            for earlier, later in zip(line.strokes, line.strokes[1:], strict=False)
        ]
        for line in ink
    ]
    widest = sorted((gap for line in gaps for gap in line), reverse=True)[: max(total - len(ink), 0)]
    least = widest[-1] if widest else math.inf
    return [1 + sum(gap >= least for gap in line) for line in gaps]


def _shared_out(words: Sequence[str], room: Sequence[float], counts: Sequence[int] | None) -> list[list[str]]:
    """The words in as many groups as there are lines, so that widths (and numbers of words) fit best.

    Dynamic programming in a window around where the widths alone put each line's end: time is linear in the words.
    """
    sums = [0.0, *accumulate(_width(word) + 0.28 for word in words)]
    scale = sum(room) / (sums[-1] or 1)
    filled = list(accumulate(room))
    ends: list[dict[int, tuple[float, int]]] = []
    costs = {0: 0.0}
    for number, space in enumerate(room):
        last = number == len(room) - 1
        middle = _nearest(sums, filled[number] / scale)
        reachable = (
            [len(words)] if last else range(max(middle - SLACK_WORDS, 0), min(middle + SLACK_WORDS, len(words)) + 1)
        )
        layer: dict[int, tuple[float, int]] = {}
        for end in reachable:
            options = [
                (cost + _misfit((sums[end] - sums[start]) * scale, space, end - start, counts, number), start)
                for start, cost in costs.items()
                if start <= end
            ]
            if options:
                layer[end] = min(options)
        ends.append(layer)
        costs = {end: cost for end, (cost, _) in layer.items()}
    return _groups(words, ends)


def _misfit(width: float, room: float, words: int, counts: Sequence[int] | None, number: int) -> float:
    misfit = ((width - room) / (room or 1)) ** 2
    if words == 0:
        misfit += 4.0
    if counts is not None:
        misfit += COUNT_WEIGHT * (words - counts[number]) ** 2
    return misfit


def _nearest(sums: Sequence[float], wanted: float) -> int:
    low, high = 0, len(sums) - 1
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if sums[middle] < wanted else (low, middle)
    return low


def _groups(words: Sequence[str], ends: Sequence[dict[int, tuple[float, int]]]) -> list[list[str]]:
    groups: list[list[str]] = []
    end = len(words)
    for layer in reversed(ends):
        start = layer[end][1]
        groups.append(list(words[start:end]))
        end = start
    return groups[::-1]


def _on_ink(words: Sequence[str], line: InkLine) -> list[PlacedWord]:
    """Words between gaps of their line; by their widths alone where there are too few gaps."""
    strokes = line.strokes
    row = _row_of(words, line)
    if len(strokes) < len(words):
        return _evenly(words, row)
    edges = _edges(words, line, row.size)
    return [
        PlacedWord(word, strokes[first][0], strokes[following - 1][1], row.baseline, row.size)
        for word, first, following in zip(words, edges, edges[1:], strict=False)
    ]


def _edges(words: Sequence[str], line: InkLine, size: float) -> list[int]:
    """The stroke that each word begins with, and how many strokes there are.

    Wide gaps speak for a space, and so does a word that comes out as wide as its letters: neither alone is enough, where
    print is letterspaced or a gap inside a word is as wide as a space.
    """
    if not words:
        return []
    strokes, count = line.strokes, len(words)
    inside = sorted(range(1, len(strokes)), key=lambda n: strokes[n - 1][1] - strokes[n][0])[: 2 * count + 4]
    places = [0, *sorted(inside), len(strokes)]
    unit = line.width / (_width(" ".join(words)) or 1)
    layers: list[dict[int, tuple[float, int]]] = []
    costs = {0: 0.0}
    for number, word in enumerate(words):
        wanted, last = _width(word) * unit, number == count - 1
        layer: dict[int, tuple[float, int]] = {}
        for end in [len(places) - 1] if last else range(number + 1, len(places) - count + number + 1):
            gap = 0.0 if last else strokes[places[end]][0] - strokes[places[end] - 1][1]
            right, bonus = strokes[places[end] - 1][1], min(gap / size, WIDE_GAP)
            layer[end] = min(
                (cost + ((right - strokes[places[start]][0] - wanted) / size) ** 2 - bonus, start)
                for start, cost in costs.items()
                if start < end
            )
        layers.append(layer)
        costs = {end: cost for end, (cost, _) in layer.items()}
    edges = [len(places) - 1]
    for layer in reversed(layers):
        edges.append(layer[edges[-1]][1])
    return [places[edge] for edge in reversed(edges)]


def _row_of(words: Sequence[str], line: InkLine) -> _Row:
    """Which letters there are tells what part of the print's size the ink is high."""
    letters = {letter for word in words for letter in word}
    deep = DEEP if letters & _DEEP_LETTERS else 0.0
    size = (line.bottom - line.top) / ((LOW if letters <= _LOW_LETTERS else TALL) + deep)
    return _Row(line.strokes[0][0], line.strokes[-1][1], line.bottom - deep * size, size)


def _evenly(words: Sequence[str], row: _Row) -> list[PlacedWord]:
    """By the widths of their letters over the whole line; in a last line that is short, from its start."""
    if not words:
        return []
    natural = _width(" ".join(words))
    unit = min((row.right - row.left) / natural, row.size * 1.15)  # wider would be letterspaced
    placed, at = [], row.left
    for word in words:
        width = _width(word) * unit
        placed.append(PlacedWord(word, at, at + width, row.baseline, row.size))
        at += width + _letter_width(" ") * unit
    return placed
