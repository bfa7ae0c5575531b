"""What is refused at the door, or taken under another name than it asked for. The cases of docs/reliability.md."""

from __future__ import annotations

from collections.abc import Callable
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from jobs.models import AuditEntry, Document
from tests import builders, files, hostile_files
from tests.api.conftest import ApiClient
from tests.conftest import CORPUS
from tests.gateways import fake_poppler
from tests.sample_files import pdf

Code = Callable[[Any], str]
Make = Callable[[Path], Path]

NEEDS_CORPUS = pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not beside the repository")


def upload(api: ApiClient, path: Path, name: str = "report.pdf", **fields: str) -> Any:
    return api.upload(SimpleUploadedFile(name, path.read_bytes()), **fields)


def assert_refused(response: Any, code: str, code_of: Code, folder: Path) -> None:
    """With a sentence; all that is left is a line of the audit."""
    assert (response.status_code, code_of(response)) == (422, code)
    assert [entry.action for entry in AuditEntry.objects.exclude(action="token.created")] == ["upload.refused"]
    assert not Document.objects.exists()
    assert [path for path in folder.rglob("*") if path.is_file()] == []


def made(make: Make, folder: Path) -> Path:
    """Outside of the site's own folder, where nothing may be left."""
    return make(folder / "made.pdf")


@pytest.fixture
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("elsewhere")


def cut_off(path: Path) -> Path:
    path.write_bytes(b"%PDF-1.4\n%%EOF\n")
    return path


@pytest.mark.parametrize("make", [files.empty_file, files.html_file, files.truncated_pdf, cut_off])
def test_what_is_no_readable_pdf(api: ApiClient, make: Make, elsewhere: Path, tmp_path: Path, code_of: Code) -> None:
    """P01"""
    assert_refused(upload(api, made(make, elsewhere)), "unreadable", code_of, tmp_path)


@NEEDS_CORPUS
@pytest.mark.parametrize("name", ["invalid.pdf", "issue9105_other.pdf", "REDHAT-1531897-0.pdf"])
def test_what_was_no_readable_pdf_elsewhere(api: ApiClient, name: str, tmp_path: Path, code_of: Code) -> None:
    """P01"""
    assert_refused(upload(api, CORPUS / name, name), "unreadable", code_of, tmp_path)


@pytest.mark.parametrize(("password", "code"), [("", "password_required"), ("open poppy", "wrong_password")])
def test_a_locked_file_without_its_password(
    api: ApiClient, password: str, code: str, elsewhere: Path, tmp_path: Path, code_of: Code, caplog: Any
) -> None:
    """P02"""
    path = files.locked_pdf(elsewhere / "made.pdf", user="open sesame")
    fields = {"password": password} if password else {}
    response = upload(api, path, **fields)
    assert_refused(response, code, code_of, tmp_path)
    assert "password" in response.json()["error"]["message"]
    said = response.content.decode() + caplog.text + str([*AuditEntry.objects.values()])
    assert not password or password not in said


@NEEDS_CORPUS
@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("pr6531_1.pdf", "asdfasdf"),
        ("saslprep-r6.pdf", "S\u00aaSL\u00adprep"),
        ("libreoffice-writer-password.pdf", "openpassword"),
    ],
)
def test_what_was_locked_elsewhere_opens_with_its_password(
    api: ApiClient, name: str, password: str, code_of: Code
) -> None:
    """P02"""
    assert code_of(upload(api, CORPUS / name, name)) == "password_required"
    assert code_of(upload(api, CORPUS / name, name, password="no")) == "wrong_password"
    assert upload(api, CORPUS / name, name, password=password).status_code == 202


def test_a_file_that_opens_without_asking_is_taken(api: ApiClient, elsewhere: Path) -> None:
    """P03"""
    response = upload(api, files.locked_pdf(elsewhere / "made.pdf", user="", pages=2))
    assert (response.status_code, response.json()["page_count"]) == (202, 2)


def test_a_file_without_pages(api: ApiClient, elsewhere: Path, tmp_path: Path, code_of: Code) -> None:
    """P04"""
    response = upload(api, files.zero_pages_pdf(elsewhere / "made.pdf"))
    assert_refused(response, "no_pages", code_of, tmp_path)
    assert "no pages" in response.json()["error"]["message"]


@pytest.mark.parametrize("claimed", [213_804_087, -(2**31), 2**31 - 1, 2**63])
def test_a_file_that_lies_about_its_pages(
    api: ApiClient, claimed: int, elsewhere: Path, tmp_path: Path, code_of: Code, settings: Any
) -> None:
    """P05: two seconds of a processor, and the refusal is the reader's own, not the end of its time."""
    settings.DRAW_CPU_SECONDS = 2
    response = upload(api, hostile_files.claimed_pages_pdf(elsewhere / "made.pdf", claimed))
    assert_refused(response, "unreadable", code_of, tmp_path)
    assert "too long" not in response.json()["error"]["message"]


def test_more_pages_than_are_taken(
    api: ApiClient, elsewhere: Path, tmp_path: Path, code_of: Code, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P06: refused by its number, before anything is drawn."""
    settings.MAX_PAGES = 2000
    drawn = elsewhere / "drawn"
    fake_poppler.replace(monkeypatch, elsewhere, f"touch {drawn}; exit 1")
    response = upload(api, hostile_files.blank_pages_pdf(elsewhere / "made.pdf", 5000))
    assert_refused(response, "too_many_pages", code_of, tmp_path)
    assert "5,000 pages, and at most 2,000" in response.json()["error"]["message"]
    assert not drawn.exists()


def test_a_dynamic_form_is_taken_with_a_warning(api: ApiClient, elsewhere: Path) -> None:
    """P14"""
    response = upload(api, files.dynamic_form_pdf(elsewhere / "made.pdf"))
    assert response.status_code == 202
    (warning,) = response.json()["warnings"]
    assert "dynamic form" in warning


NAMES = {
    "empty#hash.pdf": "empty#hash.pdf",
    "../../etc/passwd.pdf": "passwd.pdf",
    "..\\..\\windows\\report.pdf": "report.pdf",
    "a\u202efdp.exe": "afdp.exe",
    "two\r\nSet-Cookie: x=1\r\n.pdf": "twoSet-Cookie: x=1.pdf",
    '"><img src=x onerror=alert(1)>.pdf': '"><img src=x onerror=alert(1)>.pdf',
    "x" * 300 + ".pdf": "x" * 145 + "….pdf",
    "naïve ﬁle №1 文書.pdf": "naïve ﬁle №1 文書.pdf",
}


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_shown_and_does_nothing(api: ApiClient, staff: Any, name: str, tmp_path: Path) -> None:
    """P17: stored under its number, escaped on the screen, whole in the header of a download (RFC 6266)."""
    builders.make_policy()
    document_id = _upload_named(api, name).json()["id"]
    kept = {
        path.relative_to(tmp_path / "files").as_posix() for path in (tmp_path / "files").rglob("*") if path.is_file()
    }
    assert kept == {f"documents/{document_id}/{part}" for part in ("original", "inspection.json")}
    assert Document.objects.get().name == NAMES[name]
    browser = Client()
    browser.force_login(staff)
    screen = browser.get(f"/documents/{document_id}/").content
    assert b"<img src=x" not in screen
    header = browser.get(f"/documents/{document_id}/original")["Content-Disposition"]
    assert header.isascii() and header.isprintable()
    assert _file_name_in(header) == NAMES[name]


def _upload_named(api: ApiClient, name: str) -> Any:
    """Under this very name, which Django's own test client would not send."""
    head = f"--x\r\nContent-Disposition: form-data; name=\"file\"; filename*=UTF-8''{quote(name, safe='')}\r\n"
    body = head.encode() + b"Content-Type: application/pdf\r\n\r\n" + pdf() + b"\r\n--x--\r\n"
    return api.client.post(
        "/api/v1/documents", body, content_type="multipart/form-data; boundary=x", headers=api.authorized({})
    )


def _file_name_in(header: str) -> str | None:
    message = Message()
    message["Content-Disposition"] = header
    return message.get_filename()


def test_the_same_file_twice(api: ApiClient, other: ApiClient, elsewhere: Path) -> None:
    """P19: the earlier result is offered to whom it belongs, and nobody learns what others have."""
    path = files.numbered_pdf(elsewhere / "made.pdf", 1)
    first = upload(api, path).json()
    assert upload(api, path, "another name.pdf").json()["duplicate_of"] == first["id"]
    assert upload(other, path).json()["duplicate_of"] is None
