"""`manage.py backup` and `manage.py restore`, as an administrator meets them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from jobs.gateways import storage
from jobs.models import Document
from tests import builders

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def document(db: None) -> Document:
    made = builders.make_document(builders.make_user(), pages=2, done=1, rendered=1)
    storage.save_bytes(made.original_key, b"%PDF-1.7")
    return made


def test_there_and_back(document: Document, tmp_path: Path, capsys: Any) -> None:
    call_command("backup", str(tmp_path / "copy.tar"))
    assert f"in {tmp_path / 'copy.tar'}" in capsys.readouterr().out
    call_command("restore", str(tmp_path / "copy.tar"), "--force")
    said = capsys.readouterr().out
    assert "Documents: 1, as of 20" in said
    assert "Page images that are missing: 2. 1 of them are drawn before" in said


def test_a_missing_original_is_named(document: Document, tmp_path: Path, capsys: Any) -> None:
    storage.delete(document.original_key)
    call_command("backup", str(tmp_path / "copy"))
    call_command("restore", str(tmp_path / "copy"), "--force")
    assert "The uploaded file of “report.pdf” is missing" in capsys.readouterr().out


def test_the_key_of_the_site_comes_along(document: Document, tmp_path: Path, settings: Any, capsys: Any) -> None:
    key = settings.DATA_DIR / "secret_key"
    key.write_text(settings.SECRET_KEY)
    call_command("backup", str(tmp_path / "copy"))
    settings.SECRET_KEY = "another site's"
    key.write_text(settings.SECRET_KEY)
    call_command("restore", str(tmp_path / "copy"), "--force")
    assert key.read_text() == (tmp_path / "copy" / "secret_key").read_text() != settings.SECRET_KEY
    assert "API keys" not in capsys.readouterr().out


def test_another_key_from_outside_is_told(document: Document, tmp_path: Path, settings: Any, capsys: Any) -> None:
    (settings.DATA_DIR / "secret_key").write_text(settings.SECRET_KEY)
    call_command("backup", str(tmp_path / "copy"))
    (settings.DATA_DIR / "secret_key").unlink()
    settings.SECRET_KEY = "given from outside"
    call_command("restore", str(tmp_path / "copy"), "--force")
    assert "enter the hosts' API keys again" in capsys.readouterr().out


@pytest.mark.parametrize("command", [["backup", "copy"], ["restore", "nowhere"], ["restore", "copy"]])
def test_what_cannot_be_done_is_one_sentence(document: Document, tmp_path: Path, command: list[str]) -> None:
    (tmp_path / "copy").mkdir()
    with pytest.raises(CommandError) as refusal:
        call_command(command[0], str(tmp_path / command[1]))
    assert str(refusal.value).endswith(".")
