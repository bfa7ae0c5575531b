"""Fixtures that start a real Redis for a test process. Imported by conftest.py.

A tool that is missing skips the test, on a developer's machine; with CI=true it fails.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from jobs.supervision.private_redis import arguments
from tests.supervision.running import await_true

END_SECONDS = 20.0


def need(program: str) -> None:
    """Skips the test where a program is missing; fails it on a build server."""
    if shutil.which(program) is None:
        missing = f"{program} is not installed"
        pytest.fail(missing) if os.environ.get("CI") == "true" else pytest.skip(missing)


class PrivateRedis:
    """A Redis of the test's own on a unix socket, with its append-only file, as a site has it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.socket = folder / "redis.sock"
        self.url = f"unix://{self.socket}"
        self._process: subprocess.Popen[bytes] | None = None

    def client(self) -> redis.Redis:
        return redis.Redis(unix_socket_path=str(self.socket))

    def start(self) -> None:
        """Returns once it answers."""
        with (self.folder / "redis.log").open("ab") as log:
            command = arguments(self.socket, self.folder)
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        await_true(self.answers, "Redis answers")

    def answers(self) -> bool:
        try:
            return bool(self.client().ping())
        except redis.RedisError:
            return False

    def kill(self) -> None:
        """As kill -9 does: no last word, no last write."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(END_SECONDS)
            self._process = None

    def flush(self) -> None:
        self.client().flushall()


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A folder with a path short enough for a unix socket, which pytest's own is not always."""
    with tempfile.TemporaryDirectory(prefix="ocr-") as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def redis_of_this_process() -> Iterator[PrivateRedis]:
    need("redis-server")
    with tempfile.TemporaryDirectory(prefix="ocr-redis-") as folder:
        server = PrivateRedis(Path(folder))
        server.start()
        yield server
        server.kill()


@pytest.fixture
def private_redis(redis_of_this_process: PrivateRedis) -> PrivateRedis:
    """An empty, running Redis; one a test process, started again where a test killed it."""
    if not redis_of_this_process.answers():
        redis_of_this_process.kill()
        redis_of_this_process.start()
    redis_of_this_process.flush()
    return redis_of_this_process
