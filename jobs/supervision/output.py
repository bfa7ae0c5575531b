"""What children print: kept in files of bounded size, and what matters shown on the terminal."""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

MAX_LOG_BYTES = 5_000_000  # twice that on disk: the file in use and the one before
LONGEST_LINE_BYTES = 16_384
TAIL_LINES = 5
_MATTERS = re.compile(r"\b(WARNING|ERROR|CRITICAL)\b")


def matters(line: str) -> bool:
    """Should the person at the terminal see this line of a child's log?"""
    return bool(_MATTERS.search(line[:200]))


class RollingLog:
    """A log file that starts anew when it is full; the full one is kept as NAME.log.1 until the next is.

    A disk that is full must not end the site: what cannot be written is dropped.
    """

    def __init__(self, path: Path, max_bytes: int = MAX_LOG_BYTES) -> None:
        self.path = path
        self.max_bytes = max_bytes

    def write(self, data: bytes) -> None:
        try:
            if self.path.exists() and self.path.stat().st_size + len(data) > self.max_bytes:
                self.path.replace(self.path.with_name(self.path.name + ".1"))
            with self.path.open("ab") as file:
                file.write(data)
        except OSError:
            return


class LineSplitter:
    """Bytes in, whole lines out. A line that never ends is handed out in pieces."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[str]:
        *lines, rest = (self._rest + data).split(b"\n")
        if len(rest) > LONGEST_LINE_BYTES:
            lines.append(rest)
            rest = b""
        self._rest = rest
        return [line.decode("utf-8", "replace").rstrip("\r") for line in lines]


class Output:
    """One child's output: all of it to the log, lines that matter to `show`, the last few remembered.

    `ready_line`: what the child prints once it works; `said_ready` tells that it did since the last start.
    """

    def __init__(self, log: RollingLog, show: Callable[[str], None], ready_line: str = "") -> None:
        self.log = log
        self.show = show
        self.ready_line = ready_line
        self.said_ready = False
        self.tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._splitter = LineSplitter()

    def begin(self) -> None:
        """A new process's output comes next."""
        self.log.write(f"--- started {time.strftime('%Y-%m-%d %H:%M:%S')} ---\n".encode())
        self.said_ready = False
        self.tail.clear()
        self._splitter = LineSplitter()

    def feed(self, data: bytes) -> None:
        self.log.write(data)
        for line in self._splitter.feed(data):
            self.said_ready = self.said_ready or line == self.ready_line
            if line.strip():
                self.tail.append(line)
            if matters(line):
                self.show(line)
