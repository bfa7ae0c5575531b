"""What the person at the terminal sees: a few calm lines, however much the children print."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

LINES_A_WINDOW = 5
WINDOW_SECONDS = 30.0


def say(sentence: str) -> None:
    """Prints a line at once. A terminal that was closed is no reason to fall over."""
    try:
        sys.stdout.write(sentence + "\n")
        sys.stdout.flush()
    except OSError:
        return


class Shown:
    """Shows one child's warnings and errors, a few in a while; the rest is in its log."""

    def __init__(self, name: str, log: Path, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic):
        self.name = name
        self.log = log
        self.say = say
        self.clock = clock
        self._window_began = float("-inf")
        self._shown = 0

    def __call__(self, line: str) -> None:
        if self.clock() - self._window_began >= WINDOW_SECONDS:
            self._window_began = self.clock()
            self._shown = 0
        self._shown += 1
        if self._shown <= LINES_A_WINDOW:
            self.say(f"{self.name}: {line}")
        elif self._shown == LINES_A_WINDOW + 1:
            self.say(f"{self.name}: ... more of it in {self.log}")
