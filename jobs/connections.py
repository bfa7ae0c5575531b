"""Database connections in worker threads: closed when broken or too old, before and after each message."""

from __future__ import annotations

from typing import Any

from django.db import close_old_connections, connections
from dramatiq.middleware import Middleware


class CloseOldConnections(Middleware):
    """What Django does around a request, around a message: a database that went away and came back is met anew."""

    def before_process_message(self, broker: Any, message: Any) -> None:
        close_old_connections()

    def after_process_message(self, broker: Any, message: Any, *, result: Any = None, exception: Any = None) -> None:
        close_old_connections()

    def before_worker_thread_shutdown(self, broker: Any, thread: Any) -> None:
        connections.close_all()
