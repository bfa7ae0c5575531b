"""What a failing host costs beyond its own capacity."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from bench.hosts import HostProcess
from bench.measurement import Measurement
from bench.scene import Scene
from jobs.models import Attempt, Page
from jobs.services import routing

AWAY_SECONDS = 4.0
AFTER_SECONDS = 2.0


def failover(quick: bool) -> list[Measurement]:
    """spark refuses, answers 503, or hangs for a while in the middle of a run, and returns."""
    pages = 80 if quick else 160
    ways: dict[str, tuple[Callable[[HostProcess], object], Callable[[HostProcess], object]]] = {
        "refuses": (lambda host: host.control("stop", drop=True), lambda host: host.control("listen")),
        "answers 503": (lambda host: host.control("faults", kind="status", status=503), HostProcess.clear_faults),
        "hangs": (lambda host: host.control("faults", kind="hang", times=18), HostProcess.clear_faults),
    }
    found = []
    for name, (fall, rise) in ways.items():
        wall, ideal, twice = _run(pages, fall, rise)
        found += [
            Measurement("failover", f"spark {name}", wall, "s", ideal, at_most=1.1),
            Measurement("failover", f"spark {name}: pages lost or stored twice", twice, "pages", at_most=0),
        ]
    return found


def _run(
    pages: int, fall: Callable[[HostProcess], object], rise: Callable[[HostProcess], object]
) -> tuple[float, float, float]:
    """Wall seconds, the seconds that the remaining capacity allows, and pages lost or stored twice."""
    with Scene(OCRSITE_CALL_SECONDS="5", OCRSITE_PROBE_SECONDS="0.5", OCRSITE_CLOCK_SECONDS="0.5") as scene:
        scene.add_hosts(spread="free", calypso=1.0, spark=1.0)
        policy = routing.current()
        policy["failover"] |= {"breaker_seconds": 1.0, "breaker_max_seconds": 2.0}
        routing.save(policy, by=None)
        document = scene.upload(pages)
        scene.drawn(document)
        scene.start()
        spark, times = scene.hosts["spark"], []

        def trouble() -> None:
            time.sleep(AFTER_SECONDS)
            times.append(time.monotonic())
            fall(spark)
            time.sleep(AWAY_SECONDS)
            rise(spark)
            times.append(time.monotonic())

        thread = threading.Thread(target=trouble)
        began = scene.release(document)
        thread.start()
        ended = scene.until_ended(document)
        thread.join()
        stored = Attempt.objects.filter(outcome="ok").count()
        wrong = abs(stored - pages) + pages - Page.objects.filter(document=document, status="done").count()
        away = min(times[1], ended) - times[0]
        calypso, both = scene.hosts["calypso"].slots, sum(host.slots for host in scene.hosts.values())
        # What spark had in hand when it fell is lost work: its slots' worth of one second.
        ideal = (pages + spark.slots * 0.5 + away * (both - calypso)) / both
        return ended - began, ideal, wrong
