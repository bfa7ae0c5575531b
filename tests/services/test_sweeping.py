"""No file stays that belongs to nobody, and none goes that belongs to somebody."""

from __future__ import annotations

import os
import time
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from jobs import errors
from jobs.gateways import storage, uploads
from jobs.gateways.storage import Volume
from jobs.models.documents import born_at, new_document_id
from jobs.services import sweeping
from tests import builders

pytestmark = pytest.mark.django_db
LONG_AGO = timedelta(days=3)


def id_made(age: timedelta) -> uuid.UUID:
    made = int((datetime.now(UTC) - age).timestamp() * 1000)
    return uuid.UUID(int=new_document_id().int & ((1 << 80) - 1) | made << 80)


def kept(document_id: Any) -> bool:
    return storage.exists(f"documents/{document_id}/original")


def store(document_id: Any) -> Any:
    storage.save_bytes(f"documents/{document_id}/original", b"0123456789")
    return document_id


def made_long_ago(path: Path, seconds: float = 7200.0) -> None:
    os.utime(path, (time.time() - seconds,) * 2)


def test_an_id_says_when_it_was_made() -> None:
    assert abs(born_at(new_document_id()) - datetime.now(UTC)) < timedelta(minutes=1)


def test_files_without_a_document_go(db: None) -> None:
    mine = builders.make_document(builders.make_user(), pages=1, done=1, id=id_made(LONG_AGO))
    store(mine.pk)
    orphan, fresh = store(id_made(LONG_AGO)), store(id_made(timedelta(minutes=5)))
    store("lost+found")
    assert sweeping.sweep() == Volume(1, 10)
    assert [kept(one) for one in (mine.pk, orphan, fresh, "lost+found")] == [True, False, True, True]


def test_a_document_in_the_trash_keeps_its_files() -> None:
    from jobs.services import trash

    owner = builders.make_user()
    document = builders.make_document(owner, pages=1, done=1, id=id_made(LONG_AGO))
    store(document.pk)
    trash.put(document.pk, by=owner)
    sweeping.sweep()
    assert kept(document.pk)


def test_a_database_that_knows_none_of_the_files_removes_none() -> None:
    strangers = [store(id_made(LONG_AGO)) for _ in range(sweeping.SUSPICIOUS_COUNT)]
    with pytest.raises(errors.Conflict, match="not the one"):
        sweeping.sweep()
    assert all(map(kept, strangers))


def test_half_written_files_of_killed_processes_go(own_data_directory: Path) -> None:
    folder = own_data_directory / "files" / "documents" / "x"
    folder.mkdir(parents=True)
    old, new = folder / ".1.jpg.0123.part", folder / ".2.jpg.4567.part"
    for part in (old, new):
        part.write_bytes(b"half")
    made_long_ago(old)
    assert sweeping.sweep() == Volume(1, 4)
    assert (old.exists(), new.exists()) == (False, True)


def test_what_aborted_uploads_and_killed_drawers_left_goes_after_an_hour(settings: Any) -> None:
    folder = Path(settings.FILE_UPLOAD_TEMP_DIR)
    left = [folder / "incoming-1", folder / "draw-1", folder / "export-1"]
    for path in left:
        path.mkdir() if path.name != "incoming-1" else path.write_bytes(b"half")
        made_long_ago(path)
    alive, foreign = folder / "incoming-2", folder / "notes.txt"
    alive.write_bytes(b"half")
    foreign.write_bytes(b"not ours")
    made_long_ago(foreign)
    assert uploads.remove_forgotten(3600.0) == 3
    assert sorted(path.name for path in folder.iterdir()) == ["incoming-2", "notes.txt"]
