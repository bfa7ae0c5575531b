"""POST /documents: what is taken, what is refused and how, and that a refusal leaves nothing."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from jobs.gateways import storage
from jobs.models import AuditEntry, Document, IdempotencyKey
from tests.api.conftest import ApiClient
from tests.builders import make_backend
from tests.conftest import CORPUS
from tests.sample_files import empty_pdf, image, locked_pdf, pdf

Code = Callable[[Any], str]


def named(data: bytes, name: str = "report.pdf") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, data)


def nothing_is_left(data_directory: Path) -> bool:
    files = [path for path in data_directory.rglob("*") if path.is_file()]
    return not Document.objects.exists() and not IdempotencyKey.objects.exists() and not files


def test_a_pdf_is_taken_and_its_preparation_asked_for(
    api: ApiClient, sent: list[Any], django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        response = api.upload(named(pdf(3)), priority="high", purpose="development", sla="true", dpi="150", pages="2-3")
    assert response.status_code == 202
    body = response.json()
    assert re.fullmatch(r"[0-9a-f-]{36}", body["id"])
    assert response["Location"] == f"/api/v1/documents/{body['id']}"
    assert body | {"id": "", "created_at": "", "size_bytes": 0} == {
        "id": "",
        "name": "report.pdf",
        "status": "queued",
        "page_count": 2,
        "priority": "high",
        "purpose": "development",
        "sla": True,
        "mode": "markdown",
        "dpi": 150,
        "pages": {"done": 0, "running": 0, "waiting": 2, "failed": 0, "cancelled": 0},
        "needs_review": 0,
        "decision": None,
        "created_at": "",
        "finished_at": None,
        "eta_seconds": None,
        "error": None,
        "duplicate_of": None,
        "page_range": "2-3",
        "language": "",
        "media_type": "application/pdf",
        "size_bytes": 0,
        "owner": "mira",
        "warnings": [],
    }
    assert body["created_at"].endswith("Z")
    assert sent == [("prepare", body["id"])]
    document = Document.objects.get()
    assert storage.read_bytes(document.original_key) == pdf(3)
    assert document.priority_rank == 0


@pytest.mark.parametrize(
    ("format_name", "frames", "media_type"),
    [("PNG", 1, "image/png"), ("JPEG", 1, "image/jpeg"), ("TIFF", 3, "image/tiff")],
)
def test_pictures_are_taken_by_what_they_are_not_by_their_name(
    api: ApiClient, format_name: str, frames: int, media_type: str
) -> None:
    body = api.upload(named(image(format_name, frames), "picture.pdf")).json()
    assert (body["media_type"], body["page_count"]) == (media_type, frames)


REFUSED = [
    (b"<html>no</html>", {}, 415, "unsupported_type"),
    (b"%PDF-1.4\nnothing", {}, 422, "unreadable"),
    (empty_pdf(), {}, 422, "no_pages"),
    (locked_pdf(), {}, 422, "password_required"),
    (locked_pdf(), {"password": "wrong"}, 422, "wrong_password"),
    (pdf(2), {"pages": "3"}, 422, "invalid"),
    (pdf(1), {"dpi": "1200"}, 422, "invalid"),
    (pdf(1), {"mode": "poem"}, 422, "invalid"),
    (pdf(1), {"mode": "custom"}, 422, "invalid"),
    (pdf(1), {"language": "deu;rm"}, 422, "invalid"),
]


@pytest.mark.parametrize(("data", "fields", "status", "code"), REFUSED)
def test_a_refusal_names_its_reason_and_leaves_nothing(
    api: ApiClient, data: bytes, fields: Any, status: int, code: str, code_of: Code, own_data_directory: Path
) -> None:
    name = "file" if code == "unsupported_type" else "file.pdf"
    response = api.upload(named(data, name), key="once", **fields)
    assert (response.status_code, code_of(response)) == (status, code)
    if code == "invalid":
        assert set(response.json()["error"]["fields"]) == ({"prompt"} if fields == {"mode": "custom"} else set(fields))
    assert nothing_is_left(own_data_directory)


def test_a_file_that_is_too_long_is_refused_and_leaves_nothing(
    api: ApiClient, settings: Any, code_of: Code, own_data_directory: Path
) -> None:
    settings.MAX_UPLOAD_BYTES = 1_000_000
    response = api.upload(named(pdf() + b"0" * 1_000_001))
    assert (response.status_code, code_of(response)) == (413, "too_large")
    assert nothing_is_left(own_data_directory)


def test_a_request_that_is_far_too_long_is_refused_by_its_length(
    api: ApiClient, settings: Any, code_of: Code, own_data_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*args: Any) -> None:
        raise AssertionError("something was written to disk")

    monkeypatch.setattr("jobs.gateways.uploads.Incoming.write", never)
    settings.MAX_UPLOAD_BYTES = 1000
    response = api.upload(named(b"0" * 1_200_000))
    assert (response.status_code, code_of(response)) == (413, "too_large")
    assert nothing_is_left(own_data_directory)


def test_more_pages_than_the_cap_are_refused_and_the_cap_is_named(api: ApiClient, settings: Any, code_of: Code) -> None:
    settings.MAX_PAGES = 2
    response = api.upload(named(pdf(3)))
    assert (response.status_code, code_of(response)) == (422, "too_many_pages")
    assert "2" in response.json()["error"]["message"]


def test_a_full_disk_is_told_and_leaves_nothing(
    api: ApiClient, code_of: Code, own_data_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Q18."""

    class FullDisk:
        name = str(own_data_directory / "full")

        def write(self, data: bytes) -> int:
            raise OSError(28, "No space left on device")

        def truncate(self, size: int) -> None: ...

        def close(self) -> None: ...

    monkeypatch.setattr("tempfile.NamedTemporaryFile", lambda **options: FullDisk())
    response = api.upload(named(pdf()))
    assert (response.status_code, code_of(response)) == (507, "out_of_space")
    assert "disk is full" in response.json()["error"]["message"]
    assert nothing_is_left(own_data_directory)


def test_without_a_file_the_field_is_named(api: ApiClient) -> None:
    for response in (api.post("/documents"), api.client.post("/api/v1/documents", headers=api.authorized({}))):
        assert response.status_code == 422
        assert response.json()["error"]["fields"] == {"file": "This is needed."}


def test_a_locked_pdf_is_kept_in_the_clear_and_its_password_nowhere(api: ApiClient, own_data_directory: Path) -> None:
    body = api.upload(named(locked_pdf("open sesame 42")), password="open sesame 42").json()
    kept = storage.read_bytes(f"documents/{body['id']}/original")
    assert b"/Encrypt" not in kept
    everything = b"".join(path.read_bytes() for path in own_data_directory.rglob("*") if path.is_file())
    assert b"open sesame 42" not in everything
    assert "open sesame 42" not in str([*Document.objects.values(), *AuditEntry.objects.values()])


def test_names_are_shown_and_never_used_as_paths(api: ApiClient, own_data_directory: Path) -> None:
    names = {
        "empty#hash.pdf": "empty#hash.pdf",
        "a\u202efdp.exe": "afdp.exe",
        "x" * 300 + ".pdf": None,
        "a." + "b" * 300: None,
    }
    for given, shown in names.items():
        body = api.upload(named(pdf(words=given[:9]), given)).json()
        assert body["name"] == shown or (shown is None and len(body["name"]) <= 150)
    stored = {path.name for path in (own_data_directory / "files").rglob("*") if path.is_file()}
    assert stored == {"original", "inspection.json"}


def test_addresses_and_hosts_sent_along_are_never_used(api: ApiClient) -> None:
    body = api.upload(named(pdf()), backend="spark", base_url="http://127.0.0.1:1", owner="ada").json()
    assert (body["decision"], body["owner"]) == (None, "mira")


def test_the_same_file_again_names_the_earlier_document(api: ApiClient, other: ApiClient) -> None:
    first = api.upload(named(pdf(2))).json()
    again = api.upload(named(pdf(2), "other name.pdf"), priority="high").json()
    assert again["duplicate_of"] == first["id"]
    assert api.upload(named(pdf(2)), pages="1").json()["duplicate_of"] is None
    assert api.upload(named(pdf(3))).json()["duplicate_of"] is None
    assert other.upload(named(pdf(2))).json()["duplicate_of"] is None


class TestIdempotencyKey:
    def test_the_same_request_again_gives_the_first_answer(self, api: ApiClient, sent: list[Any]) -> None:
        first = api.upload(named(pdf(2)), key="k1", dpi="150")
        again = api.upload(named(pdf(2)), key="k1", dpi="150")
        assert (again.status_code, again.json()["id"]) == (202, first.json()["id"])
        assert again["Location"] == first["Location"]
        assert Document.objects.count() == 1

    @pytest.mark.parametrize("change", [{"file": named(pdf(3))}, {"dpi": "100"}, {"password": "x"}])
    def test_another_body_with_the_same_key_is_refused(self, api: ApiClient, change: Any, code_of: Code) -> None:
        api.upload(named(pdf(2)), key="k1", dpi="150")
        response = api.upload(**({"file": named(pdf(2)), "dpi": "150"} | change), key="k1")
        assert (response.status_code, code_of(response)) == (422, "invalid")
        assert set(response.json()["error"]["fields"]) == {"Idempotency-Key"}
        assert Document.objects.count() == 1

    def test_while_the_first_request_runs_the_second_is_told_to_wait(
        self, api: ApiClient, code_of: Code, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        answers = []

        def inspect_slowly(*args: Any, **options: Any) -> Any:
            monkeypatch.undo()
            answers.append(api.upload(named(pdf(2)), key="k1"))
            from jobs.gateways import rasterizer

            return rasterizer.inspect(*args, **options)

        monkeypatch.setattr("jobs.gateways.rasterizer.inspect", inspect_slowly)
        assert api.upload(named(pdf(2)), key="k1").status_code == 202
        assert (answers[0].status_code, code_of(answers[0])) == (409, "conflict")
        assert Document.objects.count() == 1

    def test_keys_are_each_persons_own(self, api: ApiClient, other: ApiClient) -> None:
        first = api.upload(named(pdf()), key="k1").json()
        assert other.upload(named(pdf()), key="k1").json()["id"] != first["id"]

    def test_a_refused_request_may_be_sent_again_corrected(self, api: ApiClient) -> None:
        assert api.upload(named(locked_pdf()), key="k1").status_code == 422
        assert api.upload(named(locked_pdf()), key="k1", password="sesame").status_code == 202

    def test_after_a_day_the_key_is_free(self, api: ApiClient) -> None:
        first = api.upload(named(pdf()), key="k1").json()
        IdempotencyKey.objects.update(created_at=timezone.now() - timedelta(hours=25))
        assert api.upload(named(pdf()), key="k1").json()["id"] != first["id"]

    def test_a_request_that_died_holds_its_key_for_a_quarter_of_an_hour_only(self, api: ApiClient, staff: Any) -> None:
        row = IdempotencyKey.objects.create(user=staff, key="k1", body_digest="")
        assert api.upload(named(pdf()), key="k1").status_code == 422
        IdempotencyKey.objects.filter(pk=row.pk).update(created_at=timezone.now() - timedelta(minutes=16))
        assert api.upload(named(pdf()), key="k1").status_code == 202

    @pytest.mark.parametrize("key", ["x" * 201, "a\tb"])
    def test_a_key_that_cannot_be_kept_is_refused(self, api: ApiClient, key: str, code_of: Code) -> None:
        response = api.upload(named(pdf()), key=key)
        assert (response.status_code, code_of(response)) == (422, "invalid")


class TestLanguage:
    def test_a_missing_pack_is_named_with_its_package(self, api: ApiClient) -> None:
        cpu = make_backend("cpu", kind="cpu")
        cpu.health.languages = ["eng", "osd"]
        cpu.health.save()
        response = api.upload(named(pdf()), language="eng+chi_sim")
        assert response.status_code == 422
        assert "tesseract-ocr-chi-sim" in response.json()["error"]["fields"]["language"]
        assert api.upload(named(pdf()), language="eng").status_code == 202

    @pytest.mark.parametrize("lifecycle", ["active", "checking", "draining"])
    def test_a_gpu_backend_needs_no_packs(self, api: ApiClient, lifecycle: str) -> None:
        cpu = make_backend("cpu", kind="cpu")
        cpu.health.languages = ["eng"]
        cpu.health.save()
        make_backend("calypso", lifecycle=lifecycle)
        assert api.upload(named(pdf()), language="deu").status_code == 202

    def test_packs_that_are_not_known_yet_refuse_nobody(self, api: ApiClient) -> None:
        make_backend("cpu", kind="cpu")
        make_backend("calypso", lifecycle="planned")
        assert api.upload(named(pdf()), language="deu").status_code == 202


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not here")
@pytest.mark.parametrize(
    ("name", "fields", "answer"),
    [
        ("invalid.pdf", {}, "unreadable"),
        ("issue9105_other.pdf", {}, "unreadable"),
        ("REDHAT-1531897-0.pdf", {}, "unreadable"),
        ("pr6531_1.pdf", {}, "password_required"),
        ("libreoffice-writer-password.pdf", {"password": "no"}, "wrong_password"),
        ("libreoffice-writer-password.pdf", {"password": "openpassword"}, 202),
        ("poppler-85140-0.pdf", {}, "unreadable"),
        ("issue7665.pdf", {}, 202),
        ("empty#hash.pdf", {}, 202),
    ],
)
def test_files_that_were_trouble_elsewhere(api: ApiClient, name: str, fields: Any, answer: Any, code_of: Code) -> None:
    response = api.upload(named((CORPUS / name).read_bytes(), name), **fields)
    assert (response.status_code if answer == 202 else code_of(response)) == answer
    assert Document.objects.count() == (1 if answer == 202 else 0)
