"""Ends what the supervisor started when the supervisor itself was killed and could not.

It reads the supervisor's children from a pipe: "+123" for a new process group, "-123" for one that has ended. The
pipe's end means that the supervisor is gone, however it went. A parent-death signal would reach only direct
children, and only on Linux; this one reaches grandchildren too.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterable

from jobs.supervision import processes

SWEEP_SECONDS = 5.0


def groups_left(lines: Iterable[str]) -> set[int]:
    """The groups that were announced and not taken back by the time the lines end."""
    groups: set[int] = set()
    for line in lines:
        group_id = int(line[1:])
        if line.startswith("+"):
            groups.add(group_id)
        else:
            groups.discard(group_id)
    return groups


def main(marker: str) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    for group_id in groups_left(sys.stdin):
        processes.kill_group(group_id)
    processes.kill_carriers(marker, SWEEP_SECONDS)


if __name__ == "__main__":
    main(sys.argv[1])
