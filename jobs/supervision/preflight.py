"""What must be in order before anything is started. Each check says in one sentence what is not."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jobs.supervision.errors import CannotStart


def make_data_dir(data_dir: Path) -> None:
    """Makes the data directory and what the parts expect in it. Raises CannotStart where it cannot be written."""
    try:
        for folder in (data_dir, *(data_dir / name for name in ("files", "logs", "redis", "uploads"))):
            folder.mkdir(parents=True, exist_ok=True)
        probe = data_dir / f".probe-{os.getpid()}"
        probe.write_bytes(b"1")
        probe.unlink()
    except OSError as error:
        raise CannotStart(
            f"The data directory {data_dir} cannot be written ({error.strerror}): "
            "give yourself the right to write there, or set OCRSITE_DATA_DIR to another folder."
        ) from error


def clear_uploads(data_dir: Path) -> None:
    """Removes what a killed web server left of uploads that were under way. Only while none runs."""
    for file in (data_dir / "uploads").glob("*.upload"):
        file.unlink(missing_ok=True)


@contextmanager
def only_one(data_dir: Path) -> Iterator[None]:
    """Holds the data directory for this process. The lock ends with the process, so that none is ever left over.

    Raises CannotStart where another process holds it.
    """
    with (data_dir / "up.lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise CannotStart(
                f"A site is running on {data_dir} already (process {holder}): "
                "stop that one, or set OCRSITE_DATA_DIR to another folder."
            ) from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield


def free_port(host: str, port: int) -> int:
    """`port` if a server can listen on it, or any free one if it is 0. Raises CannotStart with the reason if not."""
    if not 0 <= port <= 65_535:
        raise CannotStart(f"{port} is not a port: use a number from 1 to 65535, such as --port 8000.")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen(1)
            return int(probe.getsockname()[1])
    except OSError as error:
        raise CannotStart(port_problem(host, port, error)) from error


def port_problem(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        other = port + 1 if port < 65_535 else 8000
        return f"Port {port} on {host} is taken by another program: stop that, or choose another with --port {other}."
    if error.errno == errno.EACCES:
        return f"Port {port} is for the system's own services: choose one above 1023, such as --port 8000."
    return f"This machine cannot listen on {host}: {error.strerror}. Use --host 127.0.0.1, or an address of its own."


def first_free_port(host: str, first: int) -> int:
    """The first port from `first` on that a server can listen on. Raises CannotStart after a hundred tries."""
    for port in range(first, first + 100):
        try:
            return free_port(host, port)
        except CannotStart:
            continue
    raise CannotStart(f"No free port was found on {host} from {first} on, for the built-in CPU backend.")
