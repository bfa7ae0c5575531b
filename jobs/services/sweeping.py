"""Files that belong to nobody: written after their document was deleted, or by who was killed before there was one."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

import structlog
from django.utils import timezone

from jobs import errors
from jobs.gateways import storage
from jobs.gateways.storage import Volume
from jobs.models import Document
from jobs.models.documents import born_at

log = structlog.get_logger(__name__)
FOLDER = "documents"
# Files are stored before their row: an upload must have ended, and whoever restores a database gets a day to see it.
ORPHAN_AGE = timedelta(days=1)
HALF_WRITTEN_SECONDS = 3600.0
ROWS_AT_ONCE = 500
# A database that knows next to none of the files is the wrong one, or an empty one. Nothing is removed then.
SUSPICIOUS_COUNT = 20


def sweep() -> Volume:
    """Removes files without a document, and files that were never finished; returns how much.

    Raises errors.Conflict, having removed no document's files, when most of them would have to go.
    """
    removed = storage.remove_parts(HALF_WRITTEN_SECONDS)
    known = [key for name in storage.folders(FOLDER) if (key := _id(name)) is not None]
    orphans = _without_row(known)
    if len(orphans) >= SUSPICIOUS_COUNT and len(orphans) * 2 > len(known):
        raise errors.Conflict(
            f"{len(orphans)} of {len(known)} folders of files have no document in this database: it is not the one "
            "that belongs to these files. Nothing was removed."
        )
    for key in orphans:
        prefix = f"{FOLDER}/{key}"
        removed += storage.volume(prefix)
        storage.delete_tree(prefix)
    if removed.files:
        log.info("files.swept", files=removed.files, bytes=removed.size_bytes, documents=len(orphans))
    return removed


def _id(name: str) -> UUID | None:
    try:
        return UUID(name)
    except ValueError:
        return None  # not ours: left alone


def _without_row(keys: Iterable[UUID]) -> list[UUID]:
    horizon = timezone.now() - ORPHAN_AGE
    old = [key for key in keys if born_at(key) < horizon]
    orphans = []
    for start in range(0, len(old), ROWS_AT_ONCE):
        some = old[start : start + ROWS_AT_ONCE]
        rows = set(Document.objects.filter(pk__in=some).values_list("pk", flat=True))
        orphans += [key for key in some if key not in rows]
    return orphans
