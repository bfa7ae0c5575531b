"""`manage.py up`: the whole site on one machine, in the foreground. bin/up ends here."""

from __future__ import annotations

import asyncio
import os
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from jobs.management import first_run
from jobs.supervision import places, preflight, private_redis, processes, web_readiness
from jobs.supervision.errors import CannotStart
from jobs.supervision.site import LOOPBACK, Site, stages
from jobs.supervision.supervisor import Supervisor
from jobs.supervision.terminal import say

LEFT_OVER_SECONDS = 5.0


class Command(BaseCommand):
    help = "Runs the whole site: its Redis, web server, worker, clock and CPU backend."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default=LOOPBACK, help="address to listen on (default %(default)s)")
        parser.add_argument(
            "--port", type=int, default=8000, help="port to listen on, 0 for a free one (default %(default)s)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            code = up(options["host"], options["port"])
        except CannotStart as error:
            self.stderr.write(str(error))
            code = 2
        except KeyboardInterrupt:
            self.stderr.write("Stopped before the site was ready.")
            code = 130
        sys.exit(code)


def up(host: str, port: int) -> int:
    """Runs the site until it is told to stop; returns the exit code. Raises CannotStart."""
    data_dir = settings.DATA_DIR
    preflight.make_data_dir(data_dir)
    with preflight.only_one(data_dir):
        # Of a site whose supervisor was killed together with its warden.
        processes.kill_carriers(places.marker(data_dir), LEFT_OVER_SECONDS)
        preflight.clear_uploads(data_dir)
        site = plan(host, preflight.free_port(host, port))
        say("Starting ...")
        first_run.prepare(say, cpu_backend_address(site))
        supervisor = Supervisor(
            stages(site),
            marker=places.marker(data_dir),
            log_dir=places.log_dir(data_dir),
            say=say,
            on_ready=lambda: say(f"Ready: {site.address}"),
        )
        return asyncio.run(supervisor.run())


def plan(host: str, port: int) -> Site:
    data_dir = settings.DATA_DIR
    cpu_port = None
    if settings.CPU_BACKEND:
        cpu_port = preflight.first_free_port(LOOPBACK, places.cpu_backend_port(data_dir))
    return Site(
        project=settings.BASE_DIR,
        data_dir=data_dir,
        host=host,
        port=port,
        cpu_backend_port=cpu_port,
        readiness_headers=readiness_headers(host),
        **redis_of(data_dir),
    )


def redis_of(data_dir: Path) -> dict[str, Any]:
    """Where Redis is, and whether we run it."""
    private = places.redis_url(data_dir)
    if settings.REDIS_URL not in {"", private}:
        return {"redis_url": settings.REDIS_URL, "redis_socket": None}
    socket = places.redis_socket(data_dir)
    private_redis.make_places(socket, data_dir / "redis", os.getuid())
    return {"redis_url": private, "redis_socket": socket}


def readiness_headers(host: str) -> dict[str, str]:
    """A Host that Django accepts, and the word of a proxy where plain requests would be sent on to https."""
    headers = {"Host": web_readiness.accepted_host(settings.ALLOWED_HOSTS, host)}
    return headers | ({"X-Forwarded-Proto": "https"} if settings.SECURE_SSL_REDIRECT else {})


def cpu_backend_address(site: Site) -> str | None:
    return f"http://{LOOPBACK}:{site.cpu_backend_port}" if site.cpu_backend_port else None
