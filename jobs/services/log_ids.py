"""Ids that all log lines of one piece of work carry, whoever writes them: request, document, page, lease.

`request_id` is that of the request that is answered, and in a worker that of the request that brought the document.
"""

from __future__ import annotations

import re
import uuid
from contextlib import AbstractContextManager
from typing import Any

from structlog.contextvars import bound_contextvars, get_contextvars

from jobs.models import Document, Page

# What a proxy or a client may call a request: it stands in log lines and headers, so nothing else is taken over.
_WELL_FORMED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def accepted(sent: str) -> str:
    """The id that a request came with, where it is well-formed; else a new one."""
    return sent if _WELL_FORMED.fullmatch(sent) else uuid.uuid4().hex


def request_id() -> str:
    """The id of the request that is being answered; empty outside of one."""
    return str(get_contextvars().get("request_id", ""))


def of_document(document: Document, **more: Any) -> AbstractContextManager[None]:
    """Lines within the block carry the document's id, that of the request that brought it, and `more`."""
    brought_by = {"request_id": document.request_id} if document.request_id else {}
    return bound_contextvars(document=str(document.pk), **brought_by, **more)


def of_page(page: Page, **more: Any) -> AbstractContextManager[None]:
    """As `of_document`, with the page's number."""
    return of_document(page.document, page=page.number, **more)
