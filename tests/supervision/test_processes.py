"""Finding and ending processes."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator

import pytest

from jobs.supervision import processes, warden

SLEEP = [sys.executable, "-S", "-c", "import time; print('up', flush=True); time.sleep(1000)"]


@pytest.fixture
def marker() -> Iterator[str]:
    marker = f"OCRSITE_TEST={uuid.uuid4()}"
    yield marker
    processes.kill_carriers(marker, 10.0)


def sleeper(marker: str) -> subprocess.Popen[bytes]:
    name, value = marker.split("=")
    process = subprocess.Popen(SLEEP, stdout=subprocess.PIPE, env={**os.environ, name: value}, start_new_session=True)
    assert process.stdout is not None and process.stdout.readline() == b"up\n"
    return process


def test_whoever_carries_the_marker_is_found_and_nobody_else(marker: str) -> None:
    with sleeper(marker) as one, sleeper(marker + "0") as other:
        assert list(processes.carriers(marker)) == [one.pid]
        one.kill()
        other.kill()


def test_all_who_carry_the_marker_are_killed(marker: str) -> None:
    with sleeper(marker) as one, sleeper(marker) as two:
        assert processes.kill_carriers(marker, 10.0)
        assert (one.wait(10), two.wait(10)) == (-9, -9)


def test_killing_nobody_is_harmless(marker: str) -> None:
    assert processes.kill_carriers(marker, 0.0)


def test_a_process_that_is_gone_is_not_waited_for() -> None:
    process = subprocess.Popen([sys.executable, "-S", "-c", ""])
    process.wait()
    assert processes.wait_for_end(process.pid, 10.0)
    processes.kill_group(process.pid)


def test_the_warden_keeps_account_of_who_is_left() -> None:
    assert warden.groups_left(["+1\n", "+2\n", "-1\n", "+3\n", "-9\n"]) == {2, 3}
