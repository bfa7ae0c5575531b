"""`manage.py web`: the web server alone, granian in front of Django."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

# Requests at work at once. A slow upload holds a thread for its time, so there are more than cores; each may hold
# a database connection, so there are not many more.
THREADS_PER_WORKER = 16
STOP_SECONDS = 5


class Command(BaseCommand):
    help = "Serves the site's pages and its API."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default %(default)s)")
        parser.add_argument("--port", type=int, default=8000, help="port to listen on (default %(default)s)")
        parser.add_argument("--workers", type=int, default=1, help="worker processes (default %(default)s)")

    def handle(self, *args: Any, **options: Any) -> None:
        Path(settings.FILE_UPLOAD_TEMP_DIR).mkdir(parents=True, exist_ok=True)
        command = granian(options["host"], options["port"], options["workers"], settings.BASE_DIR)
        # granian takes this process's place: signals reach it, and Django is not loaded twice.
        os.execv(sys.executable, command)  # noqa: S606 - a command of our own making


def granian(host: str, port: int, workers: int, project: Path) -> list[str]:
    """The command line. Only errors are logged: granian warns of every thread beyond two a core."""
    options = {
        "interface": "wsgi",
        "host": host,
        "port": port,
        "workers": workers,
        "blocking-threads": THREADS_PER_WORKER,
        "workers-kill-timeout": STOP_SECONDS,
        "http": "1",
        "log-level": "error",
        "working-dir": project,
    }
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    return [sys.executable, "-m", "granian", *words, "--no-ws", "--respawn-failed-workers", "ocrsite.wsgi:application"]
