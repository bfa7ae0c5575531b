"""How full the hosts are kept from an upload on, and whether the pages go where the policy says."""

from __future__ import annotations

from bench.hosts import busy_share
from bench.measurement import Measurement
from bench.scene import Scene
from jobs.models import Attempt, Document


def pipe_render(quick: bool) -> list[Measurement]:
    """From an upload, drawn at 200 DPI on the way; two seconds a page. The reference has its pages drawn already."""
    pages = 80 if quick else 120
    with Scene() as scene:
        scene.add_hosts(spread="free", calypso=2.0, spark=2.0)
        twin = scene.upload(pages)
        images = scene.drawn(twin)
        reference = scene.best_bare(images, quick=quick)
        document = scene.upload(pages)
        scene.start()
        wall = -scene.prepare(document) + scene.until_ended(document)
        return [Measurement("pipe_render", f"{pages} pages", wall, "s", reference, at_most=1.12)]


def policy_share(quick: bool) -> list[Measurement]:
    """Short and long documents under *hybrid*: who reads what is the rules' choice, and slots stay full meanwhile."""
    short, long, pages = (2, 1, 96) if quick else (4, 2, 160)
    with Scene() as scene:
        scene.add_hosts(spread="off", calypso=0.5, spark=1.0)
        documents = [scene.upload(10) for _ in range(short)] + [scene.upload(pages) for _ in range(long)]
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
