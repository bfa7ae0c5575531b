"""Where the site's running parts keep their things. Pure: every process works out the same places by itself."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from urllib.parse import quote

# A unix socket's path must fit sockaddr_un: 108 bytes on Linux, 104 on macOS, the closing zero included.
LONGEST_SOCKET_BYTES = 100
FIRST_CPU_BACKEND_PORT = 20_000  # below the ports that outgoing connections are given, so that none takes it
CPU_BACKEND_PORTS = 10_000


def redis_socket(data_dir: Path, user_id: int | None = None) -> Path:
    """The private Redis's socket: in the data directory, or in a short place under /tmp where that is too long."""
    socket = data_dir / "redis" / "redis.sock"
    if len(os.fsencode(socket)) <= LONGEST_SOCKET_BYTES:
        return socket
    user = os.getuid() if user_id is None else user_id
    return Path("/tmp") / f"ocrsite-{user}-{digest(data_dir)[:12]}" / "redis.sock"  # noqa: S108 - made 0700, checked


def redis_url(data_dir: Path) -> str:
    """The private Redis's address, as the site's own processes and commands find it."""
    return "unix://" + quote(str(redis_socket(data_dir)))


def log_dir(data_dir: Path) -> Path:
    return data_dir / "logs"


def cpu_backend_port(data_dir: Path) -> int:
    """The port to try first: always the same for one data directory, most likely another for another."""
    return FIRST_CPU_BACKEND_PORT + int(digest(data_dir)[:8], 16) % CPU_BACKEND_PORTS


def marker(data_dir: Path) -> str:
    """An environment entry that every process of this site's `up` carries, so that left-over ones can be found."""
    return f"OCRSITE_STARTED_FOR={data_dir}"


def digest(data_dir: Path) -> str:
    return hashlib.sha256(os.fsencode(data_dir)).hexdigest()
