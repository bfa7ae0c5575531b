"""The picture of a page, as it is stored, or drawn again where it is not kept any more."""

from __future__ import annotations

import tempfile
from pathlib import Path

import structlog
from django.conf import settings

from jobs import errors
from jobs.gateways import rasterizer, storage
from jobs.gateways.page_images import PageImage
from jobs.models import Document, Page

log = structlog.get_logger(__name__)


def open_page(document: Document, page: Page) -> PageImage | None:
    """None where there is none and none can be drawn: an export goes on without it. To be closed by the caller."""
    if page.image_width_px is None:
        return None
    try:
        return PageImage(_stored(page) or _drawn_again(document, page))
    except errors.OcrsiteError as error:
        log.warning("export.no_page_image", document=str(document.pk), page=page.number, reason=error.message)
        return None


def _stored(page: Page) -> bytes:
    try:
        return storage.read_bytes(page.image_key)
    except errors.NotFound:
        return b""


def _drawn_again(document: Document, page: Page) -> bytes:
    """As large as it was, so that its boxes fit. Raises errors.PageUndrawable, errors.NotFound, errors.Unavailable."""
    boxes = {page.number: rasterizer.PageBox(page.width_pt, page.height_pt)}
    with (
        tempfile.TemporaryDirectory(dir=settings.DATA_DIR / "uploads", prefix="draw-") as folder,
        storage.local_path(document.original_key) as path,
    ):
        dpi, limits = page.image_dpi or 200, rasterizer.in_force()
        drawn = rasterizer.draw(path, document.media_type, boxes, dpi=dpi, into=Path(folder), limits=limits)[0]
        if isinstance(drawn, rasterizer.FailedPage):
            raise errors.PageUndrawable(drawn.reason)
        return drawn.path.read_bytes()


def box_in(picture: PageImage, page: Page, box: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    """A box of the page image in px of the picture at hand, which may have been drawn a little larger or smaller."""
    width, height = picture.size
    across, down = width / (page.image_width_px or width), height / (page.image_height_px or height)
    return round(box[0] * across), round(box[1] * down), round(box[2] * across), round(box[3] * down)
