"""A backup put back: first everything is checked, then the files, then the tables in one transaction, then what the
backup lacks is mended. What was under way when it was made goes on where it was."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

import structlog
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from jobs import errors
from jobs.domain import backups
from jobs.domain.backups import Manifest
from jobs.domain.statuses import PageStatus
from jobs.gateways import backup_files, storage
from jobs.gateways.backup_files import Reader
from jobs.models import ClockLease, Document, Page
from jobs.services import tables
from jobs.services.backing_up import FILES, KEY, TABLE

log = structlog.get_logger(__name__)
PAGES_AT_ONCE = 500


@dataclass(frozen=True)
class Mended:
    """What a backup lacked. `originals`: names of documents whose own file is missing: their text stays."""

    to_draw: int = 0
    images: int = 0
    originals: tuple[str, ...] = ()


@dataclass(frozen=True)
class Restored:
    """`key_differs`: the hosts' API keys in it were encrypted with another secret key than this site has."""

    manifest: Manifest
    documents: int
    mended: Mended
    key_differs: bool


def restore(path: Path, *, force: bool) -> Restored:
    """Puts a backup back into this site, which must not run. `force` replaces what the site holds.

    Raises errors.Invalid for a backup that is damaged, incomplete or newer, errors.Conflict for a site that runs or is
    not empty, errors.NotFound, errors.Unavailable. Nothing is changed then, but for files that belong to nobody.
    """
    executor = MigrationExecutor(connection)
    if executor.loader.applied_migrations:
        _refuse_to_overwrite(force)
    with backup_files.reading(path) as source:
        manifest = checked(source)
        for name in manifest.files:
            if name.startswith(FILES):
                with source.open(name) as file:
                    storage.save_stream(name.removeprefix(FILES), file, max_bytes=None)
        try:
            _tables(source, manifest)
        finally:
            # Also where they do not fit: the old rows are there still, and belong into the newest tables.
            call_command("migrate", interactive=False, verbosity=0)
        key_differs = _secret_key(source, manifest)
    restored = Restored(manifest, Document.objects.count(), mend(), key_differs)
    log.info("backup.restored", documents=restored.documents, files=len(manifest.files), made_at=manifest.made_at)
    return restored


def checked(source: Reader) -> Manifest:
    """The manifest, once every file has been read and found to be what it says. Raises errors.Invalid."""
    manifest = backups.from_json(backup_files.read_manifest(source))
    backups.refuse_newer(manifest, MigrationExecutor(connection).loader.graph.nodes)
    found = {name: entry for name in manifest.files if (entry := backup_files.measured(source, name))}
    backups.refuse_damaged(manifest, found)
    return manifest


def _refuse_to_overwrite(force: bool) -> None:
    if ClockLease.objects.filter(expires_at__gt=timezone.now()).exists():
        raise errors.Conflict("The site is running: stop every part of it, and wait half a minute if one was killed.")
    if not force and Document.objects.exists():
        raise errors.Conflict(
            "This site holds documents. Restore into an empty one, or add --force to replace all that is in it."
        )


def _tables(source: Reader, manifest: Manifest) -> None:
    """Into tables as they were when the backup was made; an older one is migrated afterwards."""
    targets = list(manifest.migrations.items())
    executor = MigrationExecutor(connection)
    executor.migrate(targets)
    begin, end = TABLE.split("{}")
    names = {name[len(begin) : -len(end)]: name for name in manifest.files if name.startswith(begin)}
    with contextlib.ExitStack() as opened:
        sources = {table: opened.enter_context(source.open(name)) for table, name in names.items()}
        tables.replace_all(dict(sources), MigrationExecutor(connection).loader.project_state(targets).apps)


def _secret_key(source: Reader, manifest: Manifest) -> bool:
    """Puts the key back where the site keeps one of its own. Whether the hosts' keys cannot be read afterwards."""
    path = settings.DATA_DIR / KEY
    if KEY not in manifest.files:
        return True
    with source.open(KEY) as file:
        key = file.read().decode("ascii").strip()
    own = path.is_file() and path.read_text(encoding="ascii").strip() == settings.SECRET_KEY
    if not own:
        return key != settings.SECRET_KEY
    draft = path.with_name(f".{KEY}.restored")
    draft.touch(mode=0o600)
    draft.write_text(key, encoding="ascii")
    draft.replace(path)
    return False


def mend() -> Mended:
    """Nobody holds a page any more: those under way wait again, and whose image is missing is drawn again."""
    Page.objects.filter(status__in=[PageStatus.ASSIGNED, PageStatus.RUNNING]).update(status=PageStatus.RENDERED)
    Document.objects.update(drawing_until=None)
    to_draw = images = 0
    drawn = Page.objects.filter(image_width_px__isnull=False).exclude(status=PageStatus.PENDING)
    for page in drawn.only("pk", "number", "document_id", "status").iterator(chunk_size=PAGES_AT_ONCE):
        if storage.exists(page.image_key):
            continue
        images += 1
        if page.status == PageStatus.RENDERED:
            to_draw += Page.objects.filter(pk=page.pk, status=PageStatus.RENDERED).update(status=PageStatus.PENDING)
    gone = [d.name for d in Document.objects.only("pk", "name").iterator() if not storage.exists(d.original_key)]
    return Mended(to_draw, images, tuple(gone))
