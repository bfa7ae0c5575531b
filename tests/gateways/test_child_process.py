from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from jobs.gateways import child_process, child_start, pdf_child
from jobs.gateways.limits import Limits
from tests import files
from tests.gateways import fake_child, fake_poppler

ROOT = Path(child_process.__file__).parents[2]
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")


def request(path: Path) -> dict[str, object]:
    return {
        "operation": "inspect",
        "path": str(path),
        "media_type": "application/pdf",
        "password": "",
        "max_pages": 10,
        "clear_copy": str(path) + ".clear",
    }


def is_alive(process_id: int) -> bool:
    """A zombie counts as alive: it is something left behind."""
    return Path("/proc", str(process_id)).exists()


def await_true(condition, seconds: float = 20) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return bool(condition())


@LINUX
def test_a_child_and_its_poppler_die_with_their_parent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started = tmp_path / "started"
    fake_poppler.replace(
        monkeypatch, tmp_path, f"echo $$ $PPID > {started}.new; mv {started}.new {started}; exec sleep 600", "pdfinfo"
    )
    path = files.numbered_pdf(tmp_path / "a.pdf")
    call = f"child_process.run({request(path)!r}, limits=Limits(), wall_seconds=600)"
    program = f"from jobs.gateways import child_process\nfrom jobs.gateways.limits import Limits\n{call}"
    parent = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT)
    assert await_true(started.exists)
    parent.kill()
    parent.wait()
    for process_id in map(int, started.read_text().split()):
        assert await_true(lambda process_id=process_id: not is_alive(process_id))


def test_limits_hold_for_the_child_and_for_what_it_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = tmp_path / "seen"
    fake_poppler.replace(
        monkeypatch, tmp_path, f'(ulimit -t; ulimit -v; ulimit -c) > {seen}; exec $REAL "$@"', "pdfinfo"
    )
    limits = Limits(memory_bytes=512 * 1024 * 1024, cpu_seconds=7)
    child_process.run(request(files.numbered_pdf(tmp_path / "a.pdf")), limits=limits, wall_seconds=30)
    assert seen.read_text().split() == ["7", str(512 * 1024), "0"]


def test_a_child_that_writes_nonsense_has_died(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_child.work(monkeypatch, tmp_path, "print('no answer at all', flush=True)\nos._exit(0)")
    with pytest.raises(child_process.ChildDied):
        child_process.run({}, limits=Limits(), wall_seconds=30)


def test_a_child_that_ends_without_a_word_has_died(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_child.work(monkeypatch, tmp_path, "os._exit(3)")
    with pytest.raises(child_process.ChildDied):
        child_process.run({}, limits=Limits(), wall_seconds=30)


def test_what_a_child_dies_of_is_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    fake_child.work(monkeypatch, tmp_path, "raise LookupError('this very page')")
    with pytest.raises(child_process.ChildDied):
        child_process.run({}, limits=Limits(), wall_seconds=30)
    assert "LookupError: this very page" in caplog.text


def test_a_child_that_does_not_listen_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pid_file = tmp_path / "pid"
    body = f"signal.signal(signal.SIGTERM, signal.SIG_IGN)\nPath({str(pid_file)!r}).write_text(str(os.getpid()))\n"
    fake_child.work(monkeypatch, tmp_path, f"{body}time.sleep(600)")
    with pytest.raises(child_process.ChildStopped):
        child_process.run({}, limits=Limits(), wall_seconds=3)
    assert not is_alive(int(pid_file.read_text()))


def test_a_long_request_arrives_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_child.work(monkeypatch, tmp_path, "return {'long': len(request['path'])}")
    answer = child_process.run({"path": "a" * 3_000_000}, limits=Limits(), wall_seconds=30)
    assert answer == {"long": 3_000_000}


def test_the_child_never_loads_django() -> None:
    program = (
        "import sys; from jobs.gateways import pdf_child, child_inspection, child_drawing, child_images;"
        "print([name for name in sys.modules if name.split('.')[0] in {'django', 'pikepdf', 'lxml'}])"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, check=True, timeout=60)
    assert done.stdout.strip() == b"[]"
    assert Path(pdf_child.__file__) == child_start.TEMPLATE
