"""Children are forked by a template that has loaded everything, and outlive neither their request nor the site."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from jobs import errors
from jobs.gateways import child_process, child_start
from jobs.gateways.limits import Limits
from tests.gateways import fake_child, fake_poppler
from tests.gateways.test_child_process import LINUX, await_true, is_alive

NAMES_ITSELF = """return {
    'pid': os.getpid(), 'minder': os.getppid(), 'path': os.environ['PATH'], 'known': sorted(os.environ)
}"""


def ask() -> dict[str, object]:
    return child_process.run({}, limits=Limits(), wall_seconds=60)


@pytest.fixture
def named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each child answers with its process id and what it knows of its environment."""
    fake_child.work(monkeypatch, tmp_path, NAMES_ITSELF)


def test_each_request_has_a_process_of_its_own_and_none_is_left(named: None) -> None:
    answers = [ask() for _ in range(3)]
    pids = {int(str(answer[which])) for answer in answers for which in ("pid", "minder")}
    assert len(pids) == 6
    assert await_true(lambda: not any(is_alive(pid) for pid in pids))


def test_many_at_once_do_not_mix_their_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_child.work(monkeypatch, tmp_path, "return {'of': request['of']}")

    def asked(number: int) -> object:
        return child_process.run({"of": number}, limits=Limits(), wall_seconds=60)["of"]

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(asked, range(40))) == list(range(40))


def test_a_child_knows_of_its_environment_what_poppler_needs(
    named: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OCRSITE_SECRET_KEY", "nobody's business")
    ask()
    fakes = fake_poppler.replace(monkeypatch, tmp_path, "exit 1")  # as it is now, not as an earlier template has it
    answer = ask()
    assert str(answer["path"]).startswith(f"{fakes}:")
    assert answer["known"] == ["HOME", "LC_ALL", "PATH"]


def test_a_template_that_was_killed_is_started_anew(named: None) -> None:
    ask()
    template = child_start._current._get()
    template._process.kill()
    template._process.wait()
    assert ask()["pid"]
    assert child_start._current._get() is not template


@pytest.mark.parametrize("trouble", ["nowhere", "broken"])
def test_a_process_that_cannot_be_started_is_no_fault_of_the_file(
    trouble: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if trouble == "nowhere":
        monkeypatch.setattr(sys, "executable", str(tmp_path / "nowhere"))
    else:
        fake_child.replace(monkeypatch, tmp_path, "raise SystemExit(3)")
    with pytest.raises(errors.Unavailable):
        ask()


@LINUX
def test_a_child_goes_with_its_minder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = tmp_path / "names"
    body = f"Path({str(names)!r}).write_text(f'{{os.getpid()}} {{os.getppid()}}')\ntime.sleep(600)"
    fake_child.work(monkeypatch, tmp_path, body)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(ask)
        assert await_true(lambda: names.exists() and len(names.read_text().split()) == 2)
        child, minder = map(int, names.read_text().split())
        os.kill(minder, signal.SIGKILL)
        with pytest.raises(child_process.ChildDied):
            asked.result(60)
    assert await_true(lambda: not is_alive(child))


@LINUX
def test_the_template_ends_with_the_site(tmp_path: Path) -> None:
    program = (
        "import time\n"
        "from jobs.gateways import child_start\n"
        "print(child_start._current._get()._process.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    site = subprocess.Popen([sys.executable, "-c", program], cwd=fake_child.ROOT, stdout=subprocess.PIPE)
    assert site.stdout is not None
    with site.stdout:
        template = int(site.stdout.readline())
    assert is_alive(template)
    site.kill()
    site.wait()
    assert await_true(lambda: not is_alive(template))


@LINUX
def test_nothing_but_the_way_to_the_template_stays_open(named: None) -> None:
    def ours() -> list[str]:
        return [str(entry.readlink()) for entry in Path("/proc/self/fd").iterdir() if entry.is_symlink()]

    ask()
    before = len(ours())
    ask()
    assert len(ours()) == before
