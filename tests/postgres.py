"""A PostgreSQL server of the tests' own: made in a folder, on a unix socket alone, gone afterwards."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
from django.db import connection

from jobs.supervision import processes

MAKE_SECONDS = 120.0
START_SECONDS = 60.0
STOP_SECONDS = 30.0
# The data is thrown away: nothing is gained by waiting for the disk.
SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "shared_buffers": "64MB",
}


def program(name: str) -> Path:
    """The newest installed one. Raises FileNotFoundError: Debian keeps the server's programs off the PATH."""
    installed = [path for path in Path("/usr/lib/postgresql").glob(f"*/bin/{name}") if path.parts[-3].isdigit()]
    if installed:
        return max(installed, key=lambda path: int(path.parts[-3]))
    if found := shutil.which(name):
        return Path(found)
    raise FileNotFoundError(f"PostgreSQL's {name} is not installed: install the package postgresql.")


def owner() -> pwd.struct_passwd:
    """Who runs the server: we ourselves, or the user postgres where we are root, as PostgreSQL refuses root."""
    return pwd.getpwnam("postgres") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())


@contextmanager
def server() -> Iterator[str]:
    """Runs a server; gives the address of its database `postgres`, in the form of DATABASE_URL."""
    runs_as = owner()
    # Below /tmp: a socket's path must be short, and the server's user must get there.
    with tempfile.TemporaryDirectory(prefix="ocr-pg-", dir="/tmp") as folder:
        os.chown(folder, runs_as.pw_uid, runs_as.pw_gid)
        identity = identity_of(runs_as, Path(folder))
        data = Path(folder) / "data"
        make = [program("initdb"), "-D", data, "-U", "ocrsite", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"]
        subprocess.run(make, check=True, stdout=subprocess.DEVNULL, timeout=MAKE_SECONDS, **identity)
        options = [word for name, value in SETTINGS.items() for word in ("-c", f"{name}={value}")]
        with (Path(folder) / "log").open("wb") as log:
            process = subprocess.Popen(
                [program("postgres"), "-D", data, "-k", folder, *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Where the tests are killed, the server goes at once.
                preexec_fn=lambda: processes.end_with_parent(signal.SIGQUIT),
                **identity,
            )
        try:
            wait_until_ready(folder, process)
            yield f"postgres://ocrsite@{quote(folder, safe='')}/postgres"
        finally:
            process.send_signal(signal.SIGQUIT)
            process.wait(STOP_SECONDS)


def identity_of(user: pwd.struct_passwd, folder: Path) -> dict[str, Any]:
    """Arguments that make subprocess run a program as `user`, in a folder where it may be."""
    if os.geteuid() != 0:
        return {"cwd": folder}
    return {"cwd": folder, "user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def wait_until_ready(socket_folder: str, process: subprocess.Popen[bytes]) -> None:
    """Returns once the server takes connections. Raises RuntimeError with its words where it ended instead."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            psycopg.connect(host=socket_folder, user="ocrsite", dbname="postgres", connect_timeout=5).close()
            return
        except psycopg.OperationalError:
            if process.poll() is not None or time.monotonic() > deadline:
                words = (Path(socket_folder) / "log").read_text(errors="replace")
                raise RuntimeError(f"PostgreSQL did not start: {words}") from None
            time.sleep(0.05)


@contextmanager
def away() -> Iterator[None]:
    """Nobody gets into this test's database, and who is in is thrown out; but for the thread that asks for it."""
    name = connection.settings_dict["NAME"]
    connection.ensure_connection()
    ours = connection.connection.info.backend_pid
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as server:
        server.execute(f'ALTER DATABASE "{name}" WITH ALLOW_CONNECTIONS false')
        try:
            server.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> %s", [name, ours]
            )
            yield
        finally:
            server.execute(f'ALTER DATABASE "{name}" WITH ALLOW_CONNECTIONS true')
