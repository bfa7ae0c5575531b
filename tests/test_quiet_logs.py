"""A document's whole way through web and worker, with all that goes wrong on it: its lines carry the ids to follow it
by, and nothing of what stands on its pages, no key and no token."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client

from jobs import actors
from jobs.models import Attempt, Document
from jobs.services import access, backends, outcomes
from tests import builders, files, log_lines
from tests.vllm_simulator import Simulator

pytestmark = pytest.mark.django_db(transaction=True)

KEY = "key-of-the-host-0451"
IN_THE_FILE = "Zwetschgenknoedel"  # stands on each page, and in the file's own text
AS_READ = "Marillenstrudel"  # what the host reads
ECHOED = "Powidltascherl"  # what it says of a page that it refuses
SAID_BY_HOSTS = (AS_READ, ECHOED, "quick brown fox", "same line again")


@pytest.fixture
def host() -> Iterator[Simulator]:
    with Simulator.start(slots=4, api_key=KEY) as simulator:
        yield simulator


@pytest.fixture
def worker(monkeypatch) -> Callable[[], None]:
    """worker(): carries out all messages, and those that come of them, as a worker's thread would."""
    messages: list[tuple[Any, tuple[Any, ...]]] = []
    monkeypatch.setattr(actors, "send", lambda actor, *args: messages.append((actor, args)) or True)

    def work() -> None:
        while messages:
            actor, args = messages.pop(0)
            actor.fn(*args)

    return work


@pytest.fixture
def site(db, host) -> Client:
    """calypso reads; some of its answers are cut, refused or loop."""
    outcomes.speeds.forget()
    backends.ensure_defaults()
    backends.update("calypso", by=None, base_url=host.base_url, api_key=KEY)
    assert backends.activate("calypso", by=None).passed
    host.set_fault("truncated_json", times=1)
    host.set_fault("status", times=1, status=400, message=f"cannot read: {ECHOED}")
    host.set_fault("looping", times=1)
    host.set_fault("oom_words", times=1)
    host.set_fault("wrong_text", text=f"{AS_READ} and some more words of a page. " * 3)
    return Client(raise_request_exception=False)


@pytest.fixture
def lines() -> Iterator[log_lines.Lines]:
    with log_lines.restored():
        yield log_lines.build("json", level="DEBUG")


def test_a_page_can_be_followed_by_its_ids_and_nobody_reads_it_in_the_log(site, worker, lines, tmp_path):
    person = builders.make_user("mira")
    token = access.create_token(person, name="test", days=1, scope="write")[1]
    headers = {"Authorization": f"Bearer {token}", "X-Request-ID": "scan-17"}
    with files.numbered_pdf(tmp_path / "menu.pdf", 5, word=IN_THE_FILE).open("rb") as file:
        answer = site.post("/api/v1/documents", {"file": file}, headers=headers)
    assert (answer.status_code, answer["X-Request-ID"]) == (202, "scan-17")
    document = Document.objects.get()
    worker()
    assert Document.objects.get().status in {"done", "partial"}
    assert {"garbage", "looping", "out_of_memory"} <= set(Attempt.objects.values_list("outcome", flat=True))
    read = site.get(f"/api/v1/documents/{document.pk}/result?format=md", headers={"Authorization": f"Bearer {token}"})
    assert AS_READ in read.getvalue().decode()
    site.login(username="mira", password=builders.PASSWORD)
    assert site.get(f"/documents/{document.pk}/search?q={AS_READ}").status_code == 200
    assert site.get(f"/documents/{document.pk}/pages/99/").status_code == 404

    told = [json.loads(line) for line in lines()]
    assert "page.read" in {line["event"] for line in told}
    whole = "\n".join(lines()).lower()
    for secret in (KEY, token, builders.PASSWORD, IN_THE_FILE, *SAID_BY_HOSTS):
        assert secret.lower() not in whole, secret
    for attempt in Attempt.objects.select_related("page"):
        ids = {
            (line["document"], line["page"], line["backend"], line["request_id"])
            for line in told
            if line.get("lease") == attempt.lease
        }
        assert ids == {(str(document.pk), attempt.page.number, "calypso", "scan-17")}
