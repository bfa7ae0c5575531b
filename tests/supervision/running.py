"""A program under test, its lines as they come, and deadlines to await them by."""

from __future__ import annotations

import asyncio
import os
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

Answer = TypeVar("Answer")
DEADLINE_SECONDS = 60.0
PROJECT = Path(__file__).resolve().parents[2]


def await_true(condition: Callable[[], object], what: str, seconds: float = DEADLINE_SECONDS) -> None:
    """Looks again and again until `condition` holds. Fails, saying `what` was awaited, where it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.02)


def run_apart(coroutine: Coroutine[Any, Any, Answer]) -> Answer:
    """What it gives. In a thread of its own: a browser test before this one leaves its event loop in the main one."""
    with ThreadPoolExecutor(max_workers=1) as apart:
        return apart.submit(asyncio.run, coroutine).result(DEADLINE_SECONDS)


class Running:
    """Both output streams of a program, read by a thread so that it never waits for us."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str] | None = None, cwd: Path = PROJECT):
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, **(environment or {})},
            cwd=cwd,
        )
        self.lines: list[str] = []
        self._queue: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._queue.put(line.rstrip("\n"))
        self._queue.put(None)

    def wait_for(self, text: str, seconds: float = DEADLINE_SECONDS) -> str:
        """The next line that holds `text`. Fails with all lines where none comes in time."""
        while True:
            try:
                line = self._queue.get(timeout=seconds)
            except queue.Empty:
                raise AssertionError(f"no {text!r} within {seconds} s of the last of: {self.lines}") from None
            if line is None:
                raise AssertionError(f"ended without {text!r}: {self.lines}")
            self.lines.append(line)
            if text in line:
                return line

    def end(self, number: signal.Signals, seconds: float = DEADLINE_SECONDS) -> int:
        """Sends a signal and returns the exit code. Raises TimeoutExpired where it takes longer than `seconds`."""
        self.process.send_signal(number)
        return self.process.wait(seconds)

    def rest(self) -> list[str]:
        """All lines up to the end of the program and of those who hold its output."""
        while (line := self._queue.get(timeout=DEADLINE_SECONDS)) is not None:
            self.lines.append(line)
        return self.lines
