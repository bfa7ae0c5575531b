"""The supervisor with real children: obedient, stubborn, dying, forking, escaping."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jobs.supervision import processes
from tests.supervision.running import Running, await_true

STOP_SECONDS = 10.0  # what bin/up promises

OBEDIENT = """
note("leader"); print("at work", flush=True)
time.sleep(1000)
"""
STUBBORN = """
signal.signal(signal.SIGTERM, signal.SIG_IGN); note("leader"); print("at work", flush=True)
while True: time.sleep(1000)
"""
FORKING = """
if os.fork() == 0:
    signal.signal(signal.SIGTERM, signal.SIG_IGN); note("grandchild"); time.sleep(1000)
while not pathlib.Path(sys.argv[1] + ".grandchild").exists(): time.sleep(0.01)
note("leader"); print("at work", flush=True)
time.sleep(1000)
"""
ESCAPING = FORKING.replace("signal.signal", "os.setsid(); signal.signal", 1)
DYING = 'print("it was the butler", flush=True); sys.exit(7)'
PRELUDE = """
import os, pathlib, signal, sys, time
def note(who):
    draft = pathlib.Path(sys.argv[1] + "." + who + ".draft")
    draft.write_text(str(os.getpid())); draft.replace(sys.argv[1] + "." + who)
"""


class Scene:
    """Children of given scripts, a supervisor over them, and the process ids that they noted down."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.marker = f"OCRSITE_TEST={folder}"
        self.supervisor: Running | None = None

    def child(self, name: str, script: str) -> dict[str, Any]:
        file = self.folder / f"{name}.py"
        file.write_text(PRELUDE + script)
        arguments = (sys.executable, "-S", str(file), str(self.folder / name))
        return {"name": name, "arguments": arguments, "ready_line": "at work"}

    def run(self, *stages: list[dict[str, Any]], restart: dict[str, Any] | None = None, **timing: float) -> Running:
        told = {"marker": self.marker, "log_dir": str(self.folder), "stages": stages}
        file = self.folder / "told.json"
        file.write_text(json.dumps({**told, "timing": {"stop_seconds": 1.0, **timing}, "restart": restart or {}}))
        self.supervisor = Running([sys.executable, "-m", "tests.supervision.staged", str(file)])
        return self.supervisor

    def process_id(self, name: str, who: str = "leader") -> int:
        return int((self.folder / f"{name}.{who}").read_text())

    def ends(self, name: str, who: str = "leader", seconds: float = 10.0) -> bool:
        return processes.wait_for_end(self.process_id(name, who), seconds)

    def runs(self, name: str, who: str = "leader") -> bool:
        return not processes.wait_for_end(self.process_id(name, who), 0.0)

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()

    def clean_up(self) -> None:
        if self.supervisor is not None:
            self.supervisor.process.kill()
            self.supervisor.process.wait()
        assert processes.kill_carriers(self.marker, 10.0)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    scene = Scene(tmp_path)
    yield scene
    scene.clean_up()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_every_child_and_the_exit_code_is_0(scene: Scene, number: signal.Signals) -> None:
    supervisor = scene.run(
        [scene.child("one", OBEDIENT)], [scene.child("two", OBEDIENT), scene.child("three", OBEDIENT)]
    )
    supervisor.wait_for("Everything runs.")
    assert supervisor.end(number, STOP_SECONDS) == 0
    assert [scene.runs(name) for name in ("one", "two", "three")] == [False, False, False]


def test_children_that_ignore_the_request_are_ended_within_the_ten_seconds(scene: Scene) -> None:
    supervisor = scene.run([scene.child("one", STUBBORN)], [scene.child("two", STUBBORN)], stop_seconds=7.0)
    supervisor.wait_for("Everything runs.")
    assert supervisor.end(signal.SIGTERM, STOP_SECONDS) == 0
    assert not scene.runs("one")
    assert not scene.runs("two")


def test_a_stage_starts_only_when_the_one_before_works(scene: Scene) -> None:
    gate = scene.folder / "gate"
    waiting = f'note("leader")\nwhile not pathlib.Path({str(gate)!r}).exists(): time.sleep(0.01)\n' + OBEDIENT
    supervisor = scene.run([scene.child("first", waiting)], [scene.child("second", OBEDIENT)], patience_seconds=0.3)
    assert "first" in supervisor.wait_for("Still waiting for")
    assert not (scene.folder / "second.leader").exists()
    gate.touch()
    supervisor.wait_for("Everything runs.")
    assert scene.runs("second")


def test_the_first_stage_is_still_there_while_the_second_stops(scene: Scene) -> None:
    script = """
    def bye(*_):
        os.kill(int(pathlib.Path(sys.argv[1]).with_name("first.leader").read_text()), 0)
        print("the first still lives", flush=True); os._exit(0)
    signal.signal(signal.SIGTERM, bye)
    """
    second = "\n".join(line.removeprefix("    ") for line in script.splitlines()) + OBEDIENT
    supervisor = scene.run([scene.child("first", OBEDIENT)], [scene.child("second", second)])
    supervisor.wait_for("Everything runs.")
    supervisor.end(signal.SIGTERM, STOP_SECONDS)
    assert "the first still lives" in scene.log("second")


@pytest.mark.parametrize("script", [FORKING, ESCAPING], ids=["in its group", "in a session of its own"])
def test_grandchildren_are_ended_at_the_stop(scene: Scene, script: str) -> None:
    supervisor = scene.run([scene.child("parent", script)])
    supervisor.wait_for("Everything runs.")
    supervisor.end(signal.SIGTERM, STOP_SECONDS)
    assert not scene.runs("parent", "grandchild")


@pytest.mark.parametrize("script", [FORKING, ESCAPING], ids=["in its group", "in a session of its own"])
def test_grandchildren_of_a_dead_child_are_ended_before_it_starts_again(scene: Scene, script: str) -> None:
    supervisor = scene.run([scene.child("parent", script)])
    supervisor.wait_for("Everything runs.")
    orphan = scene.process_id("parent", "grandchild")
    signal_child(scene, "parent")
    supervisor.wait_for("started again")
    assert processes.wait_for_end(orphan, 10.0)


def signal_child(scene: Scene, name: str) -> None:
    processes.signal_process(scene.process_id(name), signal.SIGKILL)


def test_a_killed_supervisor_leaves_nobody(scene: Scene) -> None:
    scene.run([scene.child("one", STUBBORN)], [scene.child("two", FORKING), scene.child("three", ESCAPING)])
    assert scene.supervisor is not None
    scene.supervisor.wait_for("Everything runs.")
    scene.supervisor.end(signal.SIGKILL)
    assert all(scene.ends(name) for name in ("one", "two", "three"))
    assert scene.ends("two", "grandchild")
    assert scene.ends("three", "grandchild")


def test_a_child_that_dies_is_started_again_and_the_terminal_says_so(scene: Scene) -> None:
    """Q02."""
    supervisor = scene.run([scene.child("one", OBEDIENT)], [scene.child("two", OBEDIENT)])
    supervisor.wait_for("Everything runs.")
    before, other = scene.process_id("two"), scene.process_id("one")
    signal_child(scene, "two")
    assert supervisor.wait_for("two ended") == "two ended (signal 9) and is started again in 0.2 s."
    await_true(lambda: scene.process_id("two") != before, "a new process")
    signal_child(scene, "two")
    assert supervisor.wait_for("two ended") == "two ended (signal 9) and is started again in 0.4 s."
    assert scene.process_id("one") == other


def test_a_child_that_cannot_start_at_all_ends_everything_with_its_last_words(scene: Scene) -> None:
    restart = {"first_seconds": 0.01, "longest_seconds": 0.05}
    supervisor = scene.run([scene.child("good", OBEDIENT)], [scene.child("bad", DYING)], restart=restart)
    assert supervisor.process.wait(STOP_SECONDS) == 1
    lines = supervisor.rest()
    assert "  it was the butler" in lines
    assert any(line.startswith("bad cannot start (exit code 7): the site stops.") for line in lines)
    assert sum("bad ended" in line for line in lines) == 4
    assert not scene.runs("good")


def test_a_program_that_is_not_there_is_named(scene: Scene) -> None:
    missing = {"name": "ghost", "arguments": ["/nowhere/ghost"], "ready_line": "at work"}
    supervisor = scene.run([missing], restart={"first_seconds": 0.01})
    assert supervisor.process.wait(STOP_SECONDS) == 1
    assert any("ghost cannot start (it cannot be run: No such file or directory)" in line for line in supervisor.rest())


def test_pressing_ctrl_c_again_waits_for_nobody(scene: Scene) -> None:
    supervisor = scene.run([scene.child("one", STUBBORN)], stop_seconds=500.0, first_stage_stop_seconds=500.0)
    supervisor.wait_for("Everything runs.")
    supervisor.process.send_signal(signal.SIGINT)
    supervisor.wait_for("Stopping")
    assert supervisor.end(signal.SIGINT, STOP_SECONDS) == 0
    assert not scene.runs("one")


def test_a_second_request_other_than_ctrl_c_changes_nothing(scene: Scene) -> None:
    slow = (
        'signal.signal(signal.SIGTERM, lambda *_: (time.sleep(0.5), print("in order", flush=True), os._exit(0)))'
        + OBEDIENT
    )
    supervisor = scene.run([scene.child("one", slow)], first_stage_stop_seconds=5.0)
    supervisor.wait_for("Everything runs.")
    supervisor.process.send_signal(signal.SIGTERM)
    supervisor.wait_for("Stopping")
    supervisor.end(signal.SIGTERM, STOP_SECONDS)
    assert "in order" in scene.log("one")


def test_a_child_waiting_to_be_started_again_does_not_hold_up_the_stop(scene: Scene) -> None:
    for_ever = {"first_seconds": 500.0, "longest_seconds": 500.0}
    supervisor = scene.run([scene.child("one", OBEDIENT)], restart=for_ever)
    supervisor.wait_for("Everything runs.")
    signal_child(scene, "one")
    supervisor.wait_for("one ended")
    assert supervisor.end(signal.SIGTERM, STOP_SECONDS) == 0


def test_the_warden_is_replaced_when_it_dies_and_still_leaves_nobody(scene: Scene) -> None:
    supervisor = scene.run([scene.child("one", FORKING)])
    supervisor.wait_for("Everything runs.")
    [first] = wardens(scene)
    processes.signal_process(first, signal.SIGKILL)
    await_true(lambda: [found for found in wardens(scene) if found != first], "a new warden")
    supervisor.end(signal.SIGKILL)
    assert scene.ends("one")
    assert scene.ends("one", "grandchild")


def wardens(scene: Scene) -> list[int]:
    wanted = ["-m", "jobs.supervision.warden", scene.marker]
    return [int(entry.name) for entry in Path("/proc").glob("[0-9]*") if command_line(entry)[-3:] == wanted]


def command_line(entry: Path) -> list[str]:
    try:
        return (entry / "cmdline").read_text().rstrip("\0").split("\0")
    except OSError:
        return []


def test_a_flood_of_output_neither_blocks_the_child_nor_fills_the_terminal(scene: Scene) -> None:
    flood = 'for n in range(20000): print("ERROR", n, "x" * 100)\n' + OBEDIENT
    supervisor = scene.run([scene.child("loud", flood)])
    supervisor.wait_for("Everything runs.")
    supervisor.end(signal.SIGTERM, STOP_SECONDS)
    assert sum(line.startswith("loud: ERROR") for line in supervisor.rest()) == 5
    assert "ERROR 19999 " in scene.log("loud")
