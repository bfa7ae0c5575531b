"""The original with an invisible layer of text: its pages look as they did, and their words can be found and copied."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import structlog

from jobs.domain import placement, rendering
from jobs.domain.grounding import Block
from jobs.domain.placement import PlacedWord
from jobs.gateways import limits, searchable_pdf, storage
from jobs.gateways.page_images import PageImage
from jobs.gateways.searchable_pdf import PageLayer
from jobs.models import Document, Page
from jobs.services.exports import content, pictures

log = structlog.get_logger(__name__)

POINTS_OF_PLAIN = 8.0  # the size of print of words that nobody knows the place of


def write(document: Document, path: Path) -> None:
    """Raises errors.Unreadable, errors.TooLarge, errors.Unavailable, errors.NotFound."""
    with storage.local_path(document.original_key) as original:
        left = searchable_pdf.make(
            original,
            document.media_type,
            _layers(document),
            path,
            page_count=document.page_count,
            limits=limits.in_force(),
        )
    if left:
        log.warning("export.pages_without_layer", document=str(document.pk), pages=left[:20], count=len(left))


def _layers(document: Document) -> Iterator[PageLayer]:
    for page in content.pages(document):
        width, height = page.image_width_px or round(page.width_pt), page.image_height_px or round(page.height_pt)
        if width > 0 and height > 0:
            yield PageLayer(page.number, width, height, _blocks(document, page, width, height))


def _blocks(document: Document, page: Page, width: int, height: int) -> list[list[PlacedWord]]:
    """A page that is missing says so at its top, unseen; words without a box stand in lines from its top."""
    if missing := content.missing_words(page):
        return [_anywhere(missing, page, width, height)]
    blocks = content.blocks_in_force(page)
    if not any(block.boxes and block.body for block in blocks):
        return [_anywhere(content.plain_text(page), page, width, height)]
    with contextlib.ExitStack() as stack:
        if picture := pictures.open_page(document, page):
            stack.enter_context(picture)
        return [_placed(block, page, picture) for block in blocks if block.body]


def _placed(block: Block, page: Page, picture: PageImage | None) -> list[PlacedWord]:
    text = rendering.to_text([block])
    ink = picture.ink_lines(block.boxes[0], ruled="<table" in block.body) if picture and len(block.boxes) == 1 else []
    same_size = picture is not None and picture.size == (page.image_width_px, page.image_height_px)
    return placement.place(text, block.boxes, ink if same_size else ())


def _anywhere(text: str, page: Page, width: int, height: int) -> list[PlacedWord]:
    """Line under line over the whole page, in small print: found, though not where it stands."""
    size = POINTS_OF_PLAIN * width / max(page.width_pt, 1)
    lines = [line for line in text.splitlines() if line.strip()]
    bottom = min(height, round(size * placement.LINE_HEIGHT * max(len(lines), 1)))
    return placement.place(text, [(0, 0, width, max(bottom, 1))])
