"""Forks a limited child for each request that comes through a socket, and minds it. Knows no Django.

Three processes: the template, which has loaded everything and touches no file; for each request a minder, which tells
the site how its child ended, and ends it when the site lets go of the line; and the child, which does the work. So a
child outlives neither its request nor the site, whichever of them is killed.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import struct
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from jobs.gateways import child_limits

# What is said: a request's length, with the line and the files for answer and complaints; "+" once its child has been
# forked; in the end the child's exit code.
LENGTH, ENDED = struct.Struct("!I"), struct.Struct("!i")
STARTED = b"+"
FDS = 3
GRACE_SECONDS = 1.0

Work = Callable[[dict[str, Any]], dict[str, Any]]


@dataclass(frozen=True)
class _Asked:
    line: int
    answer: int
    said: int
    request: dict[str, Any]

    def close(self) -> None:
        for descriptor in (self.line, self.answer, self.said):
            os.close(descriptor)


def serve(control: socket.socket, work: Work) -> None:
    """Until the site's end of `control` is closed."""
    signal.signal(signal.SIGCHLD, _reap)
    while asked := _receive(control):
        if os.fork() == 0:
            control.close()
            _then_exit(_mind, asked, work)
        asked.close()


def _reap(*_: object) -> None:
    """Minders that have ended. Not SIG_IGN: then the system would forget how much processor time they all took."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _receive(control: socket.socket) -> _Asked | None:
    header, descriptors, _, _ = socket.recv_fds(control, LENGTH.size, FDS)
    if len(header) < LENGTH.size or len(descriptors) < FDS:
        return None
    (size,), payload = LENGTH.unpack(header), bytearray()
    while len(payload) < size:
        if not (piece := control.recv(size - len(payload))):
            return None
        payload += piece
    line, answer, said = descriptors
    return _Asked(line, answer, said, json.loads(payload))


def _then_exit(act: Callable[..., None], *arguments: object) -> NoReturn:
    """In a forked process: it must never come back to what its parent was about to do."""
    code = 1
    try:
        act(*arguments)
        code = 0
    except BaseException:  # noqa: BLE001 - the outermost edge; the site reads it in the file for complaints, or the log
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _mind(asked: _Asked, work: Work) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    minder = os.getpid()
    running, held = os.pipe()  # nothing that the child starts inherits its end, so it is closed when the child ends
    child = os.fork()
    if child == 0:
        os.close(running)
        os.close(asked.line)
        _then_exit(_work, asked, work, minder)
    os.close(held)
    with socket.socket(fileno=asked.line) as line:
        _tell(line, STARTED)
        select.select([running, line.fileno()], [], [])
        _tell(line, ENDED.pack(_end(child, running)))


def _tell(line: socket.socket, word: bytes) -> None:
    with contextlib.suppress(OSError):  # the site is gone: then the line is closed, and the child is ended
        line.send(word)


def _end(child: int, running: int) -> int:
    """Leaves nothing of the child's group behind. It is not reaped yet, so its id cannot be anybody else's.

    Asked first, it ends poppler and waits for it; what does not listen is killed.
    """
    if not select.select([running], [], [], 0)[0]:
        os.kill(child, signal.SIGTERM)
        select.select([running], [], [], GRACE_SECONDS)
    for kill in (os.killpg, os.kill):  # the group may not be there yet
        with contextlib.suppress(ProcessLookupError, PermissionError):
            kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _work(asked: _Asked, work: Work, minder: int) -> None:
    """The child: its answer to stdout, what goes wrong to stderr."""
    os.setsid()
    os.dup2(asked.answer, 1)
    os.dup2(asked.said, 2)
    child_limits.die_with(minder)
    json.dump(work(asked.request), sys.stdout)
    sys.stdout.flush()
