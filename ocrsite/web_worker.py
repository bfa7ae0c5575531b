"""What granian's worker process serves: Django, for as long as granian's main process lives."""

from __future__ import annotations

from typing import Any

from jobs.supervision import processes


def load() -> Any:
    """The WSGI application. Without the main process nobody would stop this one, and it would keep the port."""
    processes.end_with_parent()
    from ocrsite.wsgi import application

    return application


application = load()
