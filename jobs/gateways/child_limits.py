"""What the child does first: bounds itself, and sees to it that it does not outlive its parent. Runs there only."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import sys
from types import FrameType
from typing import Any

PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


def bound(limits: dict[str, int]) -> None:
    """Memory, processor time and file sizes, inherited by poppler.

    Not NPROC: it counts all processes of the user, so one limit for the child would stop others.
    """
    _cap(resource.RLIMIT_CORE, 0)
    _cap(resource.RLIMIT_AS, limits["memory_bytes"])
    _cap(resource.RLIMIT_FSIZE, limits["file_bytes"])
    allow_cpu(limits["total_cpu_seconds"])


def allow_cpu(seconds: int) -> None:
    """Sets the soft limit alone: its signal (SIGXCPU) names the cause, where the hard limit's SIGKILL does not.

    Each process counts for itself, so poppler gets all of it however much its parent used.
    """
    used = int(sum(os.times()[:2]))
    _cap(resource.RLIMIT_CPU, used + seconds)


def _cap(kind: int, value: int) -> None:
    _, hard = resource.getrlimit(kind)
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    with contextlib.suppress(ValueError, OSError):  # a platform without this limit; the parent's clock remains
        resource.setrlimit(kind, (value, hard))


def die_with(parent: int) -> None:
    """On Linux the kernel tells us when our parent dies; we go then, and poppler first."""
    signal.signal(signal.SIGTERM, _end_group)
    if sys.platform != "linux":
        return
    _prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it died before we asked
        sys.exit(1)


def _prctl(*arguments: Any) -> None:
    import ctypes

    ctypes.CDLL(None).prctl(*(ctypes.c_ulong(argument) for argument in arguments))


def _end_group(signum: int, frame: FrameType | None) -> None:
    """Ends what we started and waits for it, so that no zombie is left to a process 1 that reaps none (containers)."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.killpg(0, signal.SIGTERM)
    with contextlib.suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)
    os._exit(1)
