"""Long documents: made by an actor, kept by revision, offered when ready; and no memory for their length."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from jobs import errors
from jobs.domain.statuses import DocumentStatus
from jobs.gateways import storage
from jobs.models import Document
from jobs.services import exporting, trash
from jobs.services.exports import kept
from tests import builders, exported

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).resolve().parents[2]
LONG = exporting.AT_ONCE_PAGES + 1


@pytest.fixture
def long_one(mira: Any) -> Document:
    return builders.make_document(mira, pages=LONG, done=LONG)


def asked(document: Document, format: str = "docx") -> list[tuple[Any, str]]:
    """What is to be made, by the words of the refusal."""
    with pytest.raises(errors.BeingMade, match="ask again") as refusal:
        exporting.export(document, format)
    return refusal.value.to_make


@pytest.mark.parametrize("format", sorted(exporting.MADE))
def test_a_long_one_is_asked_for_once_made_and_then_given(long_one: Document, format: str) -> None:
    if format == "pdf":
        storage.save_bytes(long_one.original_key, blank_pdf(LONG))
    assert asked(long_one, format) == [(long_one.pk, format)]
    assert asked(long_one, format) == []
    assert exporting.make(str(long_one.pk), format)
    assert len(exported.result(long_one, format)) > 1000
    assert not exporting.make(str(long_one.pk), format)


def blank_pdf(pages: int) -> bytes:
    import pikepdf

    out = BytesIO()
    with pikepdf.new() as pdf:
        for _ in range(pages):
            pdf.add_blank_page(page_size=(595, 842))
        pdf.save(out)
    return out.getvalue()


@pytest.mark.parametrize("format", sorted(exporting.TEXTS))
def test_texts_are_streamed_however_long(long_one: Document, format: str) -> None:
    assert b"51" in exported.result(long_one, format)


def test_a_short_one_is_made_while_one_waits_and_kept(mira: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    document = builders.make_document(mira, pages=2, done=2)
    first = exported.result(document, "docx")
    stored = kept.key(document, "docx")
    assert storage.read_bytes(stored) == first
    storage.save_bytes(stored, b"as kept")
    assert exported.result(document, "docx") == b"as kept"


def test_a_changed_document_never_gives_what_was_made_before_and_the_old_file_goes(mira: Any) -> None:
    document = builders.make_document(mira, pages=1, done=1)
    exported.result(document, "docx")
    old = kept.key(document, "docx")
    builders.make_reading(document.pages.get(), text="changed since")
    Document.objects.filter(pk=document.pk).update(revision=document.revision + 1)
    with zipfile.ZipFile(BytesIO(exported.result(document, "docx"))) as parts:
        assert b"changed since" in parts.read("word/document.xml")
    assert not storage.exists(old)


def test_a_message_that_was_lost_is_sent_again(long_one: Document) -> None:
    asked(long_one)
    state = json.loads(storage.read_bytes(f"{kept.key(long_one, 'docx')}.state"))
    state["at"] -= kept.FORGOTTEN_SECONDS + 1
    storage.save_bytes(f"{kept.key(long_one, 'docx')}.state", json.dumps(state).encode())
    assert asked(long_one) == [(long_one.pk, "docx")]


def test_one_that_is_being_made_is_waited_for_and_a_dead_maker_is_not(long_one: Document) -> None:
    kept.note(long_one, "docx", "making")
    assert asked(long_one) == []
    state = json.loads(storage.read_bytes(f"{kept.key(long_one, 'docx')}.state"))
    for seconds, expected in ((kept.FORGOTTEN_SECONDS + 1, []), (kept.GIVEN_UP_SECONDS + 1, [(long_one.pk, "docx")])):
        late = state | {"at": state["at"] - seconds}
        storage.save_bytes(f"{kept.key(long_one, 'docx')}.state", json.dumps(late).encode())
        assert asked(long_one) == expected


def test_what_could_not_be_made_is_said_once_and_tried_again(long_one: Document) -> None:
    storage.save_bytes(long_one.original_key, b"%PDF-1.7\nnothing")
    asked(long_one, "pdf")
    assert exporting.make(long_one.pk, "pdf")
    with pytest.raises(errors.Unavailable, match="damaged"):
        exporting.export(long_one, "pdf")
    assert asked(long_one, "pdf") == [(long_one.pk, "pdf")]


def test_a_long_one_that_is_still_read_is_not_made_yet(mira: Any) -> None:
    document = builders.make_document(mira, pages=LONG, done=1)
    with pytest.raises(errors.NotReady, match="still being read") as refusal:
        exporting.export(document, "zip")
    assert not isinstance(refusal.value, errors.BeingMade)
    Document.objects.filter(pk=document.pk).update(status=DocumentStatus.CANCELLED)
    document.refresh_from_db()
    assert asked(document, "zip")


def test_exports_go_with_their_document(mira: Any) -> None:
    document = builders.make_document(mira, pages=1, done=1)
    exported.result(document, "docx")
    key = kept.key(document, "docx")
    trash.put(document.pk, by=mira)
    trash.delete_for_good(document.pk, by=mira)
    trash.finish()
    assert not storage.exists(key)


def test_nothing_is_made_of_a_document_that_is_gone(long_one: Document) -> None:
    key = long_one.pk
    long_one.delete()
    assert not exporting.make(str(key), "docx")


class TestManyAtOnce:
    def test_are_one_zip_with_a_file_each_and_the_missing_ones_named(self, mira: Any) -> None:
        twins = [builders.make_document(mira, pages=1, done=1, name="a.pdf") for _ in range(2)]
        waiting = builders.make_document(mira, pages=1, name="later.pdf")
        media_type, name, pieces = exporting.export_many([*twins, waiting], "md")
        assert (media_type, name) == ("application/zip", "documents-md.zip")
        with zipfile.ZipFile(BytesIO(b"".join(pieces))) as parts:
            assert parts.namelist() == ["a.md", "a-2.md", "missing.txt"]
            assert parts.read("a-2.md") == exported.result(twins[1], "md")
            assert "later.pdf: no page is done yet." in parts.read("missing.txt").decode()

    def test_wait_for_the_long_ones_and_ask_for_all_of_them(self, mira: Any) -> None:
        long_ones = [builders.make_document(mira, pages=LONG, done=LONG) for _ in range(2)]
        short = builders.make_document(mira, pages=1, done=1)
        with pytest.raises(errors.BeingMade) as refusal:
            exporting.export_many([*long_ones, short], "docx")
        assert refusal.value.to_make == [(document.pk, "docx") for document in long_ones]
        for document in long_ones:
            exporting.make(document.pk, "docx")
        with zipfile.ZipFile(BytesIO(b"".join(exporting.export_many([*long_ones, short], "docx")[2]))) as parts:
            assert len(parts.namelist()) == 3

    def test_are_refused_where_nothing_is_there(self, mira: Any) -> None:
        with pytest.raises(errors.NotReady):
            exporting.export_many([builders.make_document(mira, pages=1)], "md")
        with pytest.raises(errors.Invalid):
            exporting.export_many([], "md")
        with pytest.raises(errors.Invalid):
            exporting.export_many([builders.make_document(mira, pages=1, done=1)], "exe")


PEAK = """
import sys
import tests.environment, django
import os
os.environ["DJANGO_SETTINGS_MODULE"] = "ocrsite.settings"
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from tests import export_load
export_load.run(sys.argv[1], *map(int, sys.argv[2:]))
"""


def peaks_bytes(format: str, *lengths: int) -> list[tuple[int, int]]:
    """Of a process that makes exports of so many pages: what Python took at most, and what its largest child did."""
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "ocrsite.settings"}
    done = subprocess.run(
        [sys.executable, "-c", PEAK, format, *map(str, lengths)],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=900, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    last = done.stdout.splitlines()[-len(lengths) :]
    return [(int(python), int(child)) for python, child in map(str.split, last)]


@pytest.mark.slow
@pytest.mark.parametrize("format", ["zip", "docx", "pdf"])  # the zip holds the others
def test_a_document_of_2000_pages_takes_no_more_memory_than_one_of_200(format: str) -> None:
    """But for the names of a zip's entries, half a kilobyte each; and the child's list of 2,000 pages and layers."""
    short, long = peaks_bytes(format, 200, 2000)
    assert long[0] < short[0] + 2_500_000, (short, long)
    assert long[1] < short[1] + 40_000_000, (short, long)
