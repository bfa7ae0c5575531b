"""A backup taken while pages are read, restored into a fresh site: what was read is there, the rest is read there."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from jobs import actors
from jobs.gateways import storage
from jobs.models import Document
from jobs.services import backends, backing_up, intake
from tests import builders, files
from tests.running_site import PATIENCE_SECONDS, ROOT, RunningSite
from tests.vllm_simulator import Simulator

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.redis, pytest.mark.slow]
PAGES = 32
PATIENT = {"OCRSITE_LEASE_SECONDS": "60"}  # none runs out on a machine that is very busy: none is meant to


class FreshSite(RunningSite):
    """Another site, with a data directory and an SQLite database of its own, whatever the test's database is."""

    def __init__(self, folder: Path) -> None:
        self.database = folder / "db.sqlite3"
        super().__init__(OCRSITE_DATA_DIR=str(folder), DATABASE_URL=f"sqlite:///{self.database}", **PATIENT)

    def manage(self, *command: str) -> str:
        done = subprocess.run(
            [sys.executable, "manage.py", *command],
            cwd=ROOT, env=self.environment, timeout=PATIENCE_SECONDS, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    def rows(self, question: str) -> list[Any]:
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=30)) as database:
            return database.execute(question).fetchall()


def test_a_backup_under_load_is_restored_elsewhere_and_loses_nothing(
    db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Simulator.start(slots=4, service_seconds=2.0) as host:
        backends.ensure_defaults()
        backends.update("calypso", by=None, base_url=host.base_url)
        assert backends.activate("calypso", by=None).passed
        with RunningSite(**PATIENT) as site:
            document = half_read(site, tmp_path)
            read_meanwhile = backed_up_while_it_is_read(site, document, tmp_path / "copy.tar", monkeypatch)
        host.configure(service_seconds=0.0)
        fresh_folder = tmp_path / "fresh"
        fresh_folder.mkdir()
        with FreshSite(fresh_folder) as fresh:
            assert "Documents: 1, as of" in fresh.manage("restore", str(tmp_path / "copy.tar"))
            [(before,)] = fresh.rows("SELECT count(*) FROM jobs_page WHERE status = 'done'")
            assert 0 < before < read_meanwhile, "the site went on while it was backed up"
            kept = fresh.rows("SELECT id, text FROM jobs_reading ORDER BY id")
            assert len(kept) == before
            fresh.start()
            fresh.until(lambda: fresh.rows("SELECT status FROM jobs_document") == [("done",)], "it is read to its end")
            pages = fresh.rows("SELECT number, status, claims, reading_id IS NULL FROM jobs_page ORDER BY number")
            assert pages == [(number, "done", 0, 0) for number in range(1, PAGES + 1)]
            readings = fresh.rows("SELECT id, text FROM jobs_reading ORDER BY id")
            assert len(readings) == PAGES, "each page once"
            assert readings[: len(kept)] == kept
        assert host.over_limit == 0


def half_read(site: RunningSite, folder: Path) -> Document:
    """A document of which some pages are read; the others keep the host busy for a quarter of a minute yet."""
    path = files.numbered_pdf(folder / "report.pdf", PAGES)
    owner = builders.make_user()
    document = intake.accept(path.open("rb"), name=path.name, owner=owner, options=intake.Options())
    site.start()
    site.send(actors.prepare, str(document.pk))
    site.until(lambda: pages_done(document) >= 3, "pages are read")
    return document


def backed_up_while_it_is_read(
    site: RunningSite, document: Document, place: Path, monkeypatch: pytest.MonkeyPatch
) -> int:
    """Backs up; between database and files the site reads on. Returns how many pages were read by then."""
    open_file, seen = storage.open_file, pages_done(document)

    def after_more_was_read(key: str) -> Any:
        site.until(lambda: pages_done(document) >= seen + 5, "more pages are read")
        return open_file(key)

    with monkeypatch.context() as during:
        during.setattr(storage, "open_file", after_more_was_read)
        backing_up.back_up(place)
    return pages_done(document)


def pages_done(document: Document) -> int:
    document.refresh_from_db()
    return document.pages_done
