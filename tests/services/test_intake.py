"""Taking a file in, and refusing it without a trace."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import pytest

from jobs import errors
from jobs.gateways import storage, uploads
from jobs.models import AuditEntry, Document
from jobs.services import intake
from jobs.services.intake import Options
from tests import builders
from tests.sample_files import image, locked_pdf, pdf

pytestmark = pytest.mark.django_db


def accept(owner: Any, data: bytes, *, name: str = "a.pdf", max_bytes: int | None = None, **options: Any) -> Document:
    return intake.accept(io.BytesIO(data), name=name, owner=owner, options=Options(**options), max_bytes=max_bytes)


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_a_file_becomes_a_queued_document_with_its_inspection(mira: Any, own_data_directory: Path) -> None:
    document = accept(mira, pdf(3), pages=" 2 - 3 ", dpi=150, priority="low", language="deu+eng")
    document.refresh_from_db()
    assert (document.status, document.page_count, document.page_range) == ("queued", 2, "2-3")
    assert (document.dpi, document.priority_rank, document.language) == (150, 2, "deu+eng")
    assert document.size_bytes == len(pdf(3))
    inspection = json.loads(storage.read_bytes(document.inspection_key))
    assert inspection == {"media_type": "application/pdf", "pages": [[300, 200]] * 3, "warnings": []}
    assert files_in(own_data_directory) == ["inspection.json", "original"]
    assert AuditEntry.objects.get().action == "document.uploaded"


@pytest.mark.parametrize(
    ("data", "options", "refusal"),
    [
        (b"", {}, errors.Unreadable),
        (b"hello", {}, errors.RequestRefused),
        (locked_pdf(), {}, errors.PasswordRequired),
        (pdf(2), {"pages": "9"}, errors.Invalid),
        (pdf(2), {"priority": "urgent"}, errors.Invalid),
    ],
)
def test_a_refusal_leaves_an_audit_entry_and_nothing_else(
    mira: Any, data: bytes, options: Any, refusal: type[Exception], own_data_directory: Path
) -> None:
    with pytest.raises(refusal):
        accept(mira, data, **options)
    assert not Document.objects.exists() and files_in(own_data_directory) == []
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.actor, entry.subject) == ("upload.refused", mira, "a.pdf")


def test_a_stream_is_cut_at_the_cap(mira: Any, own_data_directory: Path) -> None:
    class Endless(io.RawIOBase):
        given = 0

        def read(self, size: int = -1) -> bytes:
            self.given += size
            return b"0" * size

    endless = Endless()
    with pytest.raises(errors.TooLarge, match="3 MB"):
        intake.accept(endless, name="a", owner=mira, options=Options(), max_bytes=3 * 2**20)  # type: ignore[arg-type]  # it reads, that is enough
    assert endless.given <= 5 * 2**20
    assert files_in(own_data_directory) == []


def test_what_cannot_be_stored_leaves_nothing(mira: Any, own_data_directory: Path, monkeypatch: Any) -> None:
    def full(key: str, data: bytes) -> None:
        raise errors.Unavailable("The disk is full.")

    monkeypatch.setattr(storage, "save_bytes", full)
    with pytest.raises(errors.Unavailable):
        accept(mira, pdf())
    assert not Document.objects.exists() and files_in(own_data_directory) == []


def test_an_encrypted_file_is_kept_as_its_clear_copy(mira: Any, own_data_directory: Path) -> None:
    document = accept(mira, locked_pdf("sesame", pages=2), password="sesame")
    assert b"/Encrypt" not in storage.read_bytes(document.original_key)
    assert files_in(own_data_directory) == ["inspection.json", "original"]
    assert "sesame" not in repr(Options(password="sesame"))


def test_the_same_locked_file_is_known_again(mira: Any) -> None:
    data = locked_pdf("sesame")
    first = accept(mira, data, password="sesame")
    assert accept(mira, data, password="sesame").duplicate_of == first


class TestDuplicates:
    def test_are_the_same_persons_same_bytes_read_the_same_way(self, mira: Any) -> None:
        first = accept(mira, pdf(3), dpi=150, pages="1-2")
        assert accept(mira, pdf(3), dpi=150, pages="1 - 2", priority="high").duplicate_of == first
        for change in ({"dpi": 200}, {"pages": "1"}, {"mode": "text"}, {"language": "deu"}):
            assert accept(mira, pdf(3), **({"dpi": 150, "pages": "1-2"} | change)).duplicate_of is None
        assert accept(builders.make_user("noor"), pdf(3), dpi=150, pages="1-2").duplicate_of is None

    @pytest.mark.parametrize("status", ["failed", "cancelled"])
    def test_offer_no_document_without_a_result(self, mira: Any, status: str) -> None:
        accept(mira, pdf())
        Document.objects.update(status=status)
        assert accept(mira, pdf()).duplicate_of is None

    def test_offer_a_finished_one_first(self, mira: Any) -> None:
        accept(mira, pdf())
        second = accept(mira, pdf())
        Document.objects.filter(pk=second.pk).update(status="done")
        assert accept(mira, pdf()).duplicate_of == second


class TestOptions:
    @pytest.mark.parametrize(
        ("options", "field"),
        [
            ({"priority": "urgent"}, "priority"),
            ({"purpose": "fun"}, "purpose"),
            ({"mode": "poem"}, "mode"),
            ({"mode": "custom"}, "prompt"),
            ({"mode": "custom", "prompt": "   "}, "prompt"),
            ({"prompt": "List the numbers."}, "prompt"),
            ({"mode": "custom", "prompt": "x" * 4001}, "prompt"),
            ({"dpi": 49}, "dpi"),
            ({"dpi": 601}, "dpi"),
            ({"pages": "first"}, "pages"),
            ({"language": "deu eng"}, "language"),
            ({"language": "../etc"}, "language"),
            ({"language": "deu+"}, "language"),
            ({"language": "a" * 61}, "language"),
            ({"password": "x" * 2000}, "password"),
        ],
    )
    def test_that_do_not_fit_are_named(self, options: Any, field: str) -> None:
        with pytest.raises(errors.Invalid) as caught:
            intake.check(Options(**options))
        assert set(caught.value.fields) == {field}

    def test_are_all_named_at_once(self) -> None:
        with pytest.raises(errors.Invalid) as caught:
            intake.check(Options(priority="urgent", dpi=1, pages="x"))
        assert set(caught.value.fields) == {"priority", "dpi", "pages"}

    @pytest.mark.parametrize(
        "options",
        [
            {},
            {"mode": "custom", "prompt": " List the numbers. "},
            {"dpi": 50},
            {"dpi": 600},
            {"language": "chi_sim+eng"},
            {"pages": "1-3, 7"},
        ],
    )
    def test_that_fit_pass(self, options: Any) -> None:
        checked = intake.check(Options(**options))
        assert checked.prompt == checked.prompt.strip() and " " not in checked.pages

    def test_of_a_disabled_cpu_backend_do_not_count(self) -> None:
        cpu = builders.make_backend("cpu", kind="cpu", lifecycle="disabled")
        cpu.health.languages = ["eng"]
        cpu.health.save()
        assert intake.check(Options(language="deu")).language == "deu"


def test_files_that_a_killed_server_left_are_removed_by_age(own_data_directory: Path) -> None:
    folder = own_data_directory / "uploads"
    (folder / "incoming-old").write_bytes(b"x")
    (folder / "something else").write_bytes(b"x")
    assert uploads.remove_forgotten(3600) == 0
    assert uploads.remove_forgotten(-1) == 1
    assert files_in(folder) == ["something else"]


@pytest.mark.parametrize("name", ["draw-abc", "export-abc"])
def test_folders_that_a_killed_worker_left_are_removed_once_nothing_in_them_is_young(
    own_data_directory: Path, name: str
) -> None:
    folder = own_data_directory / "uploads"
    inner = folder / name / ".drawing-x"
    inner.mkdir(parents=True)
    (inner / "page-1.jpg").write_bytes(b"x")
    for path in (folder / name, inner):
        os.utime(path, (0, 0))
    assert uploads.remove_forgotten(3600) == 0
    os.utime(inner / "page-1.jpg", (0, 0))
    assert uploads.remove_forgotten(3600) == 1
    assert list(folder.iterdir()) == []


def test_pictures_are_taken(mira: Any) -> None:
    document = accept(mira, image("TIFF", 2), name="scan.tif")
    assert (document.media_type, document.page_count, document.name) == ("image/tiff", 2, "scan.tif")
