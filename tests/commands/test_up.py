"""`manage.py up`, the whole of it: real processes, a real Redis, a database of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
import requests

from jobs.supervision import places, processes
from tests.services_fixtures import need
from tests.supervision.running import PROJECT, Running, await_true

pytestmark = [pytest.mark.both_databases, pytest.mark.redis, pytest.mark.slow]

STOP_SECONDS = 60.0  # a deadline to await: about 6 s where nothing else runs
START_SECONDS = 120.0
PARTS = {
    "redis": "redis-server",
    "web": "granian",
    "worker": "worker",
    "clock": "clock",
    "cpu-backend": "jobs.cpu_backend",
}
ADDRESS = "http://127.0.0.1:"


class UpSite:
    """A site in a folder of its own. `begin` starts it; `end` asserts nothing, and leaves nobody."""

    def __init__(self, data_dir: Path, database_url: str) -> None:
        self.data_dir = data_dir
        self.marker = places.marker(data_dir)
        self.environment = {
            "OCRSITE_DATA_DIR": str(data_dir),
            "DATABASE_URL": database_url,
            "OCRSITE_ADMIN_PASSWORD": "",
        }
        self.up: Running | None = None
        self.address = ""

    def command(self, *arguments: str, **environment: str) -> Running:
        start = [sys.executable, str(PROJECT / "manage.py"), "up", *arguments]
        return Running(start, {**self.environment, **environment})

    def refused(self, *arguments: str, **environment: str) -> str:
        """The sentence with which a start is refused, with exit code 2."""
        command = self.command(*arguments, **environment)
        assert command.process.wait(START_SECONDS) == 2
        *before, sentence = command.rest()
        assert before in ([], ["Starting ..."])
        return sentence

    def begin(self, *arguments: str, **environment: str) -> Running:
        self.up = self.command("--port", "0", *arguments, **environment)
        self.address = self.up.wait_for("Ready: ", START_SECONDS).removeprefix("Ready: ")
        return self.up

    def stop(self, number: signal.Signals = signal.SIGTERM) -> list[str]:
        """Stops within what is promised and returns what was printed."""
        assert self.up is not None
        assert self.up.end(number, STOP_SECONDS) == 0
        return self.up.rest()

    def running(self) -> dict[str, list[int]]:
        """Ids of the parts' processes."""
        found: dict[str, list[int]] = {}
        for process_id in processes.carriers(self.marker):
            try:
                words = Path(f"/proc/{process_id}/cmdline").read_text().replace("\0", " ")
            except OSError:
                continue  # it ended since it was listed
            for name, sign in PARTS.items():
                if f"{sign} " in words:
                    found.setdefault(name, []).append(process_id)
        return found

    def is_ready(self) -> bool:
        try:
            return requests.get(f"{self.address}readyz", timeout=5).status_code == 200
        except requests.RequestException:
            return False

    def clean_up(self) -> None:
        if self.up is not None:
            self.up.process.kill()
            self.up.process.wait()
        assert processes.kill_carriers(self.marker, 20.0)


@pytest.fixture
def database_url(short_folder: Path) -> Iterator[str]:
    """A database of its own, of the kind that this run of the tests is on."""
    server = os.environ["DATABASE_URL"]
    if urlsplit(server).scheme != "postgres":
        yield f"sqlite:///{short_folder}/db.sqlite3"
        return
    name = f"up_{uuid.uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
        yield urlsplit(server)._replace(path=f"/{name}").geturl()
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def site(short_folder: Path, database_url: str) -> Iterator[UpSite]:
    need("redis-server")
    need("tesseract")
    site = UpSite(short_folder / "var", database_url)
    yield site
    site.clean_up()


def test_it_starts_tells_the_password_once_and_stops_leaving_nobody(site: UpSite) -> None:
    up = site.begin()
    assert [line for line in up.lines if "Sign in as admin with the password " in line]
    assert set(site.running()) == set(PARTS)
    assert requests.get(site.address, timeout=10).status_code == 200
    site.stop(signal.SIGINT)
    assert not site.running()

    up = site.begin()
    assert not [line for line in up.lines if "password" in line or "Preparing" in line]
    site.stop()
    assert not site.running()


def test_whatever_part_is_killed_comes_back(site: UpSite) -> None:
    up = site.begin()
    for name, [first, *_] in sorted(site.running().items()):
        processes.signal_process(first, signal.SIGKILL)
        if name != "web":
            up.wait_for(f"{name} ended (signal 9)")
        await_true(lambda name=name, gone=first: set(site.running().get(name, [gone])) - {gone}, f"{name} is back", 60)
        await_true(site.is_ready, f"the site is ready after {name} died")
    site.stop()


def test_kill_9_leaves_nobody_and_the_next_start_is_none_the_worse(site: UpSite) -> None:
    up = site.begin()
    up.end(signal.SIGKILL)
    await_true(lambda: not site.running(), "nobody is left", 20)
    site.begin()
    site.stop()


def test_a_second_one_on_the_same_data_is_refused_and_one_beside_it_runs(site: UpSite, short_folder: Path) -> None:
    site.begin()
    assert "is running on" in site.refused("--port", "0")
    other = UpSite(short_folder / "other", f"sqlite:///{short_folder}/other.sqlite3")
    try:
        other.begin()
        assert site.is_ready()
        assert other.is_ready()
        other.stop()
        assert site.is_ready()
    finally:
        other.clean_up()


def test_a_taken_port_is_refused_in_one_sentence(site: UpSite) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert site.refused("--port", str(port)).startswith(f"Port {port} on 127.0.0.1 is taken by another program")


def test_a_data_directory_that_cannot_be_written_is_refused_in_one_sentence(site: UpSite, short_folder: Path) -> None:
    file = short_folder / "file"
    file.touch()
    assert str(file) in site.refused("--port", "0", OCRSITE_DATA_DIR=str(file / "var"))


def test_a_database_that_is_not_there_is_refused_in_one_sentence(site: UpSite) -> None:
    sentence = site.refused("--port", "0", DATABASE_URL="postgres://nobody@127.0.0.1:1/none")
    assert sentence.startswith("The database does not work (")


def test_a_redis_of_somebody_else_is_used_and_the_cpu_backend_may_be_off(site: UpSite, private_redis) -> None:
    site.begin(REDIS_URL=private_redis.url, OCRSITE_CPU_BACKEND="off", OCRSITE_ADMIN_PASSWORD="correct horse battery")
    assert set(site.running()) == {"web", "worker", "clock"}
    assert not [line for line in site.stop() if "correct horse" in line]
    assert private_redis.answers()


def test_a_data_directory_with_a_long_name_works(short_folder: Path, database_url: str) -> None:
    site = UpSite(short_folder / ("a long name, with spaces " * 4), database_url)
    try:
        site.begin()
        found = subprocess.run(
            [sys.executable, str(PROJECT / "manage.py"), "status"],
            env={**os.environ, **site.environment, "REDIS_URL": places.redis_url(site.data_dir)},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert found.returncode == 0, found.stderr
        site.stop()
    finally:
        site.clean_up()
