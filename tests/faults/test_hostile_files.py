"""Hostile files and a client that goes away, before real processes. The cases of docs/reliability.md."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from jobs import actors
from jobs.gateways import rasterizer
from jobs.models import AuditEntry, Document
from jobs.services import access, backends, intake
from tests import builders, files
from tests.gateways import fake_poppler
from tests.running_site import RunningSite
from tests.vllm_simulator import Simulator

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.redis, pytest.mark.slow]
ENDED = {"done", "partial", "failed", "cancelled"}


@pytest.fixture
def host():
    with Simulator.start(slots=4) as simulator:
        yield simulator


@pytest.fixture
def person(db):
    return builders.make_user("mira")


@pytest.fixture
def upload(person):
    def take(path: Path) -> Document:
        with path.open("rb") as file:
            return intake.accept(file, name=path.name, owner=person, options=intake.Options())

    return take


def state(document: Document) -> Document:
    document.refresh_from_db()
    return document


def pages(document: Document) -> dict[int, tuple[str, str]]:
    return {page.number: (page.status, page.reason) for page in document.pages.all()}


def test_a_worker_outlives_bombs_and_a_drawer_that_kills_itself(host, upload, tmp_path, monkeypatch):
    """P09, P16: each costs its page; the worker that met them reads what comes behind."""
    fake_poppler.replace(monkeypatch, tmp_path, 'case "$*" in *" -f 3 -l 3 "*) kill -SEGV $$;; esac; exec $REAL "$@"')
    backends.ensure_defaults()
    backends.update("calypso", by=None, base_url=host.base_url)
    assert backends.activate("calypso", by=None).passed
    deadly = upload(files.bomb_pdf(tmp_path / "deadly.pdf", pages=3, bomb=2))
    behind = upload(files.numbered_pdf(tmp_path / "behind.pdf", 2))
    with RunningSite(OCRSITE_DRAW_CPU_SECONDS="2", PATH=os.environ["PATH"]) as site:
        site.start()
        for document in (deadly, behind):
            site.send(actors.prepare, str(document.pk))
        site.until(lambda: {state(deadly).status, state(behind).status} <= ENDED, "both documents end")
        assert "Traceback" not in site.log("worker")
        site.until(lambda: not any((tmp_path / "uploads").iterdir()), "the drawers have cleared up")
    assert pages(deadly) == {
        1: ("done", ""), 2: ("failed", rasterizer.TOO_COMPLEX), 3: ("failed", rasterizer.BROKEN),
    }  # fmt: skip
    assert pages(behind) == {1: ("done", ""), 2: ("done", "")}


def test_a_client_that_goes_away_in_the_middle_of_its_upload_leaves_nothing(person, tmp_path):
    """P20: no document, no file; and the server takes the next one."""
    _, token = access.create_token(person, name="test", days=1, scope="write")
    incoming = tmp_path / "uploads"
    whole = files.numbered_pdf(tmp_path / "whole.pdf", 1).read_bytes()
    with RunningSite() as site:
        address = site.start_web()
        client = half_an_upload(address, token, whole + os.urandom(4_000_000))
        site.until(lambda: any(incoming.iterdir()), "the upload is on its way")
        client.close()
        site.until(lambda: not any(incoming.iterdir()), "what had come of it is gone")
        assert not Document.objects.exists()
        assert not list((tmp_path / "files").rglob("original"))
        answer = requests.post(
            f"{address}/api/v1/documents",
            headers={"Authorization": f"Bearer {token}"},
            files={"file": ("whole.pdf", whole)},
            timeout=120,
        )
        assert answer.status_code == 202
    assert [entry.action for entry in AuditEntry.objects.exclude(action="token.created")] == ["document.uploaded"]


def half_an_upload(address: str, token: str, file: bytes) -> socket.socket:
    """Announces the whole of `file` and sends half of it. The connection stays open."""
    place = urlsplit(address)
    assert place.hostname is not None
    body = (
        b'--nowhere-in-the-file\r\nContent-Disposition: form-data; name="file"; filename="whole.pdf"\r\n\r\n'
        + file
        + b"\r\n--nowhere-in-the-file--\r\n"
    )
    head = (
        f"POST /api/v1/documents HTTP/1.1\r\nHost: {place.netloc}\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: multipart/form-data; boundary=nowhere-in-the-file\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    client = socket.create_connection((place.hostname, place.port or 80), timeout=120)
    client.sendall(head.encode() + body[: len(body) // 2])
    return client
