"""Hands the limited child (child_start) one request, and ends it when its time is over.

The child bounds its own memory, processor time and file sizes (child_limits). The clock is kept here, because a process
that hangs cannot be trusted to end itself. Every child leads its own process group, so that poppler ends with it.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import select
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from jobs.gateways import child_start
from jobs.gateways.limits import Limits

logger = logging.getLogger(__name__)

ANSWER_BYTES = 8_000_000  # 100,000 page boxes are about 2 MB
REQUEST_BYTES = 60_000  # what a pipe takes without its reader: writing it cannot hang
LOGGED_BYTES = 500
TICK_SECONDS = 0.25
GRACE_SECONDS = 1.0


class ChildStopped(Exception):
    """The child made no progress in its time, or used up its processor time, and was killed."""


class ChildDied(Exception):
    """The child ended without an answer."""


def run(
    request: Mapping[str, Any],
    *,
    limits: Limits,
    wall_seconds: float,
    pages: int = 1,
    watched: Path | None = None,
    spare_bytes: int = 0,
) -> dict[str, Any]:
    """One request, one answer. `wall_seconds` counts from the last new file in the folder `watched`, or from the start.

    `spare_bytes` is what a large file needs beyond the limits: it is mapped into memory and may be written anew.
    Raises ChildStopped, ChildDied, errors.Unavailable.
    """
    payload = json.dumps(
        dict(request) | {"parent": os.getpid(), "limits": _child_limits(limits, pages, spare_bytes)}
    ).encode()
    if len(payload) > REQUEST_BYTES:
        raise ValueError("too many pages for one child; draw them in smaller chunks")
    child = child_start.start()
    with contextlib.closing(child):
        try:
            _send(child.process, payload)
            ended = _wait(child.process, wall_seconds, watched)
        finally:
            _end(child.process)
        return _outcome(child.process.returncode, ended, child.answer, child.said)


def _child_limits(limits: Limits, pages: int, spare_bytes: int) -> dict[str, int]:
    return {
        "memory_bytes": limits.memory_bytes + spare_bytes,
        "cpu_seconds": limits.cpu_seconds,
        "total_cpu_seconds": limits.cpu_seconds * pages,
        "file_bytes": limits.file_bytes + spare_bytes,
    }


def _send(process: subprocess.Popen[bytes], payload: bytes) -> None:
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError):  # it is dead already; the wait finds out how
        process.stdin.write(payload)
        process.stdin.close()


def _wait(process: subprocess.Popen[bytes], wall_seconds: float, watched: Path | None) -> bool:
    """True when the child ended by itself, False when its time is over."""
    files, deadline = -1, 0.0
    with _alarm(process) as sleep:
        while not sleep(min(TICK_SECONDS, wall_seconds)):
            seen = len(list(watched.iterdir())) if watched else 0
            if seen != files:
                files, deadline = seen, time.monotonic() + wall_seconds
            if time.monotonic() > deadline:
                return False
    return True


@contextlib.contextmanager
def _alarm(process: subprocess.Popen[bytes]) -> Any:
    """Gives a function that waits for the child's end: a pidfd wakes at once where Popen.wait() polls every 50 ms."""
    if not hasattr(os, "pidfd_open"):
        yield lambda seconds: _ended(process, seconds)
        return
    descriptor = os.pidfd_open(process.pid)
    try:
        poller = select.poll()
        poller.register(descriptor, select.POLLIN)
        yield lambda seconds: bool(poller.poll(seconds * 1000))
    finally:
        os.close(descriptor)


def _ended(process: subprocess.Popen[bytes], seconds: float) -> bool:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def _end(process: subprocess.Popen[bytes]) -> None:
    """Leaves nothing of the group behind. The child is not reaped yet, so its id cannot be anybody else's.

    Asked first, it ends poppler and waits for it; what does not listen is killed.
    """
    with _alarm(process) as sleep:
        if not sleep(0):
            process.terminate()
            sleep(GRACE_SECONDS)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _outcome(returncode: int, ended: bool, answer: IO[bytes], said: IO[bytes]) -> dict[str, Any]:
    said.seek(max(0, said.seek(0, os.SEEK_END) - LOGGED_BYTES))  # the cause stands at the end of a traceback
    complaint = said.read().decode("utf-8", "replace").strip()
    if not ended or returncode == -signal.SIGXCPU:
        logger.warning("the child process was stopped: its time was over. %s", complaint)
        raise ChildStopped
    answer.seek(0)
    try:
        return dict(json.loads(answer.read(ANSWER_BYTES)))
    except ValueError:
        logger.warning("the child process ended with %s and no answer. %s", returncode, complaint)
        raise ChildDied from None
