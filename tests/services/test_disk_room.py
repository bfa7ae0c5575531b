"""Before the disk is full: nothing new is begun, what is in hand ends, and everybody is told why."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from jobs import errors
from jobs.gateways import disk, storage, uploads
from jobs.models import AuditEntry, Document
from jobs.services import backends, exporting, intake, preparing, redrawing
from tests import builders, exported, files, pipeline
from tests.api.conftest import ApiClient
from tests.vllm_simulator import Simulator

pytestmark = pytest.mark.django_db
FREE = 300_000_000


class Disk:
    """How much is free, as the test says."""

    def __init__(self, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        settings.KEEP_FREE_BYTES = 500_000_000
        self.free_bytes = FREE
        usage = shutil.disk_usage

        def told(path: Any) -> Any:
            return usage(path)._replace(free=self.free_bytes)

        monkeypatch.setattr(shutil, "disk_usage", told)

    def gets_room(self) -> None:
        self.free_bytes = 900_000_000


@pytest.fixture
def short(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(settings, monkeypatch)


@pytest.fixture
def mira(db: None) -> Any:
    return builders.make_user("mira")


def pdf(folder: Path, pages: int = 2) -> Path:
    return files.numbered_pdf(folder / "a.pdf", pages)


def left(settings: Any) -> list[Path]:
    return [path for path in Path(settings.DATA_DIR).rglob("*") if path.is_file()]


def test_an_upload_is_refused_and_leaves_nothing(mira: Any, short: Disk, tmp_path: Path, settings: Any) -> None:
    path = pdf(tmp_path)
    before = left(settings)
    with pytest.raises(errors.OutOfSpace, match="nearly full"):
        intake.accept(path.open("rb"), name="a.pdf", owner=mira, options=intake.Options())
    assert not Document.objects.exists()
    assert left(settings) == before
    assert AuditEntry.objects.get(action="upload.refused").detail == {"code": "out_of_space"}
    short.gets_room()
    intake.accept(path.open("rb"), name="a.pdf", owner=mira, options=intake.Options())


def test_a_disk_that_fills_up_while_a_file_arrives_stops_it(short: Disk, settings: Any) -> None:
    short.gets_room()
    incoming = uploads.Incoming(10**9)
    incoming.write(b"x" * 1024)
    short.free_bytes = FREE
    incoming.write(b"x" * uploads.LOOK_BYTES)
    with pytest.raises(errors.OutOfSpace):
        incoming.received()
    assert Path(incoming.file.name).stat().st_size == 0
    incoming.close()


def test_the_api_says_507_and_what_to_do(mira: Any, short: Disk, tmp_path: Path) -> None:
    api = ApiClient(mira)
    response = api.upload(SimpleUploadedFile("a.pdf", pdf(tmp_path).read_bytes()))
    assert (response.status_code, response.json()["error"]["code"]) == (507, "out_of_space")
    assert "Delete documents for good" in response.json()["error"]["message"]
    short.gets_room()
    assert api.upload(SimpleUploadedFile("a.pdf", pdf(tmp_path).read_bytes())).status_code == 202


def test_what_is_announced_as_more_than_there_is_room_for_is_refused_unread(
    mira: Any, short: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    short.free_bytes = 500_500_000  # room for nothing of a megabyte and more
    monkeypatch.setattr(uploads, "Incoming", None)  # nothing is written
    response = ApiClient(mira).upload(SimpleUploadedFile("a.pdf", b"%PDF-" + b"x" * 2_000_000))
    assert response.status_code == 507


def test_drawing_waits_for_room(mira: Any, short: Disk, tmp_path: Path) -> None:
    builders.make_policy()
    builders.make_backend("calypso")
    short.gets_room()
    document = intake.accept(pdf(tmp_path).open("rb"), name="a.pdf", owner=mira, options=intake.Options())
    preparing.prepare(document.pk)
    short.free_bytes = FREE
    assert not preparing.something_to_draw()
    assert not preparing.draw_next()
    assert set(document.pages.values_list("status", flat=True)) == {"pending"}
    short.gets_room()
    assert preparing.draw_next()
    assert set(document.pages.values_list("status", flat=True)) == {"rendered"}


@pytest.mark.django_db(transaction=True)
def test_work_in_hand_ends(mira: Any, short: Disk, tmp_path: Path) -> None:
    short.gets_room()
    with Simulator.start(slots=4) as host:
        backends.ensure_defaults()
        backends.update("calypso", by=None, base_url=host.base_url)
        assert backends.activate("calypso", by=None).passed
        document = intake.accept(pdf(tmp_path).open("rb"), name="a.pdf", owner=mira, options=intake.Options())
        preparing.prepare(document.pk)
        assert preparing.draw_next()
        short.free_bytes = FREE
        pipeline.settle_down()
    document.refresh_from_db()
    assert (document.status, document.pages_done) == ("done", 2)


def test_exports_that_need_a_file_wait_and_texts_are_given(mira: Any, short: Disk) -> None:
    document = builders.make_document(mira, pages=1, done=1)
    assert b"page 1" in exported.result(document, "md")
    with pytest.raises(errors.OutOfSpace):
        exporting.export(document, "docx")
    short.gets_room()
    assert exported.result(document, "docx")


def test_an_image_drawn_again_is_shown_but_not_kept(mira: Any, short: Disk, tmp_path: Path) -> None:
    document = builders.make_document(mira, pages=1, done=1)
    storage.save_path(document.original_key, pdf(tmp_path, 1))
    page = document.pages.get()
    assert redrawing.image(document, page).startswith(b"\xff\xd8")
    assert not storage.exists(page.image_key)
    short.gets_room()
    redrawing.image(document, page)
    assert storage.exists(page.image_key)


def test_the_room_is_that_of_the_data_directory(settings: Any) -> None:
    settings.KEEP_FREE_BYTES = 0
    assert disk.room().free_bytes > 0
    assert not disk.room().is_short
