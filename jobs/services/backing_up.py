"""A backup of the whole site, taken while it runs.

First the database as it is at one moment, then the files of the documents in it. A file that is written or removed in
between does not matter: what is missing is found when the backup is restored, and drawn again (services.restoring).
"""

from __future__ import annotations

import io
import tempfile
from pathlib import Path
from typing import IO

import structlog
from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from jobs import errors
from jobs.domain.backups import MANIFEST, Entry, Manifest
from jobs.gateways import backup_files, snapshots, storage
from jobs.gateways.backup_files import Writer
from jobs.models import Document
from jobs.services import tables

log = structlog.get_logger(__name__)
TABLE = "tables/{}.jsonl"
FILES = "files/"
KEY = "secret_key"


def back_up(path: Path) -> Manifest:
    """Writes a backup to `path`, a new folder or a new file whose name ends in .tar.

    Raises errors.Conflict where something is there or the database waits for a migration, errors.Unavailable.
    """
    migrations = _migrations()
    made_at = timezone.now().isoformat()
    files: dict[str, Entry] = {}
    with backup_files.writing(path) as target:
        with snapshots.frozen():
            files |= _tables(target)
            documents = Document.objects.filter(purging=False).order_by("pk")
            prefixes = [document.storage_prefix for document in documents.only("pk")]
        files |= _secret_key(target)
        for prefix in prefixes:
            files |= _files(target, prefix)
        manifest = Manifest(made_at, migrations, files)
        told = manifest.to_json().encode()
        target.add(MANIFEST, io.BytesIO(told), len(told))
    log.info("backup.made", files=len(files), bytes=manifest.size_bytes, documents=len(prefixes))
    return manifest


def _migrations() -> dict[str, str]:
    executor = MigrationExecutor(connection)
    leaves = executor.loader.graph.leaf_nodes()
    if executor.migration_plan(leaves):
        raise errors.Conflict("The database is older than this version: run manage.py migrate first.")
    return dict(leaves)


def _tables(target: Writer) -> dict[str, Entry]:
    written = {}
    for table in tables.kept():
        with tempfile.TemporaryFile(dir=settings.DATA_DIR / "uploads") as rows:
            tables.write(table, rows)
            size_bytes = rows.tell()
            rows.seek(0)
            name = TABLE.format(table)
            written[name] = target.add(name, rows, size_bytes)
    return written


def _files(target: Writer, prefix: str) -> dict[str, Entry]:
    """Everything but exports, which are made again when they are asked for."""
    written = {}
    for key in storage.keys(prefix):
        if key.startswith(f"{prefix}/exports/"):
            continue
        try:
            with storage.open_file(key) as file:
                written[FILES + key] = target.add(FILES + key, file, _size(file))
        except errors.NotFound:
            log.info("backup.file_removed_meanwhile", key=key)
    return written


def _secret_key(target: Writer) -> dict[str, Entry]:
    """The key that the site made for itself, with which the hosts' API keys are encrypted; not one from the outside."""
    path = settings.DATA_DIR / KEY
    if not path.is_file() or path.read_text(encoding="ascii").strip() != settings.SECRET_KEY:
        return {}
    with path.open("rb") as file:
        return {KEY: target.add(KEY, file, _size(file))}


def _size(file: IO[bytes]) -> int:
    at_end = file.seek(0, io.SEEK_END)
    file.seek(0)
    return at_end
