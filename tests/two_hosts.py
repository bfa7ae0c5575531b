"""A site with its two hosts really there: simulated vLLM servers under the shipped names, calypso and spark."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.db import connection

from jobs.gateways import storage
from jobs.models import Backend, Document, Page
from jobs.services import backends, health, intake, outcomes, preparing, routing
from tests import builders, files, patience, pipeline
from tests.vllm_simulator import Simulator


class TwoHosts:
    """`calypso` (4 slots, one ahead) takes what no rule names; `spark` (16) falls in, once `with_spark` was called."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.calypso = Simulator.start(slots=5, allowed_extra=0)  # none of four and one ahead waits for another
        self.spark = Simulator.start(slots=16)
        self.person = builders.make_user("mira")
        outcomes.speeds.forget()
        backends.ensure_defaults()
        self._activate("calypso", self.calypso)

    def with_spark(self) -> TwoHosts:
        self._activate("spark", self.spark)
        return self

    def _activate(self, name: str, host: Simulator) -> None:
        backends.update(name, by=None, base_url=host.base_url)
        assert backends.activate(name, by=None).passed
        host.host.forget()  # the self-test's calls are not what a test counts

    def stop(self) -> None:
        self.calypso.stop()
        self.spark.stop()

    def policy(self, **changed: Any) -> None:
        """Change failover figures of the policy in force."""
        policy = routing.current()
        policy["failover"] |= changed
        routing.save(policy, by=None)

    def upload(self, pages: int = 1, **options: Any) -> Document:
        path = files.numbered_pdf(self.folder / f"report-{pages}.pdf", pages)
        return self.upload_file(path, **options)

    def upload_file(self, path: Path, **options: Any) -> Document:
        return intake.accept(path.open("rb"), name=path.name, owner=self.person, options=intake.Options(**options))

    def drawn(self, pages: int = 1, **options: Any) -> Document:
        """An upload whose pages wait for a slot."""
        document = self.upload(pages, **options)
        preparing.prepare(document.pk)
        while preparing.draw_next():
            pass
        document.refresh_from_db()
        return document

    def read(self, pages: int = 1, **options: Any) -> Document:
        return pipeline.read(self.upload(pages, **options))

    def started_again(self, *hosts: Simulator) -> None:
        """Their owners started them again, once the dead servers had gone; canary and slow start are behind them."""
        for host in hosts:
            patience.until(lambda host=host: not host.listening)
            host.listen_again()
        self.back_in_use()

    def back_in_use(self, *names: str) -> None:
        """Whatever their breakers remember is forgotten, as after a canary page and a slow start."""
        for backend in Backend.objects.filter(name__in=names or ("calypso", "spark")):
            health.admitted(backend)


def outcomes_of(page: Page) -> list[tuple[str, str]]:
    return list(page.attempts.order_by("id").values_list("backend", "outcome"))


def image_sha256(page: Page) -> str:
    return hashlib.sha256(storage.read_bytes(page.image_key)).hexdigest()


@contextmanager
def in_a_thread(leases: list[int]) -> Iterator[threading.Thread]:
    """Recognize these leases beside the block, as a worker does; at its end they are over."""

    def work() -> None:
        try:
            pipeline.recognize_side_by_side(leases)
        finally:
            connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield thread
    finally:
        thread.join(30)
        assert not thread.is_alive()
