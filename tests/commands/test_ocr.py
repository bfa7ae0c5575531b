"""`manage.py ocr`: the site is played by the message that would wake its worker."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from jobs import actors, errors
from jobs.models import Document
from jobs.services import exporting
from tests import builders
from tests.sample_files import pdf

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def first_start() -> None:
    builders.make_user("ada", admin=True)
    from jobs.services import backends

    backends.ensure_defaults()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "one.pdf").write_bytes(pdf(2, words="one"))
    (folder / "two.pdf").write_bytes(pdf(1, words="two"))
    return folder


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> dict[int, str]:
    """Reads every page at once; {number: status} for pages that end otherwise."""
    ends: dict[int, str] = {}

    def read(key: Any) -> None:
        document = Document.objects.get(pk=key)
        for number in range(1, document.page_count + 1):
            builders.make_page(document, number, status=ends.get(number, "done"), text=f"text {number}")
        document.prepared = True
        builders.settle(document)

    monkeypatch.setattr(actors, "prepare_soon", read)
    return ends


def run(*arguments: object) -> None:
    call_command("ocr", *[str(argument) for argument in arguments])


def test_results_are_written_one_a_file(folder: Path, worker: dict[int, str]) -> None:
    run(folder / "one.pdf", folder / "two.pdf", "--output", folder / "out" / "deep")
    assert (folder / "out" / "deep" / "one.md").read_text() == "<!-- page 1 -->\ntext 1\n\n<!-- page 2 -->\ntext 2\n"
    assert sorted(path.name for path in (folder / "out" / "deep").iterdir()) == ["one.md", "two.md"]
    assert {document.owner.username for document in Document.objects.all()} == {"ada"}


def test_options_are_passed_on(folder: Path, worker: dict[int, str]) -> None:
    builders.make_user("mira")
    run(
        folder / "one.pdf", "--output", folder, "--format", "txt", "--user", "mira", "--pages", "2", "--mode", "text",
        "--dpi", "100", "--priority", "high",
    )  # fmt: skip
    document = Document.objects.get()
    assert (document.owner.username, document.page_range, document.mode, document.dpi) == ("mira", "2", "text", 100)
    assert (folder / "one.txt").exists()


def test_two_files_of_one_name_get_two_results(folder: Path, worker: dict[int, str]) -> None:
    (folder / "more").mkdir()
    (folder / "more" / "one.pdf").write_bytes(pdf(1, words="more"))
    run(folder / "one.pdf", folder / "more" / "one.pdf", "--output", folder)
    assert {"one.md", "one-2.md"} <= {path.name for path in folder.iterdir()}


def test_a_failed_page_is_named_and_the_rest_is_written(folder: Path, worker: dict[int, str], capsys: Any) -> None:
    worker[2] = "failed"
    with pytest.raises(CommandError) as caught:
        run(folder / "one.pdf", "--output", folder)
    assert caught.value.returncode == 1
    assert "1 of 2 pages are missing (page 2: No host could read it" in capsys.readouterr().err
    assert "[page 2: failed:" in (folder / "one.md").read_text()


def test_a_bad_file_is_told_and_the_others_are_read(folder: Path, worker: dict[int, str], capsys: Any) -> None:
    (folder / "bad.pdf").write_bytes(b"%PDF-1.4 broken")
    with pytest.raises(CommandError) as caught:
        run(folder / "bad.pdf", folder / "missing.pdf", folder / "two.pdf", "--output", folder)
    assert caught.value.returncode == 2
    told = capsys.readouterr().err
    assert "bad.pdf: " in told and "missing.pdf: No such file or directory." in told
    assert (folder / "two.md").exists()


def test_without_a_worker_it_says_so_and_keeps_what_was_sent(folder: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(actors, "prepare_soon", lambda key: None)
    with pytest.raises(CommandError, match="start the site with bin/up") as caught:
        run(folder / "one.pdf", "--output", folder, "--patience", "0")
    assert caught.value.returncode == 1
    assert Document.objects.get().status == "queued"


def test_who_is_not_there_is_told(folder: Path) -> None:
    with pytest.raises(CommandError, match="nobody called “noor”"):
        run(folder / "one.pdf", "--user", "noor")


def test_an_output_that_is_no_folder_is_told(folder: Path) -> None:
    with pytest.raises(CommandError) as caught:
        run(folder / "one.pdf", "--output", folder / "two.pdf")
    assert caught.value.returncode == 2


@pytest.mark.parametrize("format_name", ["html", "docx", "xlsx", "zip", "pdf", "json", "txt"])
def test_every_format_can_be_had(folder: Path, worker: dict[int, str], format_name: str) -> None:
    run(folder / "one.pdf", "--output", folder / "out", "--format", format_name)
    assert (folder / "out" / f"one.{format_name}").stat().st_size > 0


def test_a_result_that_cannot_be_made_is_said_and_the_others_are_written(
    folder: Path, worker: dict[int, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = exporting.export

    def refuse_one(document: Document, format_name: str, **options: Any) -> Any:
        if document.name == "one.pdf":
            raise errors.Unreadable("Nothing can be added to this file.")
        return real(document, format_name, **options)

    monkeypatch.setattr(exporting, "export", refuse_one)
    with pytest.raises(CommandError):
        run(folder / "one.pdf", folder / "two.pdf", "--output", folder / "out", "--format", "pdf")
    assert "Nothing can be added to this file." in capsys.readouterr().err
    assert [path.name for path in (folder / "out").iterdir()] == ["two.pdf"]
