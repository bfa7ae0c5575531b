"""The supervisor's end of the pipe to the warden, and the warden kept alive."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from pathlib import Path

REVIVE_SECONDS = 1.0
_PROJECT = Path(__file__).resolve().parents[2]


class WardenLink:
    """Tells the warden which process groups live. What was told is kept, for a new warden should this one die."""

    def __init__(self, marker: str) -> None:
        self.marker = marker
        self.groups: set[int] = set()
        self._process: Process | None = None

    def add(self, group_id: int) -> None:
        self.groups.add(group_id)
        self._tell(f"+{group_id}\n")

    def remove(self, group_id: int) -> None:
        self.groups.discard(group_id)
        self._tell(f"-{group_id}\n")

    async def keep(self) -> None:
        """Runs a warden for as long as this task lives."""
        while True:
            with contextlib.suppress(OSError):
                self._process = await self._start()
                for group_id in self.groups:
                    self._tell(f"+{group_id}\n")
                await self._process.wait()
            await asyncio.sleep(REVIVE_SECONDS)

    async def dismiss(self, within_seconds: float) -> None:
        """Closes the pipe: the warden looks round once more and goes."""
        if self._process is None or self._process.stdin is None:
            return
        self._process.stdin.close()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._process.wait(), within_seconds)

    async def _start(self) -> Process:
        # -P, or a folder named `jobs` where we stand would be imported in place of ours.
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-S", "-m", "jobs.supervision.warden", self.marker),
            stdin=PIPE,
            stdout=DEVNULL,
            stderr=DEVNULL,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": str(_PROJECT)},
        )

    def _tell(self, line: str) -> None:
        if self._process is not None and self._process.stdin is not None and not self._process.stdin.is_closing():
            self._process.stdin.write(line.encode())
