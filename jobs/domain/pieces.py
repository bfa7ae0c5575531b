"""A page in halves: where to cut, and how its two readings become one page again.

The cut lies in a white band near the middle, so that no line is cut and none is read twice. A page without one is cut
where it shows least.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from jobs.domain.chat import Reply
from jobs.domain.grounding import Block

MIDDLE = (0.35, 0.65)  # of the height: the halves should be halves
ENOUGH = 0.01  # of the height: a band this high is as good as a higher one, then the middle counts
_WORST_FIRST = ("length", "repetition")


def seam(ink: Sequence[int]) -> int:
    """The row (0 < row < height) at which to cut. `ink` is how much each row shows; 0 is white."""
    height = len(ink)
    if height < 2:
        raise ValueError("a page of one row has no halves")
    first, last = max(1, round(height * MIDDLE[0])), min(height - 1, round(height * MIDDLE[1]))
    least = min(ink[first : last + 1])
    bands = _bands(ink, first, last, least)
    enough = max(1, round(height * ENOUGH))
    top, bottom = max(bands, key=lambda band: (min(band[1] - band[0], enough), -abs(sum(band) - height)))
    return min(max((top + bottom) // 2, 1), height - 1)


def _bands(ink: Sequence[int], first: int, last: int, least: int) -> list[tuple[int, int]]:
    """Runs of rows that show no more than `least`, as (first row, row behind the last)."""
    bands: list[tuple[int, int]] = []
    start: int | None = None
    for row in range(first, last + 2):
        quiet = row <= last and ink[row] <= least
        if quiet and start is None:
            start = row
        elif not quiet and start is not None:
            bands.append((start, row))
            start = None
    return bands


def blocks_joined(pieces: Iterable[tuple[int, Sequence[Block]]]) -> list[Block]:
    """The blocks of the whole page, from pieces as (the row of the page that is its first, its blocks)."""
    return [replace(block, boxes=_down(block, top)) for top, blocks in pieces for block in blocks]


def _down(block: Block, rows: int) -> tuple[tuple[int, int, int, int], ...]:
    return tuple((x1, y1 + rows, x2, y2 + rows) for x1, y1, x2, y2 in block.boxes)


def replies_joined(replies: Sequence[Reply]) -> Reply:
    """One answer for the whole page: texts one below the other, tokens added, the worst of the finish reasons."""
    reasons = [reply.finish_reason for reply in replies]
    worst = next((reason for reason in _WORST_FIRST if reason in reasons), reasons[-1])
    return Reply(
        "\n\n".join(reply.text for reply in replies),
        worst,
        _sum(reply.prompt_tokens for reply in replies),
        _sum(reply.completion_tokens for reply in replies),
    )


def _sum(counts: Iterable[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known else None
