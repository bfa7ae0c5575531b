"""Pages already drawn, over two hosts: one run of the site, held against each of the references that are asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bench import peers
from bench.hosts import busy_share
from bench.measurement import Measurement
from bench.scene import Scene
from jobs.models import Document

Images = Sequence[str]


@dataclass(frozen=True)
class Run:
    """What the site did: seconds from the release to the last page stored, CPU seconds of its parts, and how much of
    each host's slots was busy."""

    pages: int
    wall_seconds: float
    cpu_seconds: float
    busy: Mapping[str, float]


Judge = Callable[[Run], list[Measurement]]


def drawn(quick: bool, asked: Sequence[str]) -> list[Measurement]:
    """One second a page. Those of REFERENCES that are `asked` come first, with the same images at the same hosts."""
    with Scene() as scene:
        scene.add_hosts(spread="free", calypso=1.0, spark=1.0)
        document = scene.upload(120 if quick else 160)  # with few of them, what is measured is the start and the end
        images = scene.drawn(document)
        judges = [REFERENCES[name](scene, images, quick) for name in asked]
        run = _run(scene, document)
    return [measured for judge in judges for measured in judge(run)]


def unequal(quick: bool) -> list[Measurement]:
    """Speeds 1:3: the host with 4 slots is the faster one."""
    with Scene() as scene:
        scene.add_hosts(spread="free", calypso=0.5, spark=1.5)
        document = scene.upload(80 if quick else 140)
        judge = _against_bare(scene, scene.drawn(document), quick, name="unequal")
        return judge(_run(scene, document))


def _run(scene: Scene, document: Document) -> Run:
    scene.start()
    before = scene.cpu_seconds()
    wall = -scene.release(document) + scene.until_ended(document)
    cpu = scene.cpu_seconds() - before
    busy = {name: busy_share(host.pages(), host.slots) for name, host in scene.hosts.items()}
    return Run(document.page_count, wall, cpu, busy)


def _against_bare(scene: Scene, images: Images, quick: bool, *, name: str = "pipe_efficiency") -> Judge:
    """A client that keeps every slot full and does nothing else."""
    reference = scene.best_bare(images, quick=quick)

    def judge(run: Run) -> list[Measurement]:
        return [
            Measurement(name, f"{run.pages} pages", run.wall_seconds, "s", reference, at_most=1.08),
            *(Measurement(name, f"slots of {host} busy", share, "", at_least=0.95) for host, share in run.busy.items()),
        ]

    return judge


def _against_naive(scene: Scene, images: Images, quick: bool) -> Judge:
    """The script that everybody writes first: one page after the other, to one host."""
    alone = 4 if quick else 12
    rate = alone / scene.bare("sequential", images[:alone])["wall_seconds"]

    def judge(run: Run) -> list[Measurement]:
        ours = run.pages / run.wall_seconds
        return [Measurement("naive", "pages a second over 20 slots", ours, "/s", rate, at_least=18)]

    return judge


def _against_router(scene: Scene, images: Images, quick: bool) -> Judge:
    """LiteLLM's Router over the same two hosts, with the same requests."""
    peer = peers.router(scene, images)

    def judge(run: Run) -> list[Measurement]:
        rate, peer_rate = run.pages / run.wall_seconds, run.pages / peer["wall_seconds"]
        cpu, peer_cpu = (1000 * seconds / run.pages for seconds in (run.cpu_seconds, peer["cpu_seconds"]))
        return [
            Measurement("router_peer", "pages a second against LiteLLM's Router", rate, "/s", peer_rate, at_least=1.3),
            Measurement("router_peer", "CPU a page against it", cpu, "ms", peer_cpu, at_most=0.6),
            Measurement("router_peer", "pages that failed there", peer["failed"], "pages"),
        ]

    return judge


REFERENCES = {"pipe_efficiency": _against_bare, "naive": _against_naive, "router_peer": _against_router}
