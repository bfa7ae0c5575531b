"""A whole site of real processes whose one host is simulated: what the host answers can be told, page by page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jobs.models import Document
from jobs.services import intake, preparing, routing
from tests.running_site import RunningSite
from tests.two_hosts import TwoHosts, image_sha256

ENDED = ("done", "partial", "failed")


class SimulatedSite:
    """`host` answers for calypso; `mira` has uploaded everything. `start()` begins to read what was drawn."""

    def __init__(self, folder: Path) -> None:
        # Nobody kills a worker here: a lease renewed too late on a busy machine would have a page read twice.
        self.running = RunningSite(OCRSITE_LEASE_SECONDS="30")
        self.running.start_redis()
        self.hosts = TwoHosts(folder)
        self.host, self.mira = self.hosts.calypso, self.hosts.person

    def stop(self) -> None:
        self.running.stop()  # before the host, or the last calls would be failures
        self.hosts.stop()

    def judge_readings(self, **changed: Any) -> None:
        """Switches the quality gate on, which a simulated host's own words would never pass."""
        policy = routing.current()
        policy["quality"] |= {"enabled": True, **changed}
        routing.save(policy, by=None)

    def drawn(self, path: Path, answers: list[str], *, name: str = "") -> Document:
        """An upload, drawn here, before any worker runs; the host answers each page with its text, "" with its own."""
        with path.open("rb") as file:
            options = intake.Options()
            document = intake.accept(file, name=name or path.name, owner=self.mira, options=options)
        preparing.prepare(document.pk)
        while preparing.draw_next():
            pass
        self.answer(document, answers)
        return document

    def answer(self, document: Document, answers: list[str]) -> None:
        for page, text in zip(document.pages.order_by("number"), answers, strict=True):
            if text:
                self.host.set_text(image_sha256(page), text)

    def start(self) -> str:
        """Worker, clock and web server run; the site's address."""
        self.running.start_worker()
        self.running.start_clock()
        return self.running.start_web()

    def until_read(self, document: Document) -> Document:
        ended = Document.objects.filter(pk=document.pk, status__in=ENDED)
        self.running.until(ended.exists, "the document is read")
        document.refresh_from_db()
        return document
