"""How long people wait for the first text, and for an urgent page."""

from __future__ import annotations

import time

from bench.measurement import Measurement
from bench.scene import Scene
from jobs.models import Page

SERVICE_SECONDS = 0.5
REST_SECONDS = 1.0  # the consumers' pauses have grown to their longest, 50 ms, long before


def first_page(quick: bool) -> list[Measurement]:
    """From a file that has come in to the first text stored; workers have rested before."""
    tries = 2 if quick else 4
    short, long = (2, 400) if quick else (2, 2000)
    waits: dict[int, list[float]] = {short: [], long: []}
    with Scene() as scene:
        scene.add_hosts(spread="free", calypso=SERVICE_SECONDS, spark=SERVICE_SECONDS)
        scene.start()
        for _ in range(tries):
            for pages in (short, long):
                path = scene.write(pages, stamps=True)
                time.sleep(REST_SECONDS)
                began = time.monotonic()
                document = scene.accept(path)
                scene.prepare(document)
                done = Page.objects.filter(document=document, status="done")
                scene.until(done.exists, "a page is done")
                waits[pages].append(time.monotonic() - began)
                scene.cancel(document)
    quickest, slower = min(waits[short]), min(waits[long])
    added = quickest - SERVICE_SECONDS
    return [
        Measurement("first_page", f"{long} pages against {short}", slower, "s", quickest, at_most=1.3),
        Measurement("first_page", "added to the host's time", added, "s", at_most=0.3),
    ]  # fmt: skip


def urgent(quick: bool) -> list[Measurement]:
    """One urgent page behind a long document, on one host: it starts when the next slot comes free."""
    pages = 200 if quick else 2000
    with Scene() as scene:
        scene.add_hosts(spread="off", calypso=1.0)
        long = scene.upload(pages, stamps=True, priority="low")
        scene.start()
        scene.prepare(long)
        host = scene.hosts["calypso"]
        scene.until(lambda: len(host.pages()) >= 8, "the long one is being read")
        document = scene.upload(1, stamps=True, priority="high")
        began = scene.prepare(document)
        ended = scene.until_ended(document)
        # Each slot comes free once a second; a page ahead of it may lie inside the host already, and it is drawn.
        return [Measurement("urgent", "waits for a slot, besides its own second", ended - began - 1.0, "s",
                            at_most=1.5)]  # fmt: skip
