"""Hostile files on their whole way: drawn, dispatched and read. The cases are those of docs/reliability.md."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs import errors
from jobs.models import Document
from jobs.services import backends, intake
from tests import builders, files, pipeline
from tests.gateways import fake_poppler
from tests.vllm_simulator import Simulator

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def host():
    with Simulator.start(slots=4) as simulator:
        yield simulator


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
