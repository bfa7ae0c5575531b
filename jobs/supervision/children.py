"""One supervised process: how it is started, heard and ended."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field

from jobs.supervision import processes
from jobs.supervision.output import Output

READ_BYTES = 65_536


@dataclass(frozen=True)
class Command:
    """What to run. `environment` is added to our own. The child works once it has printed `ready_line`, if there
    is one, and `is_ready` says so. Where not `shows_warnings`, its log alone holds them."""

    name: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    ready_line: str = ""
    is_ready: Callable[[], Awaitable[bool]] | None = None
    shows_warnings: bool = True


class Child:
    """A running process of a command, in a session of its own, so that the terminal's Ctrl-C reaches us alone."""

    def __init__(self, command: Command, output: Output, marks: Iterable[str] = ()) -> None:
        self.command = command
        self.output = output
        self.environment = dict(command.environment) | dict(mark.split("=", 1) for mark in marks)
        self.process: Process | None = None
        self.started_at = 0.0
        self._pipe = -1

    async def start(self) -> int:
        """Starts the process and returns the id of its group. Raises OSError where it cannot be run."""
        self.output.begin()
        self.started_at = time.monotonic()
        # A pipe of our own: with asyncio's, waiting for the process would also wait for whoever inherited it.
        self._pipe, write_end = os.pipe()
        try:
            self.process = await asyncio.create_subprocess_exec(
                *self.command.arguments,
                stdin=DEVNULL,
                stdout=write_end,
                stderr=write_end,
                start_new_session=True,
                env={**os.environ, **self.environment},
            )
        except OSError:
            os.close(self._pipe)
            raise
        finally:
            os.close(write_end)
        os.set_blocking(self._pipe, False)
        asyncio.get_running_loop().add_reader(self._pipe, self._read)
        return self.process.pid

    async def wait(self) -> int:
        """Waits for the process's end, ends what it left of its group, and returns its exit code."""
        assert self.process is not None
        code = await self.process.wait()
        processes.kill_group(self.process.pid)
        self._drain()
        return code

    async def is_ready(self) -> bool:
        if self.command.ready_line and not self.output.said_ready:
            return False
        return self.command.is_ready is None or await self.command.is_ready()

    def ask_to_stop(self) -> None:
        """SIGTERM to the process alone: granian and the worker end their own children in their own order."""
        if self.process is not None and self.process.returncode is None:
            processes.signal_process(self.process.pid, signal.SIGTERM)

    def kill(self) -> None:
        if self.process is not None and self.process.returncode is None:
            processes.kill_group(self.process.pid)

    def ran_seconds(self) -> float:
        return time.monotonic() - self.started_at

    def _read(self) -> bool:
        """Takes what is in the pipe; False when there is no more for now or for ever."""
        try:
            data = os.read(self._pipe, READ_BYTES)
        except BlockingIOError:
            return False
        if data:
            self.output.feed(data)
        else:
            asyncio.get_running_loop().remove_reader(self._pipe)
        return bool(data)

    def _drain(self) -> None:
        """Takes the last words and closes the pipe, though somebody who escaped may still hold its other end."""
        for _ in range(100):
            if not self._read():
                break
        asyncio.get_running_loop().remove_reader(self._pipe)
        os.close(self._pipe)
