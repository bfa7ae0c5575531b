"""The picture of a page, as it is stored, or drawn again where it is not kept any more."""

from __future__ import annotations

import structlog

from jobs import errors
from jobs.gateways.page_images import PageImage
from jobs.models import Document, Page
from jobs.services import redrawing

log = structlog.get_logger(__name__)


def open_page(document: Document, page: Page) -> PageImage | None:
    """None where there is none and none can be drawn: an export goes on without it. To be closed by the caller."""
    if page.image_width_px is None:
        return None
    try:
        return PageImage(redrawing.image(document, page))
    except errors.OcrsiteError as error:
        log.warning("export.no_page_image", document=str(document.pk), page=page.number, reason=error.message)
        return None


def box_in(picture: PageImage, page: Page, box: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    """A box of the page image in px of the picture at hand, which may have been drawn a little larger or smaller."""
    width, height = picture.size
    across, down = width / (page.image_width_px or width), height / (page.image_height_px or height)
    return round(box[0] * across), round(box[1] * down), round(box[2] * across), round(box[3] * down)
