"""Which processes make up a site, and in which order they start and stop."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from jobs.supervision import private_redis, web_readiness, web_server
from jobs.supervision.children import Command

LOOPBACK = "127.0.0.1"
WORKING = "Working."  # the worker and the clock print this line once they do


@dataclass(frozen=True)
class Site:
    """`redis_socket` None: Redis is somebody else's. `cpu_backend_port` None: no built-in CPU backend."""

    project: Path
    data_dir: Path
    host: str
    port: int
    redis_url: str
    redis_socket: Path | None
    cpu_backend_port: int | None
    readiness_headers: Mapping[str, str]

    @property
    def address(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}/"


def stages(site: Site) -> list[list[Command]]:
    """Redis first, so that it is there for all others until they have ended."""
    return [redis(site), [web(site), part(site, "worker"), part(site, "clock"), *cpu_backend(site)]]


def redis(site: Site) -> list[Command]:
    if site.redis_socket is None:
        return []
    start = private_redis.arguments(site.redis_socket, site.data_dir / "redis")
    # Redis warns at each start of kernel settings that a queue of this size does without.
    return [Command("redis", start, is_ready=private_redis.answers(site.redis_socket), shows_warnings=False)]


def web(site: Site) -> Command:
    asked = web_readiness.where_to_ask(site.host)
    return Command(
        "web",
        web_server.command_line(site.host, site.port, 1, site.project),
        environment(site),
        is_ready=web_readiness.answers_200(asked, site.port, "/readyz", site.readiness_headers),
    )


def part(site: Site, name: str) -> Command:
    return Command(name, manage(site, name), environment(site), ready_line=WORKING)


def cpu_backend(site: Site) -> list[Command]:
    if site.cpu_backend_port is None:
        return []
    port = site.cpu_backend_port
    start = (sys.executable, "-P", "-m", "jobs.cpu_backend", "--host", LOOPBACK, "--port", str(port))
    return [
        Command(
            "cpu-backend",
            start,
            {**environment(site), "PYTHONPATH": str(site.project)},
            is_ready=web_readiness.answers_200(LOOPBACK, port, "/v1/models"),
        )
    ]


def manage(site: Site, *arguments: str) -> tuple[str, ...]:
    """One of our commands. Its checks are skipped: `up` has just made them."""
    return (sys.executable, str(site.project / "manage.py"), *arguments, "--skip-checks")


def environment(site: Site) -> dict[str, str]:
    return {"OCRSITE_DATA_DIR": str(site.data_dir), "REDIS_URL": site.redis_url, "PYTHONUNBUFFERED": "1"}
