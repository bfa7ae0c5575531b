"""Has an invisible layer of text added to a file, in the limited child process: uploads are opened there alone."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobs import errors
from jobs.domain.placement import PlacedWord
from jobs.gateways import child_process, disk
from jobs.gateways.limits import DEFAULT, Limits

TOO_HEAVY = "This file is too heavy to be made into a searchable PDF here. Its text can be had in the other formats."
UNREADABLE = "This file is damaged: nothing can be added to it. Its text can be had in the other formats."
SECONDS_A_PAGE = 1.0  # on top of limits.wall_seconds; adding a page's layer takes a few ms, packing an image a second


@dataclass(frozen=True)
class PageLayer:
    """The words of a page, block by block, in px of an image of width_px by height_px that shows the page upright."""

    number: int
    width_px: int
    height_px: int
    blocks: Sequence[Sequence[PlacedWord]]


def make(
    original: Path,
    media_type: str,
    layers: Iterable[PageLayer],
    target: Path,
    *,
    page_count: int,
    limits: Limits = DEFAULT,
) -> list[int]:
    """Writes `target`: the original's pages, an image's as pages that show it. The pages that could get no layer.

    `layers` come by number, and are written to a file beside the target as they come.
    Raises errors.Unreadable, errors.TooLarge, errors.Unavailable, errors.NotFound.
    """
    layer = target.with_name(f"{target.name}.layer")
    try:
        with disk.our_errors():
            with layer.open("w", encoding="utf-8") as file:
                file.writelines(map(_line, layers))
            spare_bytes = original.stat().st_size * 2 + layer.stat().st_size
        answer = _ask(_request(original, media_type, layer, target, limits), target, page_count, spare_bytes, limits)
    finally:
        layer.unlink(missing_ok=True)
    if "refused" in answer:
        raise errors.Unreadable(UNREADABLE)
    return list(answer["left"])


def _request(original: Path, media_type: str, layer: Path, target: Path, limits: Limits) -> dict[str, Any]:
    return {
        "operation": "layer",
        "path": str(original.absolute()),
        "media_type": media_type,
        "layer": str(layer.absolute()),
        "target": str(target.absolute()),
        "max_image_pixels": limits.max_image_pixels,
    }


def _ask(request: dict[str, Any], target: Path, page_count: int, spare_bytes: int, limits: Limits) -> dict[str, Any]:
    wall_seconds = limits.wall_seconds + SECONDS_A_PAGE * page_count
    try:
        return child_process.run(
            request, limits=limits, pages=page_count, wall_seconds=wall_seconds, spare_bytes=spare_bytes
        )
    except (child_process.ChildStopped, child_process.ChildDied):
        disk.refuse_if_full(target.parent)
        raise errors.TooLarge(TOO_HEAVY) from None


def _line(page: PageLayer) -> str:
    blocks = [
        [
            [word.text, *(round(value, 2) for value in (word.left, word.right, word.baseline, word.size))]
            for word in block
        ]
        for block in page.blocks
    ]
    facts = {"number": page.number, "width": page.width_px, "height": page.height_px, "blocks": blocks}
    return json.dumps(facts, ensure_ascii=True) + "\n"
