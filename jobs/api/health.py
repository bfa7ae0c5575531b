"""Is the site alive, and can it work? Asked by machines, without signing in; each check ends by its deadline."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

import dramatiq
from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe
from redis.exceptions import OutOfMemoryError, RedisError

from jobs import errors
from jobs.gateways import storage

DEADLINE_SECONDS = 3.0


@csrf_exempt
@login_not_required
@require_safe
@never_cache
def healthz(request: HttpRequest) -> JsonResponse:
    """The web server answers; nothing else is asked."""
    return JsonResponse({"status": "ok"})


@csrf_exempt
@login_not_required
@require_safe
@never_cache
def readyz(request: HttpRequest) -> JsonResponse:
    """503 while the database, Redis or the storage does not answer in time."""
    problems = READINESS.problems()
    checks = {name: {"ok": not problem, "reason": problem} for name, problem in problems.items()}
    down = any(problems.values())
    body = {"status": "unavailable" if down else "ready", "checks": checks}
    return JsonResponse(body, status=503 if down else 200)


def check_database() -> str:
    """Empty, or why it cannot be used, in words that give nothing away."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return "The database cannot be reached."
    finally:
        connection.close()  # this thread's own
    return ""


def check_redis() -> str:
    """By a write: one that is full still answers a ping."""
    try:
        broker: Any = dramatiq.get_broker()  # the RedisBroker that jobs.broker set
        broker.client.set(f"{broker.namespace}:readyz", "1", ex=60)
    except OutOfMemoryError:
        return "Redis is full: documents are taken, and read once it has room."
    except (RedisError, OSError):
        return "Redis cannot be reached: documents are taken, and read once it is back."
    return ""


def check_storage() -> str:
    try:
        storage.check()
    except errors.OcrsiteError as error:
        return error.message
    return ""


class Readiness:
    """Runs the checks side by side, each at most once at a time: a check that hangs holds one thread, not more."""

    def __init__(self, checks: dict[str, Callable[[], str]], deadline_seconds: float = DEADLINE_SECONDS) -> None:
        self.checks = checks
        self.deadline_seconds = deadline_seconds
        self._pool = ThreadPoolExecutor(max_workers=len(checks), thread_name_prefix="readyz")
        self._running: dict[str, Future[str]] = {}
        self._lock = threading.Lock()

    def problems(self) -> dict[str, str]:
        """What is wrong with each part; empty for those that work."""
        futures = {name: self._started(name) for name in self.checks}
        wait(futures.values(), timeout=self.deadline_seconds)
        late = f"No answer within {self.deadline_seconds:g} seconds."
        return {name: future.result() if future.done() else late for name, future in futures.items()}

    def _started(self, name: str) -> Future[str]:
        with self._lock:
            future = self._running.get(name)
            if future is None or future.done():
                future = self._running[name] = self._pool.submit(self.checks[name])
            return future


READINESS = Readiness({"database": check_database, "redis": check_redis, "storage": check_storage})
