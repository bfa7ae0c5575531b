"""A page's picture on its way into a file: figures cut out of it, and where its ink forms lines of words."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Self

from PIL import Image

from jobs import errors
from jobs.domain.grounding import Box
from jobs.domain.placement import InkLine

JPEG_QUALITY = 85
DARK = 110  # of 255, after the ground was made white: antialiased edges of letters are paler
RULE_SHARE = 0.75  # a column or row of a table that is dark over more than this is a rule, no letter
MARGIN_SHARE = 0.004  # of the page's width: boxes come in steps of a thousandth, and rounded down
THIN = 0.35  # of a line's height: the dot of an i, an accent, a scrap of the line above


class PageImage:
    """One page's image in memory, 35 MB at most (child limits). Not for use after `close`."""

    def __init__(self, data: bytes) -> None:
        try:
            self._image = Image.open(io.BytesIO(data), formats=["JPEG", "PNG"])
            self._image.load()
        except (OSError, ValueError, SyntaxError) as error:
            raise errors.NotFound("The image of this page is damaged.") from error
        self._grey: Image.Image | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._image.close()

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in px."""
        return self._image.size

    def crop(self, box: Box) -> bytes:
        """The part as JPEG. What lies outside the page is left out; at least one pixel remains."""
        width, height = self.size
        x1, y1 = min(max(box[0], 0), width - 1), min(max(box[1], 0), height - 1)
        part = self._image.crop((x1, y1, max(min(box[2], width), x1 + 1), max(min(box[3], height), y1 + 1)))
        out = io.BytesIO()
        part.convert("RGB").save(out, "JPEG", quality=JPEG_QUALITY)
        return out.getvalue()

    def ink_lines(self, box: Box, *, ruled: bool = False) -> list[InkLine]:
        """The lines of print inside a box, top to bottom, each with its strokes from left to right, in px.

        `ruled`: the rules of a table are taken out first.
        """
        margin = round(self.size[0] * MARGIN_SHARE)
        x1, y1 = max(box[0] - margin, 0), max(box[1] - margin, 0)
        x2, y2 = min(box[2] + margin, self.size[0]), min(box[3] + margin, self.size[1])
        if x2 - x1 < 2 or y2 - y1 < 2:
            return []
        rows = _Bitmap(self._greyscale().crop((x1, y1, x2, y2)))
        if ruled:
            rows.remove_rules()
        lines = []
        for top, bottom in _whole_lines(_filled(rows.counts()), y2 - y1):
            strokes = rows.strokes(top, bottom)
            if strokes:
                lines.append(InkLine(top + y1, bottom + y1, tuple((a + x1, b + x1) for a, b in strokes)))
        return lines

    def _greyscale(self) -> Image.Image:
        if self._grey is None:
            self._grey = self._image.convert("L")
        return self._grey


class _Bitmap:
    """Ink as bytes of 0 and 255, a row after the other."""

    def __init__(self, grey: Image.Image) -> None:
        histogram = grey.histogram()
        ground = max(range(256), key=histogram.__getitem__)
        if ground < 128:
            grey = grey.point([255 - value for value in range(256)])
            ground = 255 - ground
        level = ground * (255 - DARK) // 255
        self._image = grey.point([255 if value < level else 0 for value in range(256)])

    def counts(self) -> list[int]:
        """Dark pixels of each row."""
        return _rows(self._image)

    def strokes(self, top: int, bottom: int) -> list[tuple[int, int]]:
        """Columns with ink between two rows, as (first, first without)."""
        part = self._image.crop((0, top, self._image.width, bottom))
        return _filled(_rows(part.transpose(Image.Transpose.TRANSPOSE)))

    def remove_rules(self) -> None:
        turned = self._image.transpose(Image.Transpose.TRANSPOSE)
        _blank(turned, [x for x, dark in enumerate(_rows(turned)) if dark > RULE_SHARE * turned.width])
        self._image = turned.transpose(Image.Transpose.TRANSPOSE)
        wide = RULE_SHARE * self._image.width
        _blank(self._image, [y for y, dark in enumerate(self.counts()) if dark > wide])


def _rows(image: Image.Image) -> list[int]:
    data, width = image.tobytes(), image.width
    return [data.count(b"\xff", start, start + width) for start in range(0, len(data), width)]


def _blank(image: Image.Image, rows: Iterable[int]) -> None:
    for row in rows:
        image.paste(0, (0, row, image.width, row + 1))


def _filled(counts: list[int]) -> list[tuple[int, int]]:
    """Runs of places with ink, as (first, first without)."""
    found, start = [], -1
    for place, dark in enumerate([*counts, 0]):
        if dark and start < 0:
            start = place
        elif not dark and start >= 0:
            found.append((start, place))
            start = -1
    return found


def _whole_lines(spans: list[tuple[int, int]], height: int) -> list[tuple[int, int]]:
    """Dots and accents put to their lines, lines that touch taken apart, scraps of neighbours left out."""
    if not spans:
        return []
    sizes = sorted(bottom - top for top, bottom in spans)
    usual = sizes[-1] if len(sizes) < 3 else sizes[len(sizes) * 2 // 3]
    lines: list[tuple[int, int]] = []
    for top, bottom in _joined(spans, usual):
        thin = bottom - top < THIN * usual
        if thin and (top == 0 or bottom == height):
            continue
        count = max(1, round((bottom - top) / (usual * 1.15))) if bottom - top > 1.7 * usual else 1
        step = (bottom - top) / count
        lines += [(round(top + step * n), round(top + step * (n + 1))) for n in range(count)]
    return lines


def _joined(spans: list[tuple[int, int]], usual: int) -> list[tuple[int, int]]:
    """A thin span goes with the nearer neighbour, where that is closer than its line is high."""
    joined: list[tuple[int, int]] = []
    for top, bottom in spans:
        before = joined[-1] if joined else None
        thin = bottom - top < THIN * usual or (before is not None and before[1] - before[0] < THIN * usual)
        if before is not None and thin and bottom - before[0] <= 1.4 * usual and top - before[1] < THIN * usual:
            joined[-1] = (before[0], bottom)
        else:
            joined.append((top, bottom))
    return joined
