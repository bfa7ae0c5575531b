"""A site of child processes over two simulated hosts as unlike as the real ones: calypso with 4 slots, spark with 16.

What was done is counted twice: at the hosts, which saw each image, and in the database, which kept each outcome.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.db.models import F, QuerySet

from jobs import actors
from jobs.domain import circuit
from jobs.models import Attempt, Document, Page, Reading, SlotLease
from jobs.services import backends, canary, intake, outcomes, preparing, routing
from tests import builders, files
from tests.running_site import RunningSite
from tests.vllm_faults import Call
from tests.vllm_simulator import Simulator

STAMP = (300.0, 200.0)  # points: pages as small as stamps are drawn in no time
ENDED = {"done", "partial", "failed", "cancelled"}
SLOTS, AHEAD = {"calypso": 4, "spark": 16}, {"calypso": 1, "spark": 2}


class UnequalHosts:
    """The two hosts, admitted and in use, and a site over them whose parts are not started yet."""

    def __init__(self, folder: Path, running: RunningSite) -> None:
        self.folder, self.running = folder, running
        self.hosts = {name: Simulator.start(slots=SLOTS[name], allowed_extra=AHEAD[name]) for name in SLOTS}
        self.calypso, self.spark = self.hosts["calypso"], self.hosts["spark"]
        outcomes.speeds.forget()
        backends.ensure_defaults()
        for name, host in self.hosts.items():
            backends.update(name, by=None, base_url=host.base_url)
            assert backends.activate(name, by=None).passed
            host.host.forget()  # the self-test's calls are not what a test counts
        policy = routing.current()
        policy["quality"]["enabled"] = False  # what simulated hosts write has nothing to do with the page
        policy["failover"] |= {"breaker_seconds": 0.5, "breaker_max_seconds": 1.0}
        routing.save(policy, by=None)
        self.person = builders.make_user("mira")

    def stop(self) -> None:
        for host in self.hosts.values():
            host.stop()

    def pace(self, **seconds: float) -> None:
        """How long a page takes at each host, by its name."""
        for name, each in seconds.items():
            self.hosts[name].configure(service_seconds=each)

    def start(self, *, workers: int = 2) -> None:
        for number in range(workers):
            self.running.start_worker(f"worker{number}")
        self.running.start_clock()

    def upload(self, pages: int, name: str = "", **options: Any) -> Document:
        """Its pages are like no other document's, so that a host's calls tell whose they were."""
        name = name or f"{pages} pages"
        path = files.numbered_pdf(self.folder / f"{name}.pdf", pages, size=STAMP, word=name)
        with path.open("rb") as file:
            return intake.accept(file, name=path.name, owner=self.person, options=intake.Options(**options))

    def send(self, *documents: Document) -> None:
        for document in documents:
            self.running.send(actors.prepare, str(document.pk))

    def drawn(self, pages: int, name: str = "", **options: Any) -> Document:
        """An upload whose pages wait for a slot; drawn here, before any worker runs, so that images can be told."""
        document = self.upload(pages, name, **options)
        preparing.prepare(document.pk)
        while preparing.draw_next():
            pass
        document.refresh_from_db()
        return document

    def until(self, condition: Callable[[], object], what: str) -> None:
        self.running.until(condition, what)

    def until_ended(self, *documents: Document) -> None:
        keys = [document.pk for document in documents]
        ended = Document.objects.filter(pk__in=keys, status__in=ENDED)
        self.until(lambda: ended.count() == len(keys), "the documents end")
        self.until(lambda: not SlotLease.objects.exists(), "every slot is free again")
        for document in documents:
            document.refresh_from_db()

    def until_calypso_is_full(self) -> int:
        """Calypso holds its pages back, as many as it takes. How many that are."""
        pages = SLOTS["calypso"] + AHEAD["calypso"]
        self.until(lambda: self.calypso.host.in_flight == pages, "calypso is full")
        return pages

    def held_by(self, part: str) -> QuerySet[SlotLease]:
        """What a worker has in hand."""
        return SlotLease.objects.filter(holder__contains=f":{self.running.pid(part)}:")

    def start_dead_hosts_again(self) -> bool:
        """As their owners' supervisors do. True, so that it can stand before what is awaited."""
        for host in self.hosts.values():
            if not host.listening:
                host.listen_again()
        return True

    def breaker(self, name: str) -> circuit.Circuit:
        return circuit.from_json(backends.find(name).health.circuit)


def assert_done_once(site: UnequalHosts, pages: int) -> None:
    """`pages` in all were read, each once: as the hosts counted it, and as the database has it.

    A host that is killed may have finished a page whose answer was cut off on its way, and so may one whose worker is
    killed or paused: only so is one read twice.
    """
    read, cut_off = images_read(site), Attempt.objects.filter(outcome__in=["host_down", "lost"]).count()
    assert len(read) == pages
    assert pages <= sum(read.values()) <= pages + cut_off, list(Attempt.objects.exclude(outcome="ok").values())
    assert Page.objects.filter(status="done").count() == pages
    assert Attempt.objects.filter(outcome="ok").count() == pages
    assert Attempt.objects.filter(outcome="ok").values("page").distinct().count() == pages
    assert Reading.objects.count() == pages
    assert Page.objects.filter(reading__page=F("pk"), reading__attempt__outcome="ok").count() == pages


def images_read(site: UnequalHosts) -> Counter[str]:
    """How many times each page's image was read to its end, over both hosts; canaries are nobody's pages."""
    read = (call for host in site.hosts.values() for call in pages_sent(host) if call.outcome == "stop")
    return Counter(call.image_sha256 for call in read)


def pages_sent(host: Simulator) -> list[Call]:
    return [call for call in host.calls if call.body["max_tokens"] > canary.MAX_TOKENS]


def slow_start_limit(site: UnequalHosts, name: str) -> int:
    """What a host may have had at once since it came back: it only grows, so what holds now bounds what held before."""
    step = site.breaker(name).step
    return {0: SLOTS[name] // 4, 1: SLOTS[name] // 2, None: SLOTS[name] + AHEAD[name]}[step]


def assert_limits_kept(site: UnequalHosts) -> None:
    for name, host in site.hosts.items():
        assert host.over_limit == 0, name
        assert host.max_in_flight <= SLOTS[name] + AHEAD[name], name


def where(document: Document) -> Counter[str]:
    """How many of its pages each backend read."""
    done = Attempt.objects.filter(page__document=document, outcome="ok")
    return Counter(done.values_list("backend", flat=True))
