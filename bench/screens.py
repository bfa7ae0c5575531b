"""The web server's part: screens over many documents, browsers that poll, a large upload."""

from __future__ import annotations

import html
import http.client
import os
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pikepdf
import requests
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from bench import bare_upload, processes
from bench.cost import sampled
from bench.measurement import Measurement
from bench.scene import Scene
from jobs.models import Document, Page
from jobs.services import access
from tests import builders, running_site


def watch(quick: bool) -> list[Measurement]:
    """List, document and poll with many documents against few: queries, and time."""
    few, many, pages = (60, 240, 50) if quick else (50, 1000, 100)
    running_site.collect_static()
    person = builders.make_user("watcher")
    client = Client(HTTP_HOST="localhost")
    client.force_login(person)
    seen: dict[str, list[tuple[int, float]]] = {}
    unchanged = 0
    for count in (few, many):
        _fill(person, count, pages)
        newest = Document.objects.filter(owner=person).order_by("-created_at").first()
        for name, path in {"list": "/documents/", "document": f"/documents/{newest.pk}/"}.items():
            poll = path + "live?" + urlencode({"seen": _seen(client, path)})
            unchanged = max(unchanged, len(client.get(poll).content))
            for what, asked in ((name, path), (f"poll of the {name}", poll)):
                seen.setdefault(what, []).append(_asked(client, asked))
    sizes = [Measurement("watch", "an unchanged poll", unchanged, "bytes", at_most=1000)]
    return sizes + [
        measured
        for name, ((few_queries, few_ms), (many_queries, many_ms)) in seen.items()
        for measured in (
            Measurement("watch", f"{name}: queries", many_queries, "", at_most=8),
            Measurement("watch", f"{name}: queries, many against few", many_queries, "", few_queries, at_most=1.0),
            Measurement("watch", f"{name}: time, many against few", many_ms, "ms", few_ms, at_most=1.3),
        )
    ]


def _seen(client: Client, path: str) -> str:
    """What a browser that has the page says it has seen when it polls."""
    found = re.search(r'data-seen="([^"]*)"', client.get(path).content.decode())
    assert found, f"{path} does not poll"
    return html.unescape(found[1])


def _fill(person: object, count: int, pages: int) -> None:
    """Documents of `pages` done pages each, until there are `count`."""
    missing = count - Document.objects.filter(owner=person).count()
    made = [
        Document(owner=person, name=f"{n}.pdf", sha256="0" * 64, size_bytes=1, media_type="application/pdf",
                 page_count=pages, pages_done=pages, status="done", prepared=True, backend="calypso")
        for n in range(missing)
    ]  # fmt: skip
    Document.objects.bulk_create(made)
    rows = (
        Page(document=document, number=n, status="done", width_pt=595.0, height_pt=842.0)
        for document in made
        for n in range(1, pages + 1)
    )
    Page.objects.bulk_create(rows, batch_size=1000)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _asked(client: Client, path: str) -> tuple[int, float]:
    """Queries, and the quickest of several times in milliseconds."""
    assert client.get(path).status_code in (200, 204)
    with CaptureQueriesContext(connection) as queries:
        client.get(path)
    count = len(queries)  # the next request empties the log
    times = []
    for _ in range(15):
        began = time.perf_counter()
        client.get(path)
        times.append(1000 * (time.perf_counter() - began))
    return count, min(times)


WARM_PAGES = 20


def watchers(quick: bool) -> list[Measurement]:
    """Browsers that poll while pages are read: what the hosts lose by it. One site, warmed before."""
    pages, browsers = (80, 40) if quick else (240, 100)
    with Scene() as scene:
        scene.add_hosts(spread="free", calypso=1.0, spark=1.0)
        address = scene.running.start_web()
        warm, alone, watched = documents = [scene.upload(count) for count in (WARM_PAGES, pages, pages)]
        scene.drawn(*documents)
        scene.start()
        scene.release(warm)
        scene.until_ended(warm)
        walls = [_watched(scene, address, alone, 0), _watched(scene, address, watched, browsers)]
    return [Measurement("watchers", f"{browsers} browsers polling", walls[1], "s", walls[0], at_most=1.05)]


def _watched(scene: Scene, address: str, document: Document, browsers: int) -> float:
    cookie = Client(HTTP_HOST="127.0.0.1")
    cookie.force_login(scene.person)
    session = cookie.cookies[settings.SESSION_COOKIE_NAME].value
    stop = threading.Event()
    polls = [
        threading.Thread(target=_poll, args=(f"{address}/documents/{document.pk}/live", session, stop), daemon=True)
        for _ in range(browsers)
    ]
    began = scene.release(document)
    for poll in polls:
        poll.start()
    wall = scene.until_ended(document) - began
    stop.set()
    for poll in polls:
        poll.join(30)
    return wall


def _poll(url: str, session: str, stop: threading.Event) -> None:
    """As the page does it: every two seconds, saying what it has seen."""
    browser = requests.Session()
    browser.trust_env = False
    while not stop.wait(2.0):
        browser.get(url, cookies={settings.SESSION_COOKIE_NAME: session}, headers={"HX-Request": "true"}, timeout=30)


def upload(quick: bool) -> list[Measurement]:
    """A large upload: the web server's memory, and the time against a view that only reads it."""
    size_mb = 100 if quick else 500
    with Scene(OCRSITE_MAX_UPLOAD_MB="1024") as scene:
        address = scene.running.start_web()
        token = access.create_token(scene.person, name="bench", days=1, scope="write")[1]
        pid = scene.running.children["web"]
        path = scene.folder / "large.pdf"
        _large_pdf(path, size_mb)
        servers = processes.tree(pid)  # without the children that look at a file, which are limited by themselves
        at_rest = processes.memory_mb(servers)
        os.sync()  # so that neither waits for what was written before it
        with sampled(lambda: processes.memory_mb(servers)) as memory:
            began = time.monotonic()
            status = _send(address + "/api/v1/documents", path, token)
            took = time.monotonic() - began
        assert status == 202, status
        with bare_upload.server() as plain:
            os.sync()
            began = time.monotonic()
            _send(plain, path, "")
            reference = time.monotonic() - began
        return [
            Measurement("upload", f"{size_mb} MB: memory added", max(memory) - at_rest, "MB", at_most=24),
            Measurement("upload", f"{size_mb} MB: time against a bare view", took, "s", reference, at_most=1.5),
        ]


def _large_pdf(path: Path, size_mb: int) -> None:
    """A PDF of one page with an attachment nobody draws."""
    pdf = pikepdf.new()
    pdf.add_blank_page()
    block = pikepdf.Stream(pdf, os.urandom(1_000_000))
    pdf.Root.Padding = pikepdf.Array([pdf.make_indirect(block)])
    for _ in range(size_mb - 1):
        pdf.Root.Padding.append(pdf.make_indirect(pikepdf.Stream(pdf, os.urandom(1_000_000))))
    pdf.save(path)


BOUNDARY = "benchbenchbench"
PIECE_BYTES = 1 << 20


def _send(url: str, path: Path, token: str) -> int:
    """One multipart upload, read from disk as it is sent; the status."""
    head = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{path.name}"\r\n'
        "Content-Type: application/pdf\r\n\r\n"
    ).encode()
    tail = f"\r\n--{BOUNDARY}--\r\n".encode()

    def pieces() -> Iterator[bytes]:
        yield head
        with path.open("rb") as file:
            while piece := file.read(PIECE_BYTES):
                yield piece
        yield tail

    parts = urlsplit(url)
    to = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=300)
    size = len(head) + path.stat().st_size + len(tail)
    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}", "Content-Length": str(size)}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    to.request("POST", parts.path, body=pieces(), headers=headers)
    answer = to.getresponse()
    answer.read()
    to.close()
    return answer.status
