"""Who this process is, and whether another one has surely died.

A worker that was killed left its leases behind, and its sockets are closed: what it had in hand may go on at once. One
that is only paused, or runs on another machine, may still have a call in flight: about those nothing is claimed here.
"""

from __future__ import annotations

import os
import secrets
import socket
from functools import cache
from pathlib import Path


@cache
def _machine() -> str:
    """This host and, on Linux, this boot and process-id namespace: pid 1 of two containers is not one process."""
    parts = [socket.gethostname()]
    for path in ("/proc/sys/kernel/random/boot_id", "/proc/self/ns/pid"):
        try:
            part = str(Path(path).readlink()) if path.endswith("pid") else Path(path).read_text(encoding="ascii")[:8]
        except OSError:
            continue  # not Linux, or not allowed: the host name alone must do
        parts.append("".join(letter for letter in part if letter.isalnum()))
    return ".".join(parts)[:50]


def _started(pid: int) -> str:
    """When the process started, in clock ticks since boot; empty where that cannot be told."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return text.rpartition(")")[2].split()[19]


@cache
def _identity(pid: int) -> str:
    return f"{_machine()}:{pid}:{_started(pid) or secrets.token_hex(4)}"


def identity() -> str:
    """This process, in at most 80 characters: machine, process id, start time."""
    return _identity(os.getpid())


def is_gone(holder: str) -> bool:
    """True only if `holder` was a process of this machine and surely runs no more."""
    machine, _, rest = holder.partition(":")
    pid, _, started = rest.partition(":")
    if machine != _machine() or not pid.isdigit() or not Path("/proc/self/stat").exists():
        return False
    return _started(int(pid)) != started
