"""Hostile files on their whole way: drawn, dispatched and read. The cases are those of docs/reliability.md."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs import errors
from jobs.gateways import rasterizer
from jobs.models import Document
from jobs.services import backends, documents, exporting, intake
from tests import builders, files, hostile_files, pipeline
from tests.gateways import fake_poppler

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def site(db, host):
    """The shipped defaults, with calypso really there."""
    backends.ensure_defaults()
    backends.update("calypso", by=None, base_url=host.base_url)
    assert backends.activate("calypso", by=None).passed
    host.reset()
    return host


@pytest.fixture
def upload(db):
    person = builders.make_user("mira")

    def take(path: Path, **options) -> Document:
        with path.open("rb") as file:
            return intake.accept(file, name=path.name, owner=person, options=intake.Options(**options))

    return take


def pages(document: Document) -> dict[int, tuple[str, str]]:
    """Number to state and reason."""
    return {page.number: (page.status, page.reason) for page in document.pages.all()}


# ---- what one page may cost is the site's to say


def test_the_sites_limits_hold_at_the_upload_and_at_the_drawing(site, upload, settings, tmp_path, monkeypatch):
    settings.DRAW_CPU_SECONDS, settings.DRAW_MEMORY_MB = 7, 700
    seen = tmp_path / "seen"
    for program in ("pdfinfo", "pdftoppm"):
        fake_poppler.replace(
            monkeypatch,
            tmp_path / program,
            f'echo {program} $(ulimit -t) $(ulimit -v) >> {seen}; exec $REAL "$@"',
            program,
        )
    pipeline.preparing.prepare(upload(files.numbered_pdf(tmp_path / "a.pdf", 1)).pk)
    assert pipeline.preparing.draw_next()
    told = {line.split()[0]: line.split()[1:] for line in seen.read_text().splitlines()}
    assert {program: seconds for program, (seconds, _) in told.items()} == {"pdfinfo": "7", "pdftoppm": "7"}
    assert all(700 * 1024 <= int(kilobytes) < 710 * 1024 for _, kilobytes in told.values())


def test_a_file_that_is_not_inspected_in_the_sites_time_is_refused(upload, settings, tmp_path, monkeypatch):
    settings.DRAW_SECONDS = 3.0
    fake_poppler.replace(monkeypatch, tmp_path, "exec sleep 600", "pdfinfo")
    with pytest.raises(errors.Unreadable, match="too long"):
        upload(files.numbered_pdf(tmp_path / "a.pdf", 1))
    assert not Document.objects.exists()


# ---- pages of one file


def test_a_broken_page_costs_itself_and_can_be_tried_again_alone(site, upload, tmp_path):
    """P15"""
    document = pipeline.read(upload(files.broken_page_pdf(tmp_path / "a.pdf", pages=5, broken=3)))
    assert (document.status, document.pages_done, document.pages_failed) == ("partial", 4, 1)
    assert pages(document) == {n: ("failed", rasterizer.DAMAGED) if n == 3 else ("done", "") for n in range(1, 6)}
    text = b"".join(exporting.export(document, "md")[2]).decode()
    assert [text.count(f"<!-- page {number}") for number in range(1, 6)] == [1] * 5
    assert rasterizer.DAMAGED in text
    read_before = len(site.calls)
    documents.retry(document.pk, by=document.owner)
    assert {n for n, (status, _) in pages(document).items() if status != "done"} == {3}
    pipeline.settle_down()
    document.refresh_from_db()
    assert (document.status, len(site.calls)) == ("partial", read_before)


def test_pages_of_odd_sizes_are_read_or_fail_and_none_is_kept_as_blank(site, upload, tmp_path):
    """P07, P10: what is no picture is sent to no host."""
    path = hostile_files.boxes_pdf(tmp_path / "a.pdf", [(14_400, 14_400), (0, 800), (1, 14_400), (100, 1000)])
    document = pipeline.read(upload(path))
    narrow = rasterizer.TOO_NARROW.format(aspect=20)
    assert pages(document) == {
        1: ("done", ""), 2: ("failed", rasterizer.NO_AREA), 3: ("failed", narrow), 4: ("done", ""),
    }  # fmt: skip
    assert len(site.calls) == 2


def test_the_document_behind_a_bomb_is_read(site, upload, settings, tmp_path):
    """P09"""
    settings.DRAW_CPU_SECONDS = 1
    bomb = upload(hostile_files.content_bomb_pdf(tmp_path / "bomb.pdf"))
    behind = upload(files.numbered_pdf(tmp_path / "behind.pdf", 2))
    for document in (bomb, behind):
        pipeline.preparing.prepare(document.pk)
    pipeline.settle_down()
    assert pages(bomb) == {1: ("failed", rasterizer.TOO_COMPLEX)}
    assert pages(behind) == {1: ("done", ""), 2: ("done", "")}


def test_a_drawer_that_is_killed_each_time_fails_pages_and_raises_nothing(site, upload, tmp_path, monkeypatch):
    """P16"""
    document = upload(files.numbered_pdf(tmp_path / "a.pdf", 2))
    fake_poppler.replace(monkeypatch, tmp_path, "kill -SEGV $$")
    assert pipeline.read(document).status == "failed"
    assert pages(document) == {1: ("failed", rasterizer.BROKEN), 2: ("failed", rasterizer.BROKEN)}
    assert list((tmp_path / "uploads").iterdir()) == []
