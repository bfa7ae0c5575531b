"""A page's own text as the PDF carries it, taken out for many pages at once and kept beside the document's pages.

One child process a page would cost more than all the rest of judging; one for fifty pages costs a millisecond a page.
"""

from __future__ import annotations

import json
import threading

import structlog

from jobs import errors
from jobs.gateways import limits, storage, text_layer
from jobs.gateways.inspection import PDF
from jobs.models import Document, Page

log = structlog.get_logger(__name__)

PAGES_AT_ONCE = 50
_one_at_a_time = threading.Lock()  # of this process: whoever waited finds the chunk taken out


def of_page(page: Page) -> str | None:
    """The text, "" where the PDF has none for this page; None where nothing can be said. Never raises OcrsiteError."""
    document = page.document
    if document.media_type != PDF:
        return None
    chunk = (page.number - 1) // PAGES_AT_ONCE
    try:
        texts = _kept(document, chunk)
        if texts is None:
            with _one_at_a_time:
                texts = _kept(document, chunk)
                texts = _take_out(document, chunk) if texts is None else texts
    except errors.OcrsiteError as error:
        # A check less is no reason to read the page again: it is judged by what it says.
        log.warning("text_layer.not_read", document=str(document.pk), page=page.number, reason=error.message)
        return None
    return texts.get(str(page.number))


def _key(document: Document, chunk: int) -> str:
    return f"{document.storage_prefix}/text/{chunk}.json"


def _kept(document: Document, chunk: int) -> dict[str, str] | None:
    try:
        return dict(json.loads(storage.read_bytes(_key(document, chunk))))
    except errors.NotFound:
        return None


def _take_out(document: Document, chunk: int) -> dict[str, str]:
    """Kept also when it failed: a file that takes too long does so for each of its pages."""
    pages = json.loads(storage.read_bytes(document.inspection_key))["pages"]
    first = chunk * PAGES_AT_ONCE + 1
    last = min(first + PAGES_AT_ONCE - 1, len(pages))
    with storage.local_path(document.original_key) as path:
        texts = text_layer.read_pages(path, first, last, limits=limits.in_force())
    found = {str(first + place): text for place, text in enumerate(texts or [])}
    storage.save_bytes(_key(document, chunk), json.dumps(found).encode())
    return found
