"""Exports that take their time, kept in storage below their document: documents/<id>/exports/<revision>/<format>.

A document that changed has another revision, so what was made of it before is never given out; it is removed when the
next one is asked for, and everything with the document. While one is made a small file says so; where that was not
touched for a while whoever made it has died, and it is made again.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog
from django.conf import settings
from django.utils import timezone

from jobs import errors
from jobs.gateways import disk, storage
from jobs.models import Document

log = structlog.get_logger(__name__)

FORGOTTEN_SECONDS = 120.0  # a message that nobody took up by then is sent again
GIVEN_UP_SECONDS = 3600.0  # the actor's own time limit

Writer = Callable[[Document, Path], None]


def folder(document: Document) -> str:
    return f"{document.storage_prefix}/exports"


def key(document: Document, format: str) -> str:
    return f"{folder(document)}/{document.revision}/{format}"


def is_ready(document: Document, format: str) -> bool:
    return storage.exists(key(document, format))


def make(document: Document, format: str, writer: Writer) -> None:
    """Makes it, unless it is there. Raises what the writer raises."""
    if is_ready(document, format):
        return
    remove_outdated(document)
    disk.refuse_new_work()
    with tempfile.TemporaryDirectory(dir=settings.DATA_DIR / "uploads", prefix="export-") as scratch:
        path = Path(scratch, "result")
        writer(document, path)
        storage.save_path(key(document, format), path)


def make_later(document: Document, format: str, writer: Writer) -> bool:
    """For the actor: makes it and notes how that went. False when there was nothing to do."""
    if is_ready(document, format):
        return False
    note(document, format, "making")
    try:
        make(document, format, writer)
    except errors.OcrsiteError as error:
        log.warning("export.failed", document=str(document.pk), format=format, reason=error.message)
        note(document, format, "failed", error.message)
        return True
    forget(document, format)
    if not Document.objects.filter(pk=document.pk).exists():
        storage.delete_tree(document.storage_prefix)  # deleted meanwhile: nothing of it stays
    return True


def should_send(document: Document, format: str) -> bool:
    """Whether a message is due: none was sent yet, or whoever got it has died. Notes that it is sent now.

    Raises errors.Unavailable with the reason, once, where making it failed: asking again tries again.
    """
    state = _noted(document, format)
    if state.get("state") == "failed":
        forget(document, format)
        raise errors.Unavailable(state["reason"])
    patience = GIVEN_UP_SECONDS if state.get("state") == "making" else FORGOTTEN_SECONDS
    if state and timezone.now().timestamp() - state["at"] < patience:
        return False
    note(document, format, "sent")
    return True


def note(document: Document, format: str, state: str, reason: str = "") -> None:
    told = {"state": state, "at": timezone.now().timestamp(), "reason": reason}
    storage.save_bytes(f"{key(document, format)}.state", json.dumps(told).encode())


def forget(document: Document, format: str) -> None:
    storage.delete(f"{key(document, format)}.state")


def _noted(document: Document, format: str) -> dict[str, Any]:
    try:
        return dict(json.loads(storage.read_bytes(f"{key(document, format)}.state")))
    except (errors.NotFound, ValueError):
        return {}


def remove_outdated(document: Document) -> None:
    """What was made of earlier revisions."""
    for name in storage.folders(folder(document)):
        if name != str(document.revision):
            storage.delete_tree(f"{folder(document)}/{name}")
