"""Draws pages as JPEG files, a bounded chunk at a time, in a limited child process.

A page that hangs, crashes or explodes its drawer costs itself: what was drawn before it is kept, it is tried once more
alone if it crashed and not at all if it took too long, and the pages behind it go on. A drawn page is believed only if
it has the size that its box promises.
"""

from __future__ import annotations

import logging
import math
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from jobs.gateways import child_process, disk
from jobs.gateways.inspection import PDF, Inspection, PageBox, inspect
from jobs.gateways.limits import DEFAULT, Limits, in_force

__all__ = ["DEFAULT", "DrawnPage", "FailedPage", "Inspection", "Limits", "PageBox", "draw", "in_force", "inspect"]

logger = logging.getLogger(__name__)

POINTS_PER_INCH = 72
JPEG_QUALITY = 85
TOLERANCE_PX = 2
TRIES = 2  # of a page whose drawer crashed: it may have been killed for another's memory
SHORTEST_WALL_SECONDS = 5.0

TOO_COMPLEX = "This page is too complex to draw."
DAMAGED = "Nothing could be drawn of this page: its content is damaged or needs a font that is not installed."
BROKEN = "This page could not be drawn: it is damaged."
NO_AREA = "This page has no visible area, so there is nothing to draw."
TOO_NARROW = "This page is too narrow to be read: one side is more than {aspect:.0f} times the other."
TOO_SMALL = "This page is too small to be read."
REASONS = {"too_complex": TOO_COMPLEX, "damaged": DAMAGED}


@dataclass(frozen=True)
class DrawnPage:
    """`dpi` is the one drawn at, after the longest side was capped.

    `ink` is the share (0 to 1) of the page that is not background. It is exact where there is little, so that a blank
    page (0) differs from a lone page number (about 0.0001 of A4), and taken from the top of the page where that shows
    plenty.
    """

    number: int
    path: Path
    width_px: int
    height_px: int
    dpi: int
    ink: float


@dataclass(frozen=True)
class FailedPage:
    """`reason` is a sentence for people."""

    number: int
    reason: str


@dataclass(frozen=True)
class Plan:
    """How one page is to be drawn: the resolution poppler is given, and the size that must come out."""

    number: int
    dpi: float
    width_px: int
    height_px: int


def draw(
    path: Path, media_type: str, pages: Mapping[int, PageBox], *, dpi: int, into: Path, limits: Limits = DEFAULT
) -> list[DrawnPage | FailedPage]:
    """Draws `pages` (number, from 1, to box) as `into`/<number>.jpg and gives one result each, by number.

    An image is never drawn larger than it is.
    Raises errors.NotFound when the file is gone, errors.Unavailable when the disk is full.
    """
    with disk.our_errors():
        size_bytes = path.stat().st_size
        scratch = tempfile.TemporaryDirectory(dir=into, prefix=".drawing-")
    with scratch:
        chunk = _Chunk(path, media_type, pages, dpi, into, Path(scratch.name), limits, size_bytes)
        return chunk.draw()


def plan_page(number: int, box: PageBox, dpi: int, limits: Limits) -> Plan | FailedPage:
    """Lowers the resolution until the page fits the limits. What would be no picture at any fails with its reason."""
    shorter, longer = sorted((box.width_pt, box.height_pt))
    if shorter <= 0:
        return FailedPage(number, NO_AREA)
    if longer / shorter > limits.max_aspect:
        return FailedPage(number, TOO_NARROW.format(aspect=limits.max_aspect))
    largest = min(
        limits.max_side_px * POINTS_PER_INCH / longer,
        math.sqrt(limits.max_pixels / shorter / longer) * POINTS_PER_INCH,
    )
    plan = _plan_at(number, box, dpi if dpi <= largest else _round_down(largest))
    if min(plan.width_px, plan.height_px) < limits.min_side_px:
        return FailedPage(number, TOO_SMALL)
    return plan


def _plan_at(number: int, box: PageBox, dpi: float) -> Plan:
    return Plan(number, dpi, _pixels(box.width_pt, dpi), _pixels(box.height_pt, dpi))


def _pixels(points: float, dpi: float) -> int:
    """Rounded up, as poppler does; but 400.00000000000006 is 400."""
    return math.ceil(points * dpi / POINTS_PER_INCH - 1e-6)


def _round_down(dpi: float) -> float:
    """Whole where that loses little, so that pages of nearly one size are drawn in one go."""
    if dpi >= 50:
        return math.floor(dpi)
    digits = 2 - math.floor(math.log10(dpi))
    return math.floor(dpi * 10**digits) / 10**digits


class _Chunk:
    """The pages of one call on their way: planned, waiting, settled."""

    def __init__(
        self,
        path: Path,
        media_type: str,
        pages: Mapping[int, PageBox],
        dpi: int,
        into: Path,
        scratch: Path,
        limits: Limits,
        size_bytes: int,
    ) -> None:
        self.path, self.media_type, self.boxes = path, media_type, pages
        self.into, self.scratch, self.limits, self.size_bytes = into, scratch, limits, size_bytes
        self.settled: dict[int, DrawnPage | FailedPage] = {}
        self.waiting: dict[int, Plan] = {}
        self.tries: dict[int, int] = {}
        self.rescaled: set[int] = set()
        self.stops = 0
        for number in sorted(pages):
            plan = plan_page(number, pages[number], dpi, limits)
            if isinstance(plan, FailedPage):
                self.settled[number] = plan
            else:
                self.waiting[number] = plan

    def draw(self) -> list[DrawnPage | FailedPage]:
        """Every round settles a page, counts one of its tries or corrects its scale, so the rounds come to an end."""
        while self.waiting:
            self._round()
        return [self.settled[number] for number in sorted(self.settled)]

    def _round(self) -> None:
        self._clear()
        groups = list(self._groups())
        try:
            answer = self._ask(groups)
        except child_process.ChildStopped:
            self.stops += 1
            self._fail(self._culprit(), TOO_COMPLEX)
        except child_process.ChildDied:
            self._count_try(self._culprit())
        else:
            self._take(groups, answer["pages"])

    def _clear(self) -> None:
        """What an earlier child left would hide who ends the next one, and that it makes progress."""
        with disk.our_errors():
            for file in self.scratch.iterdir():
                file.unlink()

    def _ask(self, groups: list[list[Plan]]) -> dict[str, Any]:
        request = {
            "operation": "draw",
            "path": str(self.path.absolute()),
            "media_type": self.media_type,
            "folder": str(self.scratch.absolute()),
            "quality": JPEG_QUALITY,
            "max_image_pixels": self.limits.max_image_pixels,
            "groups": [self._group_request(group) for group in groups],
        }
        return child_process.run(
            request,
            limits=self.limits,
            pages=len(self.waiting),
            wall_seconds=self._patience(),
            watched=self.scratch,
            spare_bytes=self.size_bytes,
        )

    def _group_request(self, group: list[Plan]) -> dict[str, Any]:
        request: dict[str, Any] = {"dpi": group[0].dpi, "first": group[0].number, "last": group[-1].number}
        if self.media_type != PDF:
            request["sizes"] = [(plan.width_px, plan.height_px) for plan in group]
        return request

    def _patience(self) -> float:
        """Each page that had to be stopped halves the time of those behind it.

        A file made of nothing but such pages must not hold up other files for long.
        """
        wall = self.limits.wall_seconds
        return max(wall / 2**self.stops, min(wall, SHORTEST_WALL_SECONDS))

    def _groups(self) -> Iterator[list[Plan]]:
        """Neighbours at one resolution are drawn by one poppler; a page that failed before is drawn alone."""
        group: list[Plan] = []
        for number in sorted(self.waiting):
            plan = self.waiting[number]
            if group and not self._goes_with(group[-1], plan):
                yield group
                group = []
            group.append(plan)
        if group:
            yield group

    def _goes_with(self, previous: Plan, plan: Plan) -> bool:
        neighbours = plan.number == previous.number + 1 and plan.dpi == previous.dpi
        return neighbours and not {previous.number, plan.number} & self.tries.keys()

    def _culprit(self) -> int:
        """The page being drawn when the child ended: the first without a file, or the last, its file half written."""
        drawn = {int(file.stem.rpartition("-")[2]) for file in self.scratch.glob("*.jpg")}
        return next((number for number in sorted(self.waiting) if number not in drawn), max(self.waiting))

    def _take(self, groups: list[list[Plan]], drawn: Mapping[str, Mapping[str, Any]]) -> None:
        for number in sorted(self.waiting):
            if str(number) in drawn:
                self._settle(self.waiting[number], drawn[str(number)])
        for group in groups:
            missing = [plan.number for plan in group if str(plan.number) not in drawn]
            if missing:
                self._count_try(missing[0])  # those behind it never had their turn

    def _settle(self, plan: Plan, drawn: Mapping[str, Any]) -> None:
        if "failed" in drawn:
            self._fail(plan.number, REASONS[drawn["failed"]])
        elif self._fits(plan, drawn["width"], drawn["height"]):
            self._keep(plan, drawn)
        elif (factor := self._unit(plan, drawn["width"], drawn["height"])) and plan.number not in self.rescaled:
            self.rescaled.add(plan.number)
            self.waiting[plan.number] = replace(plan, dpi=plan.dpi * factor)
        else:
            self._fail(plan.number, BROKEN)

    def _fits(self, plan: Plan, width_px: int, height_px: int) -> bool:
        """A PDF's page as promised; an image's too, or smaller by one factor both ways where it has fewer pixels."""
        scale = 1.0
        if self.media_type != PDF:
            scale = min(1.0, max(width_px / plan.width_px, height_px / plan.height_px))
        across, down = width_px - plan.width_px * scale, height_px - plan.height_px * scale
        return max(abs(across), abs(down)) <= TOLERANCE_PX

    def _unit(self, plan: Plan, width_px: int, height_px: int) -> float | None:
        """Poppler ignores a page's unit: the page comes out wrong by one factor both ways. None if that is not it."""
        if self.media_type != PDF or min(width_px, height_px) < self.limits.min_side_px:
            return None
        across, down = plan.width_px / width_px, plan.height_px / height_px
        slack = TOLERANCE_PX / min(width_px, height_px)
        return max(across, down) if abs(across / down - 1) <= slack else None

    def _keep(self, plan: Plan, drawn: Mapping[str, Any]) -> None:
        path = self.into / f"{plan.number}.jpg"
        with disk.our_errors():
            (self.scratch / drawn["file"]).replace(path)
        dpi = drawn["width"] * POINTS_PER_INCH / self.boxes[plan.number].width_pt
        del self.waiting[plan.number]
        self.settled[plan.number] = DrawnPage(
            plan.number, path, drawn["width"], drawn["height"], max(1, round(dpi)), drawn["ink"]
        )

    def _count_try(self, number: int) -> None:
        disk.refuse_if_full(self.scratch)
        self.tries[number] = self.tries.get(number, 0) + 1
        if self.tries[number] >= TRIES:
            self._fail(number, BROKEN)

    def _fail(self, number: int, reason: str) -> None:
        disk.refuse_if_full(self.scratch)
        logger.warning("page %s of %s: %s", number, self.path, reason)
        del self.waiting[number]
        self.settled[number] = FailedPage(number, reason)
