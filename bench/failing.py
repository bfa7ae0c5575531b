"""What a failing host costs beyond its own capacity."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from bench.hosts import HostProcess
from bench.measurement import Measurement
from bench.scene import Scene
from jobs.models import Attempt, Page
from jobs.services import routing

SERVICE_SECONDS = 0.5
CALL_SECONDS = 5.0
AFTER_SECONDS = 3.0
QUICK = ("refuses",)


@dataclass(frozen=True)
class Way:
    """How a host fails and is well again. `lasts` seconds of its capacity are gone at least."""

    name: str
    fall: Callable[[HostProcess], object]
    rise: Callable[[HostProcess], object]
    lasts: float = 0.0


WAYS = (
    Way("refuses", lambda host: host.control("stop"), lambda host: host.control("listen")),
    Way("answers 503", lambda host: host.control("faults", kind="status", status=503), HostProcess.clear_faults),
    # Every page in hand waits for our deadline: nobody can know earlier that no answer will come.
    Way("hangs", lambda host: host.control("faults", kind="hang", times=18), HostProcess.clear_faults, CALL_SECONDS),
)


def failover(quick: bool) -> list[Measurement]:
    """spark fails in one way after the other in the middle of a run, and returns."""
    # A return costs about two seconds however long the run: the shorter one is over the target by them alone.
    pages, away = (600, 4.0) if quick else (1200, 8.0)
    found = []
    for way in (way for way in WAYS if not quick or way.name in QUICK):
        wall, ideal, wrong = _run(way, pages, away)
        found += [
            Measurement("failover", f"spark {way.name}", wall, "s", ideal, at_most=1.1),
            Measurement("failover", f"spark {way.name}: lost or stored twice", wrong, "pages", at_most=0),
        ]
    return found


def _run(way: Way, pages: int, away_seconds: float) -> tuple[float, float, float]:
    """Wall seconds, the seconds that the remaining capacity allows, and pages lost or stored twice."""
    seconds = {
        "OCRSITE_CALL_SECONDS": str(CALL_SECONDS),
        "OCRSITE_PROBE_SECONDS": "0.5",
        "OCRSITE_CLOCK_SECONDS": "0.5",
    }
    with Scene(**seconds) as scene:
        scene.add_hosts(spread="free", calypso=SERVICE_SECONDS, spark=SERVICE_SECONDS)
        policy = routing.current()
        policy["failover"] |= {"breaker_seconds": 0.5, "breaker_max_seconds": 1.0}
        routing.save(policy, by=None)
        document = scene.upload(pages, stamps=True)
        scene.drawn(document)
        scene.start()
        spark, times = scene.hosts["spark"], []

        def trouble() -> None:
            time.sleep(AFTER_SECONDS)
            times.append(time.monotonic())
            way.fall(spark)
            time.sleep(away_seconds)
            way.rise(spark)
            times.append(time.monotonic())

        thread = threading.Thread(target=trouble)
        began = scene.release(document)
        thread.start()
        ended = scene.until_ended(document)
        thread.join()
        stored = Attempt.objects.filter(page__document=document, outcome="ok").count()
        wrong = abs(stored - pages) + pages - Page.objects.filter(document=document, status="done").count()
        away = max(min(times[1], ended) - times[0], way.lasts)
        slots = sum(host.slots for host in scene.hosts.values())
        return ended - began, (pages * SERVICE_SECONDS + away * spark.slots) / slots, wrong
