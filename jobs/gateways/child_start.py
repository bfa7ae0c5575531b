"""Starts limited children; one is kept started and waiting, so that a request need not wait for Python and Pillow.

Each child serves one request and ends, whoever started it: what a hostile file does to it reaches no other file. A
waiting one has seen no file yet, and ends when its parent does, because nothing will ever be asked of it.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from jobs import errors

logger = logging.getLogger(__name__)

CHILD = Path(__file__).with_name("pdf_child.py")
START_SECONDS = 30.0  # of a machine that swaps; a start takes milliseconds


@dataclass(frozen=True)
class Child:
    """A started child. `answer` and `said` are its stdout and stderr, files without a name."""

    process: subprocess.Popen[bytes]
    answer: IO[bytes]
    said: IO[bytes]

    def discard(self) -> None:
        """Ends one that nothing was asked of."""
        self.process.kill()
        self.process.wait()
        self.close()

    def close(self) -> None:
        self.answer.close()
        self.said.close()
        if self.process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self.process.stdin.close()


@dataclass(frozen=True)
class _Command:
    """What decides how a child starts: another one's spare is of no use."""

    words: tuple[str, ...]
    environment: tuple[tuple[str, str], ...]


class _Spare:
    """The child that waits. Started by a thread that lives as long as the process: the kernel takes the end of the
    thread that started a child for the end of its parent (PR_SET_PDEATHSIG)."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._starter: ThreadPoolExecutor | None = None
        self._waiting: Future[Child] | None = None
        self._command: _Command | None = None

    def take(self, command: _Command) -> Child | None:
        """The waiting child, if there is one of this command and it lives; the next one is started meanwhile."""
        with self._guard:
            waiting, of = self._waiting, self._command
            self._waiting, self._command = self._next(command), command
        return _usable(waiting, fits=of == command) if waiting else None

    def _next(self, command: _Command) -> Future[Child] | None:
        self._starter = self._starter or ThreadPoolExecutor(1, thread_name_prefix="child-starter")
        try:
            return self._starter.submit(_start, command)
        except RuntimeError:  # this process ends: nothing is started for later
            return None


def _usable(waiting: Future[Child], *, fits: bool) -> Child | None:
    try:
        child = waiting.result(START_SECONDS)
    except (errors.Unavailable, TimeoutError):
        return None  # it could not be started then; perhaps it can now
    if fits and child.process.poll() is None:
        return child
    child.discard()
    return None


_spare = _Spare()


def _forget_spare() -> None:
    global _spare
    _spare = _Spare()  # it is our parent's, and the thread that starts them is not here


os.register_at_fork(after_in_child=_forget_spare)


def start() -> Child:
    """A child that waits for its request on stdin. Raises errors.Unavailable."""
    command = _Command((sys.executable, "-I", str(CHILD)), tuple(_environment().items()))
    return _spare.take(command) or _start(command)


def _start(command: _Command) -> Child:
    answer, said = tempfile.TemporaryFile(), tempfile.TemporaryFile()  # noqa: SIM115 - closed with the child
    try:
        process = subprocess.Popen(
            command.words,
            stdin=subprocess.PIPE,
            stdout=answer,
            stderr=said,
            env=dict(command.environment),
            cwd="/",
            start_new_session=True,
        )
    except OSError as error:
        answer.close()
        said.close()
        logger.warning("the child process could not be started: %s", error)
        raise errors.Unavailable("No further process could be started. Try again in a moment.") from error
    return Child(process, answer, said)


def _environment() -> Mapping[str, str]:
    """Only what poppler needs: the child handles hostile files and has no business with our secrets."""
    poppler = shutil.which("pdftoppm")
    if poppler is None:
        raise errors.Unavailable("PDF files cannot be read: poppler-utils (pdftoppm) is not installed on the server.")
    with contextlib.suppress(RuntimeError):
        return {"PATH": f"{Path(poppler).parent}:/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": str(Path.home())}
    return {"PATH": f"{Path(poppler).parent}:/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
