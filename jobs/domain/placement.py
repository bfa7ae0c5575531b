"""Where the words of a block stand, when only the block's box is known: for a searchable PDF.

What is known decides. The lines of ink inside the box, where there is a picture: the words are shared out to them by
their widths, and within a line the widest gaps are those between words. Without them, lines as high as the number of
words and the box's shape make likely.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

LINE_HEIGHT = 1.2  # times the size of the print
# How far letters reach from their baseline, times the size of the print, as in Helvetica and most others.
TALL, LOW, DEEP = 0.72, 0.53, 0.21
SPACE = 0.28  # its width, times the size of the print
SLACK_WORDS = 6  # how far a line's end may be from where the widths alone put it
GAP_WEIGHT = 0.1  # gaps where spaces should be, against widths: a word in the wrong line costs twice as much by them
REACH_SHARE = 0.3  # of a word's share of its line: so far from where it should be a space is looked for
HOPELESS = 0.35  # a width so far off is not looked at any closer
NO_WORDS = 4.0  # a line without words
INK_SHARE = 0.5  # boxes are tight around their print: less is a rule or a stain
WIDE_GAP = 0.5  # times the size of the print: no wider gap speaks any louder
COLUMN_GAP = 1.2  # times a line's height: no space is so wide, not in justified print; between cells most are
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
    if _is_of(ink, boxes, likely, len(words)):
        print_alone = [_closed_up(line) for line in ink]
        shares = _shared_out(words, [line.width for line in print_alone], print_alone)
        lines = zip(shares, ink, print_alone, strict=True)
        return [word for share, line, closed in lines for word in _on_ink(share, line, closed)]
    rows = _rows(boxes, likely)
    shares = _shared_out(words, [row.right - row.left for row in rows], ())
    return [word for share, row in zip(shares, rows, strict=True) for word in _evenly(share, row)]


def _is_of(ink: Sequence[InkLine], boxes: Sequence[tuple[int, int, int, int]], likely: int, words: int) -> bool:
    """Whether lines of ink can be the text's: about as many as are likely, and over most of the box."""
    if not ink or len(ink) > words or not likely / 2.5 <= len(ink) <= max(likely * 2.5, 2):
        return False
    return ink[-1].bottom - ink[0].top >= INK_SHARE * sum(y2 - y1 for _, y1, _, y2 in boxes)


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
        return SPACE
    if letter in _WIDE:
        return 0.85
    if letter > "\u2e80":  # Chinese, Japanese, Korean
        return 1.0
    return 0.67 if letter.isupper() else 0.53


def _shared_out(words: Sequence[str], room: Sequence[float], ink: Sequence[InkLine]) -> list[list[str]]:
    """The words in as many groups as there are lines, so that widths (and gaps, where there is ink) fit best.

    Dynamic programming in a window around where the widths alone put each line's end: time is linear in the words.
    """
    sums = [0.0, *accumulate(_width(word) + SPACE for word in words)]
    scale = sum(room) / sums[-1]
    filled = list(accumulate(room))
    layers: list[dict[int, tuple[float, int]]] = []
    costs = {0: 0.0}
    for number, space in enumerate(room):
        gaps = _gaps(ink[number]) if ink else []
        layer: dict[int, tuple[float, int]] = {}
        for end in _ends(sums, filled[number] / scale, last=number == len(room) - 1):
            options = [
                (cost + _misfit(sums, start, end, space, scale, gaps), start)
                for start, cost in costs.items()
                if start <= end
            ]
            if options:
                layer[end] = min(options)
        layers.append(layer)
        costs = {end: cost for end, (cost, _) in layer.items()}
    return _groups(words, layers)


def _ends(sums: Sequence[float], wanted: float, *, last: bool) -> Sequence[int]:
    """Where a line may end: behind so many words."""
    total = len(sums) - 1
    if last:
        return [total]
    middle = _nearest(sums, wanted)
    return range(max(middle - SLACK_WORDS, 0), min(middle + SLACK_WORDS, total) + 1)


_Gap = tuple[float, float]  # its middle, as a share of the line's width, and its width in heights of the line


def _gaps(line: InkLine) -> list[_Gap]:
    """The gaps of a line that may be spaces, from left to right."""
    left, height = line.strokes[0][0], line.bottom - line.top
    pairs = zip(line.strokes, line.strokes[1:], strict=False)
    return [
        (((before[1] + after[0]) / 2 - left) / line.width, min((after[0] - before[1]) / height, WIDE_GAP))
        for before, after in pairs
    ]


def _misfit(sums: Sequence[float], start: int, end: int, room: float, scale: float, gaps: Sequence[_Gap]) -> float:
    """How badly the words from `start` to `end` fit a line: by their width, and by the gaps where spaces should be."""
    width = sums[end] - sums[start]
    off = (width * scale - room) / (room or 1)
    misfit = off * off + (NO_WORDS if start == end else 0.0)
    if not gaps or end - start < 2 or abs(off) > HOPELESS:
        return misfit + GAP_WEIGHT * WIDE_GAP
    reach = REACH_SHARE / (end - start)
    found = 0.0
    for place in range(start + 1, end):
        expected = (sums[place] - sums[start] - SPACE / 2) / (width - SPACE)
        first, following = bisect_left(gaps, (expected - reach,)), bisect_left(gaps, (expected + reach,))
        found += max((wide for _, wide in gaps[first:following]), default=0.0)
    return misfit + GAP_WEIGHT * (WIDE_GAP - found / (end - start - 1))


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


def _closed_up(line: InkLine) -> InkLine:
    """The line without the blanks between the cells of a table, which say nothing about how wide its words are."""
    height = line.bottom - line.top
    strokes, moved, before = [], 0.0, line.strokes[0][0]
    for left, right in line.strokes:
        moved += left - before - WIDE_GAP * height if left - before > COLUMN_GAP * height else 0.0
        strokes.append((left - round(moved), right - round(moved)))
        before = right
    return InkLine(line.top, line.bottom, tuple(strokes))


def _on_ink(words: Sequence[str], line: InkLine, closed: InkLine) -> list[PlacedWord]:
    """Words between gaps of their line; by their widths alone where there are too few gaps. `closed`: the same line
    without blanks, stroke by stroke."""
    strokes = line.strokes
    row = _row_of(words, line)
    if len(strokes) < len(words):
        return _evenly(words, row)
    edges = _edges(words, closed, row.size)
    return [
        PlacedWord(word, strokes[first][0], strokes[following - 1][1], row.baseline, row.size)
        for word, first, following in zip(words, edges, edges[1:], strict=False)
    ]


def _edges(words: Sequence[str], line: InkLine, size: float) -> list[int]:
    """The stroke that each word begins with, and how many strokes there are.

    Wide gaps speak for a space, and so does a word that comes out as wide as its letters. Neither alone is enough where
    print is letterspaced, or a gap inside a word is as wide as a space.
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
