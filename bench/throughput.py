"""How full the hosts are kept, against a bare client that does nothing else."""

from __future__ import annotations

from bench.hosts import busy_share
from bench.measurement import Measurement
from bench.scene import Scene
from jobs.models import Attempt, Document


def pipe_efficiency(quick: bool) -> list[Measurement]:
    """Pages already drawn, two hosts, one second a page: the whole way from the release to the last page stored."""
    pages = 120 if quick else 160  # with few of them, what is measured is the start and the end
    with Scene() as scene:
        scene.add_hosts(spread="free", calypso=1.0, spark=1.0)
        return _piped(scene, "pipe_efficiency", pages, at_most=1.08)


def unequal(quick: bool) -> list[Measurement]:
    """Speeds 1:3: the host with 4 slots is the faster one."""
    pages = 80 if quick else 140
    with Scene() as scene:
        scene.add_hosts(spread="free", calypso=0.5, spark=1.5)
        return _piped(scene, "unequal", pages, at_most=1.08)


def _piped(scene: Scene, name: str, pages: int, *, at_most: float) -> list[Measurement]:
    document = scene.upload(pages)
    images = scene.drawn(document)
    reference = scene.best_bare(images)
    scene.start()
    wall = -scene.release(document) + scene.until_ended(document)
    shares = {host: busy_share(one.pages(), one.slots) for host, one in scene.hosts.items()}
    told = Measurement(name, f"{pages} pages", wall, "s", reference, at_most=at_most)
    busy = [Measurement(name, f"slots of {host} busy", share, "", at_least=0.95) for host, share in shares.items()]
    return [told, *busy]


def pipe_render(quick: bool) -> list[Measurement]:
    """From an upload, drawn at 200 DPI on the way; two seconds a page. The reference has its pages drawn already."""
    pages = 100 if quick else 120
    with Scene() as scene:
        scene.add_hosts(spread="free", calypso=2.0, spark=2.0)
        twin = scene.upload(pages)
        images = scene.drawn(twin)
        reference = scene.best_bare(images)
        document = scene.upload(pages)
        scene.start()
        wall = -scene.prepare(document) + scene.until_ended(document)
        return [Measurement("pipe_render", f"{pages} pages", wall, "s", reference, at_most=1.12)]


def policy_share(quick: bool) -> list[Measurement]:
    """Short and long documents under *hybrid*: who reads what is the rules' choice, and slots stay full meanwhile."""
    short, long = (2, 1) if quick else (4, 2)
    with Scene() as scene:
        scene.add_hosts(spread="off", calypso=0.5, spark=1.0)
        documents = [scene.upload(10) for _ in range(short)] + [scene.upload(160) for _ in range(long)]
        scene.drawn(*documents)
        scene.start()
        scene.release(*documents)
        scene.until_ended(*documents)
        read = Attempt.objects.filter(outcome="ok", backend="spark").count()
        predicted = Document.objects.filter(wanted_backend="spark")
        share = sum(predicted.values_list("page_count", flat=True))
        spark = scene.hosts["spark"]
        return [
            Measurement("policy_share", "pages at spark", read, "pages", share, 1.0, 1.0),
            Measurement(
                "policy_share", "slots of spark busy", busy_share(spark.pages(), spark.slots), "",
                at_least=0.95,
            ),
        ]  # fmt: skip


def small_documents(quick: bool) -> list[Measurement]:
    """Many short documents against one long one of as many pages."""
    count = 20 if quick else 40
    walls = []
    for uploads in ([3] * count, [3 * count]):
        with Scene() as scene:
            scene.add_hosts(spread="free", calypso=0.5, spark=0.5)
            documents = [scene.upload(pages) for pages in uploads]
            scene.start()
            began = scene.prepare(*documents)
            walls.append(scene.until_ended(*documents) - began)
    what = f"{count} × 3 pages against 1 × {3 * count}"
    return [Measurement("small_documents", what, walls[0], "s", walls[1], at_most=1.1)]


def naive(quick: bool) -> list[Measurement]:
    """Against the script that everybody writes first: one page after the other, to one host."""
    pages, alone = (80, 5) if quick else (160, 12)
    with Scene() as scene:
        scene.add_hosts(spread="free", calypso=1.0, spark=1.0)
        document = scene.upload(pages)
        images = scene.drawn(document)
        rate = alone / scene.bare("sequential", images[:alone])["wall_seconds"]
        scene.start()
        wall = -scene.release(document) + scene.until_ended(document)
        return [
            Measurement("naive", "pages a second over 20 slots", pages / wall, "/s", rate, at_least=18),
        ]  # fmt: skip
