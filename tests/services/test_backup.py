"""A backup and its way back: nothing is lost, and what is damaged, newer or in the way is refused untouched."""

from __future__ import annotations

import hashlib
import json
import tarfile
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.utils import timezone

from jobs import errors
from jobs.gateways import snapshots, storage
from jobs.models import AuditEntry, ClockLease, Document, Page, PageText, Reading, SlotLease
from jobs.services import backing_up, finding, restoring, tables, tagging
from tests import builders

pytestmark = pytest.mark.django_db(transaction=True)
LONG_AGO = datetime(2024, 2, 29, 12, 30, 15, 123456, tzinfo=UTC)


@pytest.fixture
def document(db: None) -> Document:
    """Three pages read, one of them by a person; its files; a tag."""
    backend = builders.make_backend("calypso")
    owner = builders.make_user("mira")
    made = builders.make_document(owner, pages=5, done=3, running=1, rendered=1)
    Document.objects.filter(pk=made.pk).update(created_at=LONG_AGO)
    storage.save_bytes(made.original_key, b"%PDF-1.7 original")
    for page in made.pages.all():
        builders.make_page_image(page)
    builders.make_lease(made.pages.get(status="running"), backend)
    page = made.pages.get(number=2)
    builders.make_reading(page, text="Zeichen: ä 漢 \u2028 “quokka”", source="edit", author=owner)
    tagging.add(made.pk, "Contracts", by=owner)
    made.refresh_from_db()
    return made


def files() -> dict[str, bytes]:
    return {key: storage.read_bytes(key) for key in storage.keys("documents")}


def rows() -> dict[str, Any]:
    left_out = {"jobs_auditentry", "django_content_type", "auth_permission"}
    return {
        table: list(model._base_manager.order_by("pk").values())
        for table, model in tables.of().items()
        if table not in tables.LEFT_OUT | left_out
    }


def lose_everything() -> None:
    Document.objects.all().delete()
    get_user_model().objects.all().delete()
    storage.delete_tree("documents")


@pytest.mark.parametrize("name", ["copy", "copy.tar"])
def test_everything_comes_back(document: Document, tmp_path: Path, name: str) -> None:
    before, kept = rows(), files()
    backing_up.back_up(tmp_path / name)
    lose_everything()
    restored = restoring.restore(tmp_path / name, force=False)
    assert files() == kept
    after = rows()
    # A page that ran waits again; nothing else is different.
    [was] = [row for row in before["jobs_page"] if row["status"] == "running"]
    was["status"] = "rendered"
    assert after == before
    assert (restored.documents, restored.mended) == (1, restoring.Mended())
    assert not SlotLease.objects.exists()
    found = finding.documents(get_user_model().objects.get(), finding.Filters(words="quokka"))
    assert list(found) == [document]


def test_new_rows_get_new_ids_afterwards(document: Document, tmp_path: Path) -> None:
    backing_up.back_up(tmp_path / "copy")
    lose_everything()
    restoring.restore(tmp_path / "copy", force=False)
    page = Page.objects.get(number=1)
    reading = builders.make_reading(page, text="after")
    assert Reading.objects.filter(pk=reading.pk).count() == 1
    builders.make_user("okafor")


def test_a_snapshot_sees_one_moment_and_holds_nobody_up(document: Document) -> None:
    with snapshots.frozen():
        there = Document.objects.count()
        wrote = threading.Event()

        def write() -> None:
            try:
                builders.make_document(document.owner, pages=1)
                wrote.set()
            finally:
                connection.close()

        writer = threading.Thread(target=write)
        writer.start()
        writer.join(60)
        assert wrote.is_set()
        assert Document.objects.count() == there == 1
    assert Document.objects.count() == 2


def test_what_is_removed_during_the_copying_is_drawn_again(
    document: Document, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = document.pages.get(status="rendered")
    done = document.pages.get(number=1)
    open_file = storage.open_file

    def gone_meanwhile(key: str) -> Any:
        if key in (waiting.image_key, done.image_key):
            storage.delete(key)
        return open_file(key)

    with monkeypatch.context() as during:
        during.setattr(storage, "open_file", gone_meanwhile)
        backing_up.back_up(tmp_path / "copy")
    lose_everything()
    mended = restoring.restore(tmp_path / "copy", force=False).mended
    assert mended == restoring.Mended(to_draw=1, images=2)
    assert Page.objects.get(pk=waiting.pk).status == "pending"
    assert Page.objects.get(pk=done.pk).status == "done"


def test_an_original_that_is_missing_is_named(document: Document, tmp_path: Path) -> None:
    storage.delete(document.original_key)
    backing_up.back_up(tmp_path / "copy")
    lose_everything()
    assert restoring.restore(tmp_path / "copy", force=False).mended.originals == ("report.pdf",)


class TestRefused:
    @pytest.fixture
    def copy(self, document: Document, tmp_path: Path) -> Path:
        backing_up.back_up(tmp_path / "copy")
        return tmp_path / "copy"

    @pytest.fixture(autouse=True)
    def nothing_is_changed(self, document: Document) -> Any:
        yield
        assert Document.objects.get().pk == document.pk
        assert storage.exists(document.original_key)

    def test_a_site_that_is_not_empty_unless_forced(self, copy: Path) -> None:
        with pytest.raises(errors.Conflict, match="--force"):
            restoring.restore(copy, force=False)
        AuditEntry.objects.create(action="after", subject="x")
        assert restoring.restore(copy, force=True).documents == 1
        assert not AuditEntry.objects.filter(action="after").exists()

    @pytest.mark.parametrize("force", [False, True])
    def test_a_site_that_runs(self, copy: Path, force: bool) -> None:
        ClockLease.objects.create(name="clock", holder="x", expires_at=timezone.now() + timedelta(seconds=30))
        with pytest.raises(errors.Conflict, match="is running"):
            restoring.restore(copy, force=force)

    def test_damaged_files(self, copy: Path, document: Document) -> None:
        path = copy / "files" / document.original_key
        path.write_bytes(path.read_bytes()[:-1] + b"X")
        with pytest.raises(errors.Invalid, match="original is damaged"):
            restoring.restore(copy, force=True)

    def test_files_that_are_missing(self, copy: Path) -> None:
        (copy / "tables" / "jobs_page.jsonl").unlink()
        with pytest.raises(errors.Invalid, match=r"jobs_page\.jsonl is missing"):
            restoring.restore(copy, force=True)

    def test_one_that_was_never_finished(self, copy: Path) -> None:
        (copy / "manifest.json").unlink()
        with pytest.raises(errors.Invalid, match="no backup"):
            restoring.restore(copy, force=True)

    def test_one_of_a_newer_version(self, copy: Path) -> None:
        change_manifest(copy, migrations={"jobs": "0999_future"})
        with pytest.raises(errors.Invalid, match="newer version"):
            restoring.restore(copy, force=True)

    def test_an_archive_that_was_cut_off(self, document: Document, tmp_path: Path) -> None:
        whole = tmp_path / "copy.tar"
        backing_up.back_up(whole)
        whole.write_bytes(whole.read_bytes()[:4000])
        with pytest.raises(errors.Invalid):
            restoring.restore(whole, force=True)

    def test_a_link_in_place_of_a_file(self, copy: Path, document: Document, tmp_path: Path) -> None:
        path = copy / "files" / document.original_key
        (tmp_path / "elsewhere").write_bytes(path.read_bytes())
        path.unlink()
        path.symlink_to(tmp_path / "elsewhere")
        with pytest.raises(errors.Invalid, match="is missing"):
            restoring.restore(copy, force=True)

    def test_a_place_that_is_taken(self, copy: Path) -> None:
        with pytest.raises(errors.Conflict, match="there already"):
            backing_up.back_up(copy)

    def test_tables_that_cannot_be_understood_change_nothing(self, copy: Path) -> None:
        broken = b'{"table":"jobs_tag","fields":["id","nonsense"]}\n[1,2]\n'
        replace_table(copy, "jobs_tag", broken)
        with pytest.raises(errors.Invalid, match="jobs_tag"):
            restoring.restore(copy, force=True)
        assert tagging.in_use(get_user_model().objects.get()) == ["contracts"]


def test_a_backup_that_fails_half_way_leaves_nothing(
    document: Document, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(key: str) -> Any:
        raise errors.Unavailable("The disk is full.")

    monkeypatch.setattr(storage, "open_file", full)
    for name in ("copy", "copy.tar"):
        with pytest.raises(errors.Unavailable):
            backing_up.back_up(tmp_path / "out" / name)
    assert list((tmp_path / "out").iterdir()) == []


def test_nobody_else_may_read_it(document: Document, tmp_path: Path) -> None:
    backing_up.back_up(tmp_path / "copy")
    backing_up.back_up(tmp_path / "copy.tar")
    modes = [(tmp_path / name).stat().st_mode & 0o777 for name in ("copy", "copy/manifest.json", "copy.tar")]
    assert modes == [0o700, 0o600, 0o600]
    with tarfile.open(tmp_path / "copy.tar") as archive:
        assert archive.getnames()[-1] == "manifest.json"


def test_exports_are_left_out(document: Document, tmp_path: Path) -> None:
    storage.save_bytes(f"{document.storage_prefix}/exports/3/pdf", b"made again")
    manifest = backing_up.back_up(tmp_path / "copy")
    assert not [name for name in manifest.files if "exports" in name]


@pytest.fixture
def newest_afterwards(db: None) -> Any:
    yield
    call_command("migrate", verbosity=0)


def test_an_older_backup_is_migrated(document: Document, tmp_path: Path, newest_afterwards: None) -> None:
    copy = tmp_path / "copy"
    backing_up.back_up(copy)
    as_of(copy, "0006_readings")
    lose_everything()
    assert restoring.restore(copy, force=False).documents == 1
    restored = Document.objects.get()
    assert (restored.trashed_at, restored.purging, restored.created_at) == (None, False, LONG_AGO)
    assert PageText.objects.count() == 3


def as_of(copy: Path, state: str) -> None:
    """As an earlier version would have made it: without the tables and columns that came later."""
    then = tables.of(MigrationLoader(None, ignore_no_migrations=True).project_state([("jobs", state)]).apps)
    migrations = json.loads((copy / "manifest.json").read_text())["migrations"]
    change_manifest(copy, migrations=migrations | {"jobs": state})
    for table in (path.stem for path in sorted((copy / "tables").iterdir()) if path.stem.startswith("jobs_")):
        if table in then:
            replace_table(copy, table, without_later_columns(copy, table, then[table]))
        else:
            files = json.loads((copy / "manifest.json").read_text())["files"]
            del files[f"tables/{table}.jsonl"]
            change_manifest(copy, files=files)


def without_later_columns(copy: Path, table: str, model: Any) -> bytes:
    head, *rows = map(json.loads, (copy / "tables" / f"{table}.jsonl").read_bytes().splitlines())
    known = {field.attname for field in model._meta.concrete_fields}
    places = [place for place, name in enumerate(head["fields"]) if name in known]
    head["fields"] = [head["fields"][place] for place in places]
    lines = [head, *([row[place] for place in places] for row in rows)]
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def change_manifest(copy: Path, **changed: Any) -> None:
    path = copy / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changed))


def replace_table(copy: Path, table: str, data: bytes) -> None:
    """As if the backup had been made so: with sums that fit."""
    name = f"tables/{table}.jsonl"
    (copy / name).write_bytes(data)
    told = json.loads((copy / "manifest.json").read_text())["files"]
    told[name] = {"size_bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    change_manifest(copy, files=told)
