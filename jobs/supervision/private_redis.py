"""The site's own Redis: on a unix socket, nobody else's, with an append-only file. It is transport, not memory."""

from __future__ import annotations

import asyncio
import contextlib
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path

from jobs.supervision.errors import CannotStart

PING_SECONDS = 1.0


def arguments(socket: Path, folder: Path) -> tuple[str, ...]:
    """Redis's command line. `folder` keeps the append-only file. Refuses writes when memory is full: never forgets."""
    options = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(folder),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
        "logfile": "",
        "always-show-logo": "no",
        "set-proc-title": "no",  # it would be written over the environment, where our marker is
    }
    return ("redis-server", *(word for name, value in options.items() for word in (f"--{name}", value)))


def make_places(socket: Path, folder: Path, user_id: int) -> None:
    """Makes the folders for the socket and the file. Raises CannotStart where the socket's is not ours alone."""
    folder.mkdir(parents=True, exist_ok=True)
    place = socket.parent
    if place == folder:
        return
    # A well-known name under /tmp: somebody else may have made it first.
    with contextlib.suppress(FileExistsError):
        place.mkdir(mode=0o700)
    found = place.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != user_id or found.st_mode & 0o077:
        raise CannotStart(f"{place} is not a private folder of yours: remove it, or choose a shorter OCRSITE_DATA_DIR.")


def answers(socket: Path) -> Callable[[], Awaitable[bool]]:
    """A question to ask a Redis: have you loaded your file, and do you answer?"""

    async def ask() -> bool:
        try:
            async with asyncio.timeout(PING_SECONDS):
                reader, writer = await asyncio.open_unix_connection(str(socket))
                try:
                    writer.write(b"PING\r\n")
                    return (await reader.readline()).startswith(b"+PONG")
                finally:
                    writer.close()
        except (OSError, TimeoutError):
            return False

    return ask
