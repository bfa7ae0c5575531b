"""A child that has started waits for the next request."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from jobs.gateways import child_process, child_start
from jobs.gateways.limits import Limits
from tests.gateways import fake_poppler
from tests.gateways.test_child_process import LINUX, ROOT, await_true, is_alive


@pytest.fixture
def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where each child names itself as it starts; it answers any request with its process id and its path."""
    names = tmp_path / "started"
    names.mkdir()
    child = tmp_path / "child.py"
    child.write_text(
        "import json, os, pathlib, sys\n"
        f"pathlib.Path({str(names)!r}, str(os.getpid())).touch()\n"
        "if sys.stdin.read(): json.dump({'pid': os.getpid(), 'path': os.environ['PATH']}, sys.stdout)\n",
        encoding="utf-8",
    )
    monkeypatch.setattr(child_start, "CHILD", child)
    return names


def ask() -> dict[str, object]:
    return child_process.run({}, limits=Limits(), wall_seconds=30)


def waiting(started: Path, served: set[object]) -> int:
    """The child that has started and was not asked yet."""

    def others() -> list[int]:
        return [int(name.name) for name in started.iterdir() if int(name.name) not in served]

    assert await_true(others)
    return others()[-1]


def test_the_next_request_goes_to_a_child_that_has_started_before(started: Path) -> None:
    first = ask()["pid"]
    spare = waiting(started, {first})
    assert ask()["pid"] == spare != first


def test_each_child_serves_one_request(started: Path) -> None:
    served = [ask()["pid"] for _ in range(4)]
    assert len(set(served)) == 4
    assert not any(is_alive(int(str(pid))) for pid in served)


def test_a_waiting_child_that_has_died_is_replaced(started: Path) -> None:
    first = ask()["pid"]
    spare = waiting(started, {first})
    os.kill(spare, signal.SIGKILL)
    os.waitid(os.P_PID, spare, os.WEXITED | os.WNOWAIT)
    assert ask()["pid"] not in (first, spare)


def test_a_waiting_child_of_another_environment_is_not_asked(
    started: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = ask()["pid"]
    spare = waiting(started, {first})
    fakes = fake_poppler.replace(monkeypatch, tmp_path, "exit 1")
    answer = ask()
    assert answer["pid"] != spare
    assert str(answer["path"]).startswith(f"{fakes}:")
    assert not is_alive(spare)


@LINUX
def test_a_waiting_child_ends_with_its_parent(started: Path) -> None:
    program = (
        "import json, pathlib, sys, time\n"
        "from jobs.gateways import child_process, child_start\nfrom jobs.gateways.limits import Limits\n"
        f"child_start.CHILD = pathlib.Path({str(child_start.CHILD)!r})\n"
        "print(json.dumps(child_process.run({}, limits=Limits(), wall_seconds=30)), flush=True)\n"
        "time.sleep(600)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE)
    assert parent.stdout is not None
    served = json.loads(parent.stdout.readline())["pid"]
    spare = waiting(started, {served})
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert await_true(lambda: not is_alive(spare))
