"""A site to measure: real parts as child processes over hosts in processes of their own, on a database made anew."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from bench import processes, stock
from bench.hosts import ROOT, HostProcess
from bench.pages import dense_pdf, stamps_pdf
from jobs import actors, errors
from jobs.gateways import storage
from jobs.models import Backend, Document, Page
from jobs.services import backends, documents, intake, preparing, routing
from jobs.supervision.site import WORKING
from tests import builders
from tests.running_site import RunningSite

SECONDS = 600.0
SLOTS = {"calypso": 4, "spark": 16}
AHEAD = {"calypso": 1, "spark": 2}
ENDED = ("done", "partial", "failed", "cancelled")


class Scene:
    """One site. `calypso` and `spark` are its hosts' names, as in the operator's figures: 4 and 16 slots."""

    def __init__(self, **environment: str) -> None:
        defaults = {"OCRSITE_LEASE_SECONDS": "30", "OCRSITE_LEASE_RENEW_SECONDS": "5", "OCRSITE_PROBE_SECONDS": "5"}
        ordinary = {"OCRSITE_CLOCK_SECONDS": "2", "OCRSITE_RESEND_SECONDS": "10", "OCRSITE_CALL_SECONDS": "300"}
        self.running = RunningSite(**(defaults | ordinary | {"OCRSITE_WORKER_THREADS": "32"} | environment))
        self.hosts: dict[str, HostProcess] = {}
        self.folder = Path(tempfile.mkdtemp(prefix="bench-", dir=os.environ["OCRSITE_DATA_DIR"]))
        self._person: Any = None
        self._written = 0  # pages

    def __enter__(self) -> Self:
        self.running.start_redis()
        return self

    def __exit__(self, *_: object) -> None:
        if "clock" in self.running.children:
            self.running.end("clock")  # in good order: killed, it would keep the next scene's from leading for a lease
        self.running.stop()
        for host in self.hosts.values():
            host.stop()

    # ---- what it consists of

    def add_hosts(self, *, spread: str, streaming: bool = False, **seconds: float) -> None:
        """Hosts by name, with seconds a page; admitted, in use, and under the preset *hybrid* with this `spread`.

        The quality gate is off: what a simulated host writes has nothing to do with the page.
        """
        for name, each in seconds.items():
            self.hosts[name] = HostProcess(slots=SLOTS[name], service_seconds=each, queue_ahead=AHEAD[name])
        for name, host in self.hosts.items():
            host.wait()
            backends.update(name, by=None, base_url=host.base_url, streaming=streaming)
            if not backends.activate(name, by=None).passed:
                raise RuntimeError(f"{name} was not admitted.")
            host.take_seconds()
        policy = routing.current()
        policy["quality"]["enabled"], policy["spread"] = False, spread
        routing.save(policy, by=None)

    def start(self, *, workers: int = 1, clock: bool = True) -> None:
        for number in range(workers):
            self.running.start_worker(f"worker{number}")
        if clock:
            self.running.start_clock()
        self.until(self._can_work, "workers and clock have started")

    def _can_work(self) -> bool:
        """The clock too: its start would else take from what is measured."""
        names = [name for name in self.running.children if name.startswith(("worker", "clock"))]
        return all(WORKING in self.running.log(name) for name in names)

    @property
    def person(self) -> Any:
        self._person = self._person or builders.make_user(f"mira-{time.monotonic_ns()}")
        return self._person

    # ---- work

    def upload(self, pages: int, *, stamps: bool = False, **options: Any) -> Document:
        """A document of pages full of words (or of `stamps`: as small as one, drawn in no time), different from every
        other's; nothing is sent yet."""
        return self.accept(self.write(pages, stamps=stamps), **options)

    def write(self, pages: int, *, stamps: bool = False) -> Path:
        """The file of `upload` alone."""
        first = self._written + 1
        self._written += pages
        write = stamps_pdf if stamps else dense_pdf
        return write(self.folder / f"{pages} from {first}.pdf", pages, first=first)

    def accept(self, path: Path, **options: Any) -> Document:
        with path.open("rb") as file:
            return intake.accept(file, name=path.name, owner=self.person, options=intake.Options(**options))

    def drawn(self, *uploads: Document) -> list[str]:
        """Has their pages made and drawn here and now (or taken from the stock of those drawn before), and paused; the
        files of their images."""
        for document in uploads:
            preparing.prepare(document.pk)
        everything = Backend.objects.filter(name__in=self.hosts)
        kept = dict(everything.values_list("pk", "slots"))
        everything.update(slots=100_000)  # how far is drawn ahead follows the slots
        with stock.in_use():
            while preparing.draw_next():
                pass
        for key, slots in kept.items():
            Backend.objects.filter(pk=key).update(slots=slots)
        for document in uploads:
            documents.pause(document.pk, by=self.person)
        pages = Page.objects.filter(document__in=uploads).order_by("document", "number")
        return [self.image_file(page) for page in pages]

    def make_hosts_say(self, pieces: int) -> None:
        """Every page is answered with a text of about so many tokens."""
        text = "word " * pieces
        for host in self.hosts.values():
            host.control("faults", kind="wrong_text", text=text)

    def cancel(self, document: Document) -> None:
        """Ends what is left of it."""
        with suppress(errors.Conflict):  # it has ended by itself
            documents.cancel(document.pk, by=self.person)

    def image_file(self, page: Page) -> str:
        with storage.local_path(page.image_key) as path:
            return str(path)

    def prepare(self, *uploads: Document) -> float:
        """Has them prepared by the workers, as after an upload; when that was, on the monotonic clock."""
        began = time.monotonic()
        for document in uploads:
            self.running.send(actors.prepare, str(document.pk))
        return began

    def release(self, *uploads: Document) -> float:
        """Lets paused documents go; when that was, on the monotonic clock."""
        for document in uploads:
            documents.resume(document.pk, by=self.person)
        began = time.monotonic()
        self.running.send(actors.dispatch)
        return began

    def until_ended(self, *uploads: Document) -> float:
        """Waits until all have ended well; when that was, on the monotonic clock."""
        keys = [document.pk for document in uploads]
        self.until(lambda: Document.objects.filter(pk__in=keys, status__in=ENDED).count() == len(keys), "all has ended")
        ended = time.monotonic()
        bad = Document.objects.filter(pk__in=keys).exclude(status="done")
        if bad.exists():
            raise RuntimeError(f"Not all was read: {list(bad.values('name', 'status', 'pages_failed'))}")
        return ended

    def until(self, condition: Callable[[], object], what: str) -> None:
        deadline = time.monotonic() + SECONDS
        while not condition():
            if time.monotonic() > deadline:
                raise RuntimeError(f"Waited {SECONDS:.0f} s in vain until {what}.")
            time.sleep(0.02)

    # ---- what it cost

    def cpu_seconds(self) -> float:
        """Of workers, clock and Redis; SQLite works inside them, PostgreSQL's own is not counted."""
        return sum(processes.cpu_seconds(pid) for pid in self.running.children.values())

    def best_bare(self, images: Iterable[str], *, stream: bool = False, quick: bool = False) -> float:
        """Seconds of the quicker of two bare clients: one fills the slots, the other keeps a few requests more waiting
        at each host, which hides its own time but may end with a page too many at the wrong host. `quick`: the first
        alone."""
        kept = list(images)
        ways = (False,) if quick else (False, True)
        return min(self.bare("aiohttp", kept, stream=stream, ahead=ahead)["wall_seconds"] for ahead in ways)

    def bare(self, how: str, images: Iterable[str], *, stream: bool = False, ahead: bool = True) -> dict[str, float]:
        """The same images from a bare client to the same hosts, which forget it afterwards."""
        hosts = [
            {"base_url": host.base_url, "in_flight": host.slots + (host.queue_ahead if ahead else 0)}
            for host in self.hosts.values()
        ]
        told = {"how": how, "hosts": hosts, "images": list(images), "stream": stream}
        path = self.folder / "bare.json"
        path.write_text(json.dumps(told))
        done = subprocess.run(
            [sys.executable, "-m", "bench.bare", str(path)],
            cwd=ROOT, capture_output=True, text=True, timeout=SECONDS, check=True,
        )  # fmt: skip
        for host in self.hosts.values():
            host.forget()
        return json.loads(done.stdout)
