"""A receiver of webhooks on loopback: what it got, and how it answers."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Receiver:
    """`status` of its answers; while `gate` is not set a request gets none. `got`: (headers, body) of each request."""

    status: int = 200
    location: str = ""
    got: list[tuple[dict[str, str], dict[str, Any]]] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?from=ocr"

    @property
    def ids(self) -> list[str]:
        return [headers["webhook-id"] for headers, _ in self.got]

    @property
    def types(self) -> list[str]:
        return [body["type"] for _, body in self.got]


@contextmanager
def receiver(tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    told = Receiver()
    told.gate.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            told.got.append(({k.lower(): v for k, v in self.headers.items()} | {"raw": body}, json.loads(body)))
            told.gate.wait(120)
            try:
                self.send_response(told.status)
                if told.location:
                    self.send_header("Location", told.location)
                self.end_headers()
            except OSError:
                pass  # nobody waits for it any more

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    told.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield told
    finally:
        told.gate.set()
        server.shutdown()
        server.server_close()
        thread.join(60)
