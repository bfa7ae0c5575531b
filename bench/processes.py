"""CPU and memory of processes and their children, read from /proc (Linux alone)."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
# Fields of /proc/PID/stat after the name, whose end is the last ")": see proc(5).
PARENT, OWN_USER, OWN_SYSTEM, CHILD_USER, CHILD_SYSTEM = 1, 11, 12, 13, 14


def _stat(pid: int) -> list[str] | None:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def tree(pid: int) -> list[int]:
    """A process and all that descend from it."""
    parents = {int(entry.name): _stat(int(entry.name)) for entry in Path("/proc").iterdir() if entry.name.isdigit()}
    found = [pid]
    for known in found:
        found += [child for child, stat in parents.items() if stat and int(stat[PARENT]) == known]
    return found


def cpu_seconds(pid: int) -> float:
    """CPU that a process, its children and their ended children have used so far."""
    fields = (OWN_USER, OWN_SYSTEM, CHILD_USER, CHILD_SYSTEM)
    stats = [stat for one in tree(pid) if (stat := _stat(one))]
    return sum(int(stat[field]) for stat in stats for field in fields) / TICKS


def memory_mb(pids: Iterable[int]) -> float:
    """Resident memory of these processes together, in MB (1e6 bytes); shared pages count in each."""
    total = 0
    for one in pids:
        try:
            total += int(Path(f"/proc/{one}/statm").read_text().split()[1]) * PAGE_BYTES
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended
    return total / 1e6
