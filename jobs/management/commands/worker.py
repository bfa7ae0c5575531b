"""`manage.py worker`: carries out messages, in one process with threads."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from typing import Any

import dramatiq
from django.conf import settings
from django.core.management.base import BaseCommand

from jobs.supervision.site import WORKING

# A page in hand may take minutes; its lease sees to it that another worker takes it up, so a stop does not wait.
STOP_SECONDS = 6.0
HAND_OVER_SECONDS = 3.0
LOOK_SECONDS = 1.0


class Command(BaseCommand):
    help = "Prepares, draws and recognizes pages."

    def handle(self, *args: Any, **options: Any) -> None:
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        from jobs import actors  # noqa: F401 - its actors declare themselves to the broker
        from jobs.services import leases

        leases.start_keeper()
        gc.collect()
        gc.freeze()  # what is loaded now stays: no collection need walk through all of it again
        worker = dramatiq.Worker(dramatiq.get_broker(), worker_threads=settings.WORKER_THREADS, worker_timeout=1000)
        worker.start()
        self.stdout.write(WORKING)
        self.stdout.flush()
        wait(stop)
        end(worker)


def wait(stop: threading.Event) -> None:
    """Until a signal handler sets `stop`.

    Looks every second: Python runs handlers in the main thread alone, and the kernel may give a signal to any other,
    as to one that starts a thread at that moment. Then nothing wakes the main thread.
    """
    while not stop.wait(LOOK_SECONDS):
        pass


def end(worker: dramatiq.Worker) -> None:
    """Stops within both times, though a thread may hang in a call, Redis be gone or a row be held; never returns."""
    from jobs.services import leases

    stopping = threading.Thread(target=worker.stop, args=(int(STOP_SECONDS * 900),), daemon=True)
    stopping.start()
    stopping.join(STOP_SECONDS)
    # A page's row may be held by a thread that hangs: then the clock takes back what is not handed over here.
    handing_over = threading.Thread(target=leases.stop_keeper, daemon=True)
    handing_over.start()
    handing_over.join(HAND_OVER_SECONDS)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
