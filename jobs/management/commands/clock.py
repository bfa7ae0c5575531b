"""`manage.py clock`: sees to what is due: health, lost leases, messages that went astray, retention."""

from __future__ import annotations

import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand

from jobs.supervision.site import WORKING


class Command(BaseCommand):
    help = "Does what is due, every few seconds. Several may run: one leads."

    def handle(self, *args: Any, **options: Any) -> None:
        from jobs import clock

        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        self.stdout.write(WORKING)
        self.stdout.flush()
        clock.run(stop)
