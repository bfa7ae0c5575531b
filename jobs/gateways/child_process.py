"""Hands the limited child (child_start) one request, and ends it when its time is over.

The child bounds its own memory, processor time and file sizes (child_limits). The clock is kept here, because a process
that hangs cannot be trusted to end itself. Every child leads its own process group, so that poppler ends with it.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jobs.gateways import child_start
from jobs.gateways.child_start import Child
from jobs.gateways.limits import Limits

logger = logging.getLogger(__name__)

ANSWER_BYTES = 8_000_000  # 100,000 page boxes are about 2 MB
LOGGED_BYTES = 500
TICK_SECONDS = 0.25


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
    asked = dict(request) | {"limits": _child_limits(limits, pages, spare_bytes)}
    with contextlib.closing(child_start.start(asked)) as child:
        ended = False
        try:
            ended = _wait(child, wall_seconds, watched)
        finally:
            code = child.end()
        return _outcome(code, ended, child)


def _child_limits(limits: Limits, pages: int, spare_bytes: int) -> dict[str, int]:
    return {
        "memory_bytes": limits.memory_bytes + spare_bytes,
        "cpu_seconds": limits.cpu_seconds,
        "total_cpu_seconds": limits.cpu_seconds * pages,
        "file_bytes": limits.file_bytes + spare_bytes,
    }


def _wait(child: Child, wall_seconds: float, watched: Path | None) -> bool:
    """True when the child ended by itself, False when its time is over."""
    files, deadline = -1, 0.0
    while not child.has_ended(min(TICK_SECONDS, wall_seconds)):
        seen = len(list(watched.iterdir())) if watched else 0
        if seen != files:
            files, deadline = seen, time.monotonic() + wall_seconds
        if time.monotonic() > deadline:
            return False
    return True


def _outcome(returncode: int, ended: bool, child: Child) -> dict[str, Any]:
    child.said.seek(max(0, child.said.seek(0, os.SEEK_END) - LOGGED_BYTES))  # a traceback's cause stands at its end
    complaint = child.said.read().decode("utf-8", "replace").strip()
    if not ended or returncode == -signal.SIGXCPU:
        logger.warning("the child process was stopped: its time was over. %s", complaint)
        raise ChildStopped
    child.answer.seek(0)
    try:
        return dict(json.loads(child.answer.read(ANSWER_BYTES)))
    except ValueError:
        logger.warning("the child process ended with %s and no answer. %s", returncode, complaint)
        raise ChildDied from None
