"""granian's command line: one place for `manage.py web` and for `manage.py up`."""

from __future__ import annotations

import sys
from pathlib import Path

# Requests at work at once. A slow upload holds a thread for its time, so there are more than cores; each may hold
# a database connection, so there are not many more.
THREADS_PER_WORKER = 16
STOP_SECONDS = 5  # of `manage.py up`, which ends within ten
# A renewed process listens only once it has loaded, and until then the old one must serve: on a busy machine that takes
# longer than granian's own 3.5 s, and connections would be refused.
OVERLAP_SECONDS = 20
GRACE_SECONDS = 30  # of a server by itself: uploads that are under way when it is renewed or stopped may end


def command_line(
    host: str,
    port: int,
    workers: int,
    project: Path,
    *,
    stop_seconds: int = STOP_SECONDS,
    overlap_seconds: int = OVERLAP_SECONDS,
) -> tuple[str, ...]:
    """Serves Django; requests in hand get `stop_seconds` to end when it is stopped, or renewed (SIGHUP): then the old
    process serves on for `overlap_seconds` beside the new one.

    Only errors are logged: granian warns of every thread beyond two a core.
    """
    options = {
        "interface": "wsgi",
        "host": host,
        "port": port,
        "workers": workers,
        "blocking-threads": THREADS_PER_WORKER,
        "workers-kill-timeout": stop_seconds,
        "respawn-interval": overlap_seconds,
        "http": "1",
        "log-level": "error",
        "working-dir": project,
    }
    # By its path: of a name, granian would look in the current folder first, whatever project lies there.
    application = f"{project}/ocrsite/web_worker.py:application"
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    start = (sys.executable, "-P", "-m", "granian", *words)
    return (*start, "--no-ws", "--respawn-failed-workers", application)
