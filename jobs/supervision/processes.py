"""Finding and ending processes, whole families of them."""

from __future__ import annotations

import ctypes
import os
import select
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

_PR_SET_PDEATHSIG = 1


def signal_process(process_id: int, number: signal.Signals) -> None:
    try:
        os.kill(process_id, number)
    except (ProcessLookupError, PermissionError):
        return  # gone already, or not ours any more


def end_with_parent(number: signal.Signals = signal.SIGTERM) -> None:
    """From now on this process gets a signal when the one that started it ends. Linux only: elsewhere nothing is done.

    To be called in the process's main thread, started by the parent's main thread: it is threads that are watched.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(number))


def kill_group(group_id: int) -> None:
    """Ends a child and what it forked, unless that made a group of its own."""
    try:
        os.killpg(group_id, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def carriers(marker: str) -> Iterator[int]:
    """Ids of living processes whose environment held `marker` ("NAME=value") at their start; this one left out.

    Children inherit it whatever groups or sessions they make. Linux only: elsewhere nothing is found, and the
    groups must do. A zombie has no environment any more and is not found.
    """
    wanted = os.fsencode(marker)
    for entry in Path("/proc").glob("[0-9]*") if sys.platform == "linux" else ():
        try:
            held = (entry / "environ").read_bytes().split(b"\0")
        except OSError:
            continue  # ended meanwhile, or another person's
        if wanted in held and int(entry.name) != os.getpid():
            yield int(entry.name)


def kill_carriers(marker: str, within_seconds: float) -> bool:
    """Kills every process that carries `marker`, again and again, as they may fork. True if none is left in time."""
    deadline = time.monotonic() + within_seconds
    while found := list(carriers(marker)):
        if time.monotonic() > deadline:
            return False
        for process_id in found:
            signal_process(process_id, signal.SIGKILL)
        for process_id in found:
            wait_for_end(process_id, deadline - time.monotonic())
    return True


def wait_for_end(process_id: int, within_seconds: float) -> bool:
    """Waits until a process, not necessarily a child, has ended. Linux only."""
    try:
        handle = os.pidfd_open(process_id)
    except OSError:
        return True
    try:
        return bool(select.select([handle], [], [], max(0.0, within_seconds))[0])
    finally:
        os.close(handle)
