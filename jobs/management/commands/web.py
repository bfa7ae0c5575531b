"""`manage.py web`: the web server alone, granian in front of Django."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from jobs.supervision import web_server


class Command(BaseCommand):
    help = "Serves the site's pages and its API."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default %(default)s)")
        parser.add_argument("--port", type=int, default=8000, help="port to listen on (default %(default)s)")
        parser.add_argument("--workers", type=int, default=1, help="worker processes (default %(default)s)")

        parser.add_argument(
            "--overlap",
            type=int,
            default=web_server.OVERLAP_SECONDS,
            help="seconds that the old process serves on beside the new one after SIGHUP (default %(default)s)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        Path(settings.FILE_UPLOAD_TEMP_DIR).mkdir(parents=True, exist_ok=True)
        command = web_server.command_line(
            options["host"],
            options["port"],
            options["workers"],
            settings.BASE_DIR,
            stop_seconds=web_server.GRACE_SECONDS,
            overlap_seconds=options["overlap"],
        )
        # granian takes this process's place: signals reach it, and Django is not loaded twice.
        os.execv(sys.executable, command)  # noqa: S606 - a command of our own making
