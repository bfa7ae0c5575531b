"""`manage.py web` by itself, as on a machine of its own."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from jobs.supervision import preflight, processes
from tests.supervision.running import PROJECT, Running, await_true

pytestmark = pytest.mark.slow


class Web:
    """A web server in a folder of its own, where another project's packages lie about under our names."""

    def __init__(self, folder: Path) -> None:
        for name in ("jobs", "ocrsite"):
            (folder / name).mkdir()
            (folder / name / "__init__.py").write_text("raise ImportError('another project')")
        self.marker = f"OCRSITE_TEST={folder}"
        self.port = preflight.free_port("127.0.0.1", 0)
        start = [sys.executable, str(PROJECT / "manage.py"), "web", "--port", str(self.port)]
        self.main = Running(start, {"OCRSITE_DATA_DIR": str(folder / "var"), "OCRSITE_TEST": str(folder)}, cwd=folder)
        await_true(self.answers, "the web server answers")

    def answers(self) -> bool:
        try:
            return requests.get(f"http://127.0.0.1:{self.port}/healthz", timeout=5).status_code == 200
        except requests.RequestException:
            return False

    def workers(self) -> set[int]:
        return set(processes.carriers(self.marker)) - {self.main.process.pid}


@pytest.fixture
def web(short_folder: Path) -> Iterator[Web]:
    web = Web(short_folder)
    yield web
    web.main.process.kill()
    web.main.process.wait()
    assert processes.kill_carriers(web.marker, 20.0)


def test_it_serves_wherever_it_is_started_and_ends_in_good_order(web: Web) -> None:
    assert web.main.end(signal.SIGTERM, 10.0) == 0
    assert not web.workers()


def test_a_killed_main_process_takes_its_worker_along(web: Web) -> None:
    assert web.workers()
    web.main.end(signal.SIGKILL)
    await_true(lambda: not web.workers(), "the worker has ended", 20.0)


def test_a_killed_worker_is_replaced(web: Web) -> None:
    [worker] = web.workers()
    processes.signal_process(worker, signal.SIGKILL)
    await_true(lambda: web.workers() - {worker}, "there is another worker", 20.0)
    await_true(web.answers, "the web server answers again")
