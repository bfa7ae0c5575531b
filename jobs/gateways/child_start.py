"""Has limited children started, from the site's side: each is forked by a template process that has loaded everything.

Python and Pillow take 0.1 s to start, a fork takes milliseconds. The template never sees a file, so what a hostile one
does to its child reaches no other. It is one a process of the site's, and ends with it.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from jobs import errors
from jobs.gateways.child_template import ENDED, FDS, LENGTH, STARTED

logger = logging.getLogger(__name__)

TEMPLATE = Path(__file__).with_name("pdf_child.py")
# For what takes milliseconds, on a machine that swaps.
START_SECONDS = 30.0
END_SECONDS = 30.0


class Child:
    """A child at work on one request. `answer` and `said` are its stdout and stderr, files without a name."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self.answer: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the child
        self.said: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115

    def has_ended(self, within_seconds: float) -> bool:
        """Waits until it has, at most so long."""
        self._line.settimeout(within_seconds)
        try:
            self._line.recv(1, socket.MSG_PEEK)
        except TimeoutError:
            return False
        except ConnectionError:
            pass  # its minder was killed, and the child with it
        return True

    def end(self) -> int:
        """Ends it and all that it started, if it has not ended; its exit code, negative for a signal."""
        with contextlib.suppress(OSError):  # its minder is gone already
            self._line.shutdown(socket.SHUT_WR)
        self._line.settimeout(END_SECONDS)
        try:
            told = self._line.recv(ENDED.size, socket.MSG_WAITALL)
        except OSError as error:
            logger.warning("nobody tells how the child process ended: %s", error)
            told = b""
        return int(ENDED.unpack(told)[0]) if len(told) == ENDED.size else -signal.SIGKILL

    def close(self) -> None:
        self._line.close()
        self.answer.close()
        self.said.close()


@dataclass(frozen=True)
class _Command:
    """What decides how a template is started, and so what its children know."""

    words: tuple[str, ...]
    environment: tuple[tuple[str, str], ...]


class _Template:
    """The process that forks them, and the socket through which it is asked to."""

    def __init__(self, command: _Command) -> None:
        self.command = command
        self._guard = threading.Lock()
        self._control, theirs = socket.socketpair()
        self._control.settimeout(START_SECONDS)
        with theirs:
            self._process = subprocess.Popen(
                command.words,
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                env=dict(command.environment),
                cwd="/",
                start_new_session=True,
            )

    def fork(self, payload: bytes) -> Child:
        """Raises OSError when it is gone, or can fork no more."""
        line, theirs = socket.socketpair()
        child = Child(line)
        try:
            with theirs:
                self._ask(payload, [theirs.fileno(), child.answer.fileno(), child.said.fileno()])
            line.settimeout(START_SECONDS)
            if line.recv(len(STARTED)) != STARTED:
                raise ChildProcessError("it could not be forked")
        except OSError:
            child.close()
            raise
        return child

    def _ask(self, payload: bytes, descriptors: list[int]) -> None:
        assert len(descriptors) == FDS
        with self._guard:
            socket.send_fds(self._control, [LENGTH.pack(len(payload))], descriptors)
            self._control.sendall(payload)

    def let_go(self) -> None:
        """It ends when it reads that nobody will ask; children at work are not its business."""
        with self._guard:
            self._control.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(END_SECONDS)


class _Current:
    """The template in use; another one where it is gone, or was started otherwise."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._template: _Template | None = None

    def fork(self, payload: bytes) -> Child:
        """Raises OSError."""
        template = self._get()
        try:
            return template.fork(payload)
        except OSError as trouble:
            logger.warning("the template of child processes is started anew: %s", trouble)
            self._forget(template)
        return self._get().fork(payload)

    def _get(self) -> _Template:
        command = _Command((sys.executable, "-I", str(TEMPLATE)), tuple(_environment().items()))
        with self._guard:
            if self._template is not None and self._template.command != command:
                self._template.let_go()
                self._template = None
            self._template = self._template or _Template(command)
            return self._template

    def _forget(self, template: _Template) -> None:
        with self._guard:
            if self._template is template:
                self._template = None
                template.let_go()


_current = _Current()


def _start_anew() -> None:
    global _current
    _current = _Current()  # the template is our parent's


os.register_at_fork(after_in_child=_start_anew)


def start(request: Mapping[str, Any]) -> Child:
    """A child that works on `request`. Raises errors.Unavailable."""
    try:
        return _current.fork(json.dumps(request).encode())
    except OSError as error:
        logger.warning("the child process could not be started: %s", error)
        raise errors.Unavailable("No further process could be started. Try again in a moment.") from error


def _environment() -> dict[str, str]:
    """Only what poppler needs: the child handles hostile files and has no business with our secrets."""
    poppler = shutil.which("pdftoppm")
    if poppler is None:
        raise errors.Unavailable("PDF files cannot be read: poppler-utils (pdftoppm) is not installed on the server.")
    with contextlib.suppress(RuntimeError):
        return {"PATH": f"{Path(poppler).parent}:/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": str(Path.home())}
    return {"PATH": f"{Path(poppler).parent}:/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
