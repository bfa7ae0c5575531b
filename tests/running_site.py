"""A site of real child processes beside a test: private Redis, workers, clock; on the test's own database.

For what only real processes show: kill -9, a broker that forgets, workers side by side. Durations are shortened by
settings, so that minutes become moments.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote, urlsplit, urlunsplit

import dramatiq
import redis
import requests
from django.conf import settings
from django.db import connection

from jobs.broker import build_broker

ROOT = Path(__file__).resolve().parent.parent
UNCHECKED = "--skip-checks"  # as the supervisor starts them: checks load every screen, which takes a second
PATIENCE_SECONDS = 180.0  # a deadline to await, never a time to assert
QUICK = {
    "OCRSITE_LEASE_SECONDS": "3",
    "OCRSITE_LEASE_RENEW_SECONDS": "0.5",
    "OCRSITE_RESEND_SECONDS": "1",
    "OCRSITE_CLOCK_SECONDS": "0.3",
    "OCRSITE_PROBE_SECONDS": "0.5",
    "OCRSITE_CALL_SECONDS": "30",
    "OCRSITE_KEEP_FREE_MB": "0",  # how full the machine's disk is must not decide a test
}


def until(condition: Callable[[], object], what: str, *, seconds: float = PATIENCE_SECONDS) -> None:
    """Wait until a condition holds. Raises AssertionError naming it when it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:.0f} s in vain until {what}")
        time.sleep(0.05)


def test_database_url() -> str:
    """The address of the database this test runs on, for child processes. Refused to a test that uses none."""
    connection.ensure_connection()
    if connection.vendor == "sqlite":
        return f"sqlite:///{connection.settings_dict['NAME']}"
    parts = urlsplit(os.environ["DATABASE_URL"])
    return urlunsplit(parts._replace(path="/" + quote(str(connection.settings_dict["NAME"]))))


def collect_static() -> None:
    """The static files into the data directory, where they are not yet: a site serves them from there."""
    into = Path(settings.DATA_DIR) / "static"
    if not (into / "staticfiles.json").exists():
        shutil.copytree(_static_files(), into, dirs_exist_ok=True)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=2).ok
    except requests.RequestException:
        return False


@cache
def _static_files() -> Path:
    """Collected once for all sites of this process: it takes seconds, and they are the same."""
    apart = Path(os.environ["OCRSITE_DATA_DIR"]) / "collected"
    subprocess.run(
        [sys.executable, "manage.py", "collectstatic", "--noinput", "-v0"],
        cwd=ROOT, env={**os.environ, "OCRSITE_DATA_DIR": str(apart)}, check=True, timeout=PATIENCE_SECONDS,
    )  # fmt: skip
    return apart / "static"


class RunningSite:
    """Redis, workers and a clock. `start()` what is needed; `stop()` ends everything that still runs."""

    def __init__(self, **environment: str) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="site-")
        self._socket = Path(self._folder.name) / "redis.sock"
        self._environment = environment
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self.redis_url = f"unix://{self._socket}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def environment(self) -> Mapping[str, str]:
        return {
            **os.environ,
            **QUICK,
            "DATABASE_URL": test_database_url(),
            "REDIS_URL": self.redis_url,
            "OCRSITE_DATA_DIR": str(settings.DATA_DIR),
            "OCRSITE_SECRET_KEY": settings.SECRET_KEY,
            "OCRSITE_WORKER_THREADS": "16",
            **self._environment,
        }

    def start_redis(self) -> None:
        options = [
            "--port",
            "0",
            "--unixsocket",
            str(self._socket),
            "--dir",
            self._folder.name,
            "--save",
            "",
            "--appendonly",
            "no",
        ]
        self._start("redis", ["redis-server", *options])
        until(self.redis_answers, "Redis answers")

    def redis_answers(self) -> bool:
        """False while it is killed or paused, too."""
        try:
            return bool(redis.Redis(unix_socket_path=str(self._socket), socket_timeout=2).ping())
        except redis.RedisError:
            return False

    def redis(self) -> redis.Redis:
        return redis.Redis(unix_socket_path=str(self._socket))

    def start_worker(self, name: str = "worker") -> None:
        self._start(name, [sys.executable, "manage.py", "worker", UNCHECKED])

    def start_clock(self, name: str = "clock") -> None:
        self._start(name, [sys.executable, "manage.py", "clock", UNCHECKED])

    def start_web(self, *options: str) -> str:
        """The web server with its static files; its address, once it answers. `options`: of `manage.py web`."""
        collect_static()
        address = f"http://127.0.0.1:{_free_port()}"
        self._start("web", [sys.executable, "manage.py", "web", "--port", address.rpartition(":")[2], *options])
        self.until(lambda: _answers(f"{address}/healthz"), "the web server answers")
        return address

    def start_cpu_backend(self) -> str:
        """The built-in CPU backend; its address, once it answers."""
        address = f"http://127.0.0.1:{_free_port()}"
        self._start("cpu", [sys.executable, "-m", "jobs.cpu_backend", "--port", address.rpartition(":")[2]])
        self.until(lambda: _answers(f"{address}/health"), "the CPU backend answers")
        return address

    def start(self) -> Self:
        self.start_redis()
        self.start_worker()
        self.start_clock()
        return self

    def _start(self, name: str, command: list[str]) -> None:
        log = (Path(self._folder.name) / f"{name}.log").open("ab")
        self._children[name] = subprocess.Popen(
            command, cwd=ROOT, env=self.environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
        log.close()

    @property
    def children(self) -> dict[str, int]:
        """Process ids by name."""
        return {name: child.pid for name, child in self._children.items()}

    def signal(self, name: str, number: signal.Signals) -> None:
        self._children[name].send_signal(number)

    def pid(self, name: str) -> int:
        return self._children[name].pid

    def kill(self, name: str) -> None:
        """kill -9 of the part and of what it started, and wait until it is gone."""
        child = self._children.pop(name)
        os.killpg(child.pid, signal.SIGKILL)
        child.wait(timeout=60)

    def end(self, name: str) -> int:
        """SIGTERM, and the exit code."""
        child = self._children.pop(name)
        child.terminate()
        return child.wait(timeout=60)

    def log(self, name: str) -> str:
        return (Path(self._folder.name) / f"{name}.log").read_text(encoding="utf-8", errors="replace")

    def send(self, actor: Any, *args: Any) -> None:
        """Send a message as the web server would."""
        self.enqueue(actor.message(*args))

    def enqueue(self, message: dramatiq.Message[Any]) -> None:
        broker = build_broker(self.redis_url)
        broker.declare_queue(message.queue_name)
        broker.enqueue(message)
        broker.close()

    def until(self, condition: Callable[[], object], what: str) -> None:
        """Like `until`; what the children said last is in the failure."""
        try:
            until(condition, what)
        except AssertionError as error:
            said = "\n".join(f"--- {name}\n{self.log(name)[-3000:]}" for name in self._children)
            raise AssertionError(f"{error}\n{said}") from None

    def stop(self) -> None:
        for child in self._children.values():
            child.send_signal(signal.SIGCONT)
            child.kill()
        for child in self._children.values():
            child.wait(timeout=60)
        self._children.clear()
        self._folder.cleanup()
