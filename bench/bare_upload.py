"""The reference for uploads: a Django view that reads what it is sent and keeps nothing, behind the same web server."""

from __future__ import annotations

import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests

from jobs.supervision import web_server

SECONDS = 60.0


def read(request: Any) -> Any:
    """The view."""
    from django.http import HttpResponse

    size = sum(len(piece) for piece in request.FILES["file"].chunks()) if request.FILES else 0
    return HttpResponse(str(size))


def make_application() -> Any:
    """The smallest Django there is: one view, nothing between."""
    from django.conf import settings
    from django.core.wsgi import get_wsgi_application
    from django.urls import path

    urls = (path("", read),)
    settings.configure(ROOT_URLCONF=urls, ALLOWED_HOSTS=["*"], SECRET_KEY=secrets.token_hex(), MIDDLEWARE=[])
    return get_wsgi_application()


@contextmanager
def server() -> Iterator[str]:
    """Runs it; its address."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    options = ["--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port), "--workers", "1", "--http", "1"]
    options += ["--blocking-threads", str(web_server.THREADS_PER_WORKER), "--log-level", "error", "--no-ws"]
    command = [sys.executable, "-m", "granian", *options, "bench.bare_upload:application"]
    process = subprocess.Popen(command)
    try:
        address = f"http://127.0.0.1:{port}/"
        deadline = time.monotonic() + SECONDS
        while not _answers(address):
            if time.monotonic() > deadline:
                raise RuntimeError("The bare view did not start.")
            time.sleep(0.05)
        yield address
    finally:
        process.terminate()
        process.wait(SECONDS)


def _answers(address: str) -> bool:
    try:
        return requests.get(address, timeout=2).ok
    except requests.RequestException:
        return False


def __getattr__(name: str) -> Any:
    """`application` is made where the web server asks for it, and nowhere else: it configures Django."""
    if name == "application":
        return make_application()
    raise AttributeError(name)
