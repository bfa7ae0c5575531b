"""A page's image, drawn again from the original where it is not kept any more."""

from __future__ import annotations

import os
import tempfile
import threading
from pathlib import Path

from django.conf import settings

from jobs import errors
from jobs.gateways import disk, rasterizer, storage
from jobs.models import Document, Page

# Somebody is waiting for it, but many may be: no more at once than there are cores.
_drawers = threading.BoundedSemaphore(os.cpu_count() or 1)
PATIENCE_SECONDS = 20.0
BUSY = "Too many pages are being drawn just now: try again in a moment."


def image(document: Document, page: Page) -> bytes:
    """JPEG. As large as it was when it was read, so that its boxes fit; kept once it is drawn again, if there is room.

    Raises errors.NotFound where the original is gone too, errors.PageUndrawable, errors.Unavailable.
    """
    try:
        return storage.read_bytes(page.image_key)
    except errors.NotFound:
        return _drawn_again(document, page)


def _drawn_again(document: Document, page: Page) -> bytes:
    boxes = {page.number: rasterizer.PageBox(page.width_pt, page.height_pt)}
    if not _drawers.acquire(timeout=PATIENCE_SECONDS):
        raise errors.Unavailable(BUSY)
    try:
        with (
            tempfile.TemporaryDirectory(dir=settings.DATA_DIR / "uploads", prefix="draw-") as folder,
            storage.local_path(document.original_key) as path,
        ):
            dpi, limits = page.image_dpi or 200, rasterizer.in_force()
            drawn = rasterizer.draw(path, document.media_type, boxes, dpi=dpi, into=Path(folder), limits=limits)[0]
            if isinstance(drawn, rasterizer.FailedPage):
                raise errors.PageUndrawable(drawn.reason)
            # What a rule let go is shown, and goes again.
            if document.images_deleted_at is None and not disk.room().is_short:
                storage.save_path(page.image_key, drawn.path)
            return drawn.path.read_bytes()
    finally:
        _drawers.release()
