"""What children print: kept, bounded, and shown where it matters."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs.supervision.output import LONGEST_LINE_BYTES, LineSplitter, Output, RollingLog, matters
from jobs.supervision.terminal import LINES_A_WINDOW, WINDOW_SECONDS, Shown


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("2026-01-01 10:00:00 WARNING jobs.health: calypso is down", True),
        ("[ERROR] Unexpected exit from worker-1", True),
        ("2026-01-01 10:00:00 CRITICAL dramatiq: connection lost", True),
        ("2026-01-01 10:00:00 INFO jobs: done", False),
        ("12:M 01 Jan * WARNINGS are off", False),
        ("2026-01-01 INFO x: " + "a" * 300 + " ERROR", False),
        ("", False),
    ],
)
def test_warnings_and_errors_matter_and_nothing_else_does(line: str, shown: bool) -> None:
    assert matters(line) is shown


def test_lines_are_put_together_from_pieces() -> None:
    splitter = LineSplitter()
    assert [splitter.feed(piece) for piece in (b"on", b"e\ntwo\r\nth", b"ree\n")] == [[], ["one", "two"], ["three"]]


def test_a_line_that_never_ends_does_not_grow_for_ever() -> None:
    splitter = LineSplitter()
    assert [len(line) for line in splitter.feed(b"x" * (LONGEST_LINE_BYTES + 1))] == [LONGEST_LINE_BYTES + 1]
    assert splitter.feed(b"\n") == [""]


def test_bytes_that_are_no_text_are_shown_as_best_they_can() -> None:
    assert LineSplitter().feed(b"caf\xe9\n") == ["caf�"]


def test_a_full_log_starts_anew_and_keeps_the_one_before(tmp_path: Path) -> None:
    log = RollingLog(tmp_path / "web.log", max_bytes=10)
    for line in (b"11111\n", b"22222\n", b"33333\n"):
        log.write(line)
    assert (tmp_path / "web.log").read_bytes() == b"33333\n"
    assert (tmp_path / "web.log.1").read_bytes() == b"22222\n"


def test_a_log_that_cannot_be_written_is_no_reason_to_fail(tmp_path: Path) -> None:
    (tmp_path / "web.log").mkdir()
    RollingLog(tmp_path / "web.log").write(b"lost\n")
    assert list((tmp_path / "web.log").iterdir()) == []


def test_the_ready_line_counts_once_whole_and_anew_for_each_process(tmp_path: Path) -> None:
    output = Output(RollingLog(tmp_path / "worker.log"), lambda line: None, ready_line="Working.")
    output.feed(b"Not Working.\nWork")
    assert not output.said_ready
    output.feed(b"ing.\nmore\n")
    assert output.said_ready
    output.begin()
    assert not output.said_ready


def test_the_last_lines_are_remembered_without_empty_ones(tmp_path: Path) -> None:
    output = Output(RollingLog(tmp_path / "worker.log"), lambda line: None)
    output.feed(b"".join(b"%d\n\n" % number for number in range(9)))
    assert list(output.tail) == ["4", "5", "6", "7", "8"]


def test_a_storm_of_warnings_is_cut_short_and_named_then_shown_again_later() -> None:
    now = [0.0]
    said: list[str] = []
    show = Shown("worker", Path("logs/worker.log"), said.append, clock=lambda: now[0])
    for number in range(20):
        show(f"WARNING {number}")
    assert said[-2:] == [f"worker: WARNING {LINES_A_WINDOW - 1}", "worker: ... more of it in logs/worker.log"]
    assert len(said) == LINES_A_WINDOW + 1
    now[0] = WINDOW_SECONDS
    show("WARNING again")
    assert said[-1] == "worker: WARNING again"
