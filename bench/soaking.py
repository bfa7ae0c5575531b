"""What bench.soak does: documents come in, parts die, and at the end every page is counted at the hosts and in the
database."""

from __future__ import annotations

import logging
import random
import signal
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import requests
from django.db.models import Count

from jobs.domain.statuses import ENDED_DOCUMENTS
from jobs.models import Attempt, Document, Page, SlotLease
from jobs.services import access
from tests import files
from tests.faults.unequal_hosts import STAMP, UnequalHosts, images_read
from tests.running_site import RunningSite, until

LEASE_SECONDS = 5.0
FINISH_SECONDS = 1800.0  # after the last fault; the retry budget may keep pages waiting for ten minutes
WORKERS = ("worker0", "worker1")


def soak(folder: Path, *, minutes: float, pages: int, seed: int) -> int:
    """Returns the exit code: 1 when a page was lost or stored twice, or a document taken twice or not at all."""
    logging.getLogger("jobs").setLevel(logging.ERROR)
    chance = random.Random(seed)
    with RunningSite(OCRSITE_LEASE_SECONDS=str(LEASE_SECONDS), OCRSITE_CALL_SECONDS="60") as running:
        running.start_redis()
        site = UnequalHosts(folder, running)
        site.pace(calypso=0.4, spark=0.8)
        site.start(workers=len(WORKERS))
        uploads = Uploads(site, folder, pages, seconds=60 * minutes, chance=random.Random(seed + 1))
        uploads.start()
        happened = Trouble(site, uploads, chance).go_on_for(60 * minutes)
        uploads.join()
        until(ended, "every document has ended", seconds=FINISH_SECONDS)
        print("what happened:", *(f"{count} × {name}" for name, count in sorted(happened.items())), sep="\n  ")
        code = report(site, uploads)
        running.stop()
        site.stop()
    return code


class Uploads(threading.Thread):
    """A person whose program sends each document until it is taken, with one key for all tries."""

    def __init__(self, site: UnequalHosts, folder: Path, pages: int, *, seconds: float, chance: random.Random) -> None:
        super().__init__(name="uploads", daemon=True)
        self.address = site.running.start_web()
        _, token = access.create_token(site.person, name="soak", days=1, scope="write")
        self.headers = {"Authorization": f"Bearer {token}"}
        self.folder, self.pages, self.seconds, self.chance = folder, pages, seconds, chance
        self.documents = self.sent = self.tries = 0

    def run(self) -> None:
        began = time.monotonic()
        while self.sent < self.pages:
            size = min(self.chance.choice((1, 3, 5, 12, 20, 21, 40, 60)), self.pages - self.sent)
            name = f"document {self.documents}"
            self._send(files.numbered_pdf(self.folder / f"{name}.pdf", size, size=STAMP, word=name))
            self.documents += 1
            self.sent += size
            until_then = began + self.seconds * self.sent / self.pages - time.monotonic()
            time.sleep(max(0.0, until_then))

    def _send(self, path: Path) -> None:
        headers = {**self.headers, "Idempotency-Key": str(uuid.uuid4())}
        while not self._taken(path, headers):
            time.sleep(0.5)
        path.unlink()

    def _taken(self, path: Path, headers: dict[str, str]) -> bool:
        self.tries += 1
        try:
            with path.open("rb") as file:
                url = f"{self.address}/api/v1/documents"
                return requests.post(url, files={"file": file}, headers=headers, timeout=60).status_code == 202
        except requests.RequestException:
            return False


class Trouble:
    """One part after another is killed, paused or cut off, and is back after a while, as its supervisor sees to it."""

    def __init__(self, site: UnequalHosts, uploads: Uploads, chance: random.Random) -> None:
        self.site, self.running, self.uploads, self.chance = site, site.running, uploads, chance

    def go_on_for(self, seconds: float) -> Counter[str]:
        kinds: tuple[Callable[[], None], ...] = (
            *(self.worker_killed, self.worker_paused, self.clock_killed, self.web_killed),
            *(self.redis_killed, self.redis_emptied),
            *(self.host_cut_off, self.host_refuses, self.engine_dies, self.host_fails_pages),
        )
        happened: Counter[str] = Counter()
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.pause(1.0, 4.0)
            kind = self.chance.choice(kinds)
            happened[kind.__name__.replace("_", " ")] += 1
            kind()
        for host in self.site.hosts.values():
            host.clear_faults()
        return happened

    def pause(self, shortest: float, longest: float) -> None:
        time.sleep(self.chance.uniform(shortest, longest))

    def worker_killed(self) -> None:
        name = self.chance.choice(WORKERS)
        self.running.kill(name)
        self.pause(0.0, 2.0)
        self.running.start_worker(name)

    def worker_paused(self) -> None:
        name = self.chance.choice(WORKERS)
        self.running.signal(name, signal.SIGSTOP)
        self.pause(LEASE_SECONDS, 2 * LEASE_SECONDS)
        self.running.signal(name, signal.SIGCONT)

    def clock_killed(self) -> None:
        self.running.kill("clock")
        self.pause(0.0, 2.0)
        self.running.start_clock()

    def web_killed(self) -> None:
        self.running.kill("web")
        self.uploads.address = self.running.start_web()

    def redis_killed(self) -> None:
        self.running.kill("redis")
        self.pause(0.0, 3.0)
        self.running.start_redis()

    def redis_emptied(self) -> None:
        self.running.redis().flushall()

    def host_cut_off(self) -> None:
        host = self.chance.choice(list(self.site.hosts.values()))
        host.stop_listening(drop=True)
        self.pause(1.0, 5.0)
        host.listen_again()

    def host_refuses(self) -> None:
        host = self.chance.choice(list(self.site.hosts.values()))
        host.stop_listening()
        self.pause(1.0, 5.0)
        host.listen_again()

    def engine_dies(self) -> None:
        host = self.chance.choice(list(self.site.hosts.values()))
        host.set_fault("engine_death", times=1)
        self.pause(2.0, 5.0)
        host.clear_faults()

    def host_fails_pages(self) -> None:
        self.chance.choice(list(self.site.hosts.values())).set_fault("status", times=3, status=500)


def ended() -> bool:
    return not Document.objects.exclude(status__in=ENDED_DOCUMENTS).exists() and not SlotLease.objects.exists()


def report(site: UnequalHosts, uploads: Uploads) -> int:
    """Prints the count. Returns the exit code."""
    read = images_read(site)
    done = Page.objects.filter(status="done").count()
    failed = Counter(Page.objects.exclude(status="done").values_list("status", "reason"))
    ok = Attempt.objects.filter(outcome="ok").values("page").annotate(times=Count("pk"))
    wrong = {
        "pages lost": uploads.sent - done - sum(failed.values()),
        "pages stored twice": ok.filter(times__gt=1).count()
        + Page.objects.annotate(n=Count("readings")).filter(n__gt=1).count(),
        "pages done that no host has read": max(0, done - len(read)),
        "documents taken twice, or not": abs(Document.objects.count() - uploads.documents),
    }
    told = {
        "documents uploaded": f"{uploads.documents}, in {uploads.tries} tries",
        "pages uploaded": uploads.sent,
        "pages done": done,
        "pages read at the hosts": f"{len(read)}, {sum(times > 1 for times in read.values())} of them more than once",
        "pages not done": sum(failed.values()),
        **{f"  {status}: {reason}": count for (status, reason), count in failed.items()},
        **wrong,
    }
    print(*(f"{name}: {value}" for name, value in told.items()), sep="\n", flush=True)
    return int(any(wrong.values()))
