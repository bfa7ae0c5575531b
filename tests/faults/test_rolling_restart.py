"""New code, or a machine that is taken down in good order: workers hand over what they hold, and a web server's new
process takes over while people poll and upload. Nothing is lost, and nobody sees an error of ours."""

from __future__ import annotations

import signal
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from jobs import actors
from jobs.models import Attempt, Document, Page, Reading
from jobs.services import access, backends, intake
from tests import builders, files
from tests.running_site import RunningSite
from tests.vllm_simulator import Simulator

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.redis, pytest.mark.slow]
# On a machine so busy that a worker sleeps for seconds no lease may run out and no call time out: none is meant to.
PATIENT = {"OCRSITE_LEASE_SECONDS": "60", "OCRSITE_CALL_SECONDS": "900"}
RETRY_SECONDS = 0.1
PATIENCE_SECONDS = 120.0  # of one request, for a very busy machine


@pytest.fixture
def host() -> Iterator[Simulator]:
    with Simulator.start(slots=4, service_seconds=1.0) as simulator:
        yield simulator


@pytest.fixture
def site(db: None, host: Simulator) -> Iterator[RunningSite]:
    backends.ensure_defaults()
    backends.update("calypso", by=None, base_url=host.base_url)
    assert backends.activate("calypso", by=None).passed
    with RunningSite(**PATIENT) as running:
        running.start_redis()
        yield running


def uploaded(folder: Path, pages: int) -> Document:
    path = files.numbered_pdf(folder / "report.pdf", pages)
    return intake.accept(path.open("rb"), name=path.name, owner=builders.make_user(), options=intake.Options())


def running_pages(document: Document) -> int:
    return Page.objects.filter(document=document, status="running").count()


def status(document: Document) -> str:
    document.refresh_from_db()
    return document.status


def assert_each_page_was_read_once(document: Document, pages: int) -> None:
    assert (document.status, document.pages_done) == ("done", pages)
    assert Reading.objects.filter(page__document=document).count() == pages
    assert set(Page.objects.filter(document=document).values_list("claims", "host_failures")) == {(0, 0)}


def test_workers_replaced_one_after_the_other_finish_what_they_hold(
    site: RunningSite, host: Simulator, tmp_path: Path
) -> None:
    document = uploaded(tmp_path, 16)
    site.start_worker("first")
    site.start_clock()
    site.send(actors.prepare, str(document.pk))
    for old, new in (("first", "second"), ("second", "third")):
        site.until(lambda: running_pages(document) >= 2 or status(document) == "done", "pages run")
        site.start_worker(new)
        assert site.end(old) == 0
    site.until(lambda: status(document) == "done", "the document is read")
    assert_each_page_was_read_once(document, 16)


def test_pages_that_take_longer_than_a_worker_may_are_handed_back_at_no_cost(
    site: RunningSite, host: Simulator, tmp_path: Path
) -> None:
    host.configure(service_seconds=600.0)  # none of these ends by itself
    document = uploaded(tmp_path, 2)
    site.start_worker("first")
    site.start_clock()
    site.send(actors.prepare, str(document.pk))
    site.until(lambda: running_pages(document) == 2, "both pages run")
    assert site.end("first") == 0
    assert running_pages(document) == 0
    host.configure(service_seconds=0.0)
    site.start_worker("second")
    site.until(lambda: status(document) == "done", "the document is read")
    assert_each_page_was_read_once(document, 2)
    assert set(Attempt.objects.values_list("outcome", flat=True)) == {"ok"}


def test_messages_of_another_version_do_no_harm(site: RunningSite, host: Simulator, tmp_path: Path) -> None:
    host.configure(service_seconds=0.0)
    document = uploaded(tmp_path, 2)
    forgotten = actors.prepare.message(str(document.pk)).copy(actor_name="forgotten")
    other_arguments = actors.recognize.message(1, "and one more", by="name")
    for message in (forgotten, other_arguments):
        site.enqueue(message)
    site.start_worker()
    site.start_clock()
    site.until(lambda: status(document) == "done", "the document is read")
    assert_each_page_was_read_once(document, 2)
    site.until(lambda: not site.redis().llen("ocrsite:pages"), "no message is left")


class Client(threading.Thread):
    """Polls and uploads without a break, as a program would: a connection that breaks is tried again, an answer is
    believed. What came of each request is counted."""

    def __init__(self, address: str, token: str, pdf: bytes) -> None:
        super().__init__(daemon=True)
        self.address, self.pdf = f"{address}/api/v1/documents", pdf
        self.headers = {"Authorization": f"Bearer {token}"}
        self.answers: Counter[tuple[str, int]] = Counter()
        self.keys: list[str] = []
        self.given_up: list[str] = []
        self.broken = 0
        self._enough = threading.Event()

    def run(self) -> None:
        while not self._enough.is_set():
            self._ask("poll", lambda: requests.get(self.address, headers=self.headers, timeout=60))
            self.keys.append(uuid.uuid4().hex)
            self._ask("upload", self._upload)

    def _upload(self) -> requests.Response:
        headers = self.headers | {"Idempotency-Key": self.keys[-1]}
        named = {"file": ("a.pdf", self.pdf, "application/pdf")}
        return requests.post(self.address, headers=headers, files=named, timeout=60)

    def _ask(self, what: str, request: Any) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            try:
                response = request()
            except requests.ConnectionError:
                self.broken += 1
            else:
                # 409: the first try of the same upload is still at work.
                if (what, response.status_code) != ("upload", 409):
                    self.answers[what, response.status_code] += 1
                    return
            time.sleep(RETRY_SECONDS)
        self.given_up.append(what)

    def asked(self) -> int:
        return sum(self.answers.values())

    def stop(self) -> None:
        self._enough.set()
        self.join(2 * PATIENCE_SECONDS)
        assert not self.is_alive()


def worker_processes(main: int) -> set[int]:
    """The processes that a web server's main process has started."""
    return {int(pid) for pid in Path(f"/proc/{main}/task/{main}/children").read_text().split()}


def test_a_web_server_renewed_while_people_poll_and_upload_answers_each_request(
    site: RunningSite, tmp_path: Path
) -> None:
    person = builders.make_user("mira")
    _, token = access.create_token(person, name="load", days=1, scope="write")
    address = site.start_web("--overlap", "5")
    main = site.pid("web")
    before = worker_processes(main)
    clients = [Client(address, token, files.numbered_pdf(tmp_path / f"{n}.pdf", 1).read_bytes()) for n in range(2)]
    for client in clients:
        client.start()
    try:
        site.until(lambda: all(client.asked() >= 6 for client in clients), "both clients are answered")
        site.signal("web", signal.SIGHUP)
        site.until(lambda: not before & worker_processes(main), "the old process has ended")
        then = [client.asked() for client in clients]
        site.until(lambda: all(c.asked() > n + 4 for c, n in zip(clients, then, strict=True)), "the new one answers")
    finally:
        for client in clients:
            client.stop()
    answers = sum((client.answers for client in clients), Counter())
    assert set(answers) == {("poll", 200), ("upload", 202)}, "no error of ours, ever"
    assert [client.given_up for client in clients] == [[], []]
    # Every upload that was answered made one document, also where the connection broke and it was sent again.
    assert Document.objects.count() == answers["upload", 202] == sum(len(client.keys) for client in clients)
