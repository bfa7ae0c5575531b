"""A GPU exporter without a GPU: what it answers, how, and how often it was asked."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self

RECORDINGS = Path(__file__).resolve().parent / "recordings" / "gpu"


def recorded(name: str) -> str:
    """dcgm_exporter or nvidia_gpu_exporter, as they document their answers."""
    return (RECORDINGS / f"{name}.txt").read_text(encoding="utf-8")


class Exporter:
    """Use it with `with`. `body` and `status` may be changed; while `held` is set it does not answer."""

    def __init__(self, body: str = "") -> None:
        self.body, self.status = body.encode(), 200
        self.asked: list[tuple[str, str | None]] = []  # path, Authorization
        self.held, self.release = False, threading.Event()
        exporter = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                exporter.asked.append((self.path, self.headers["Authorization"]))
                if exporter.held:
                    exporter.release.wait(60)
                    return
                self.send_response(exporter.status)
                self.send_header("Location", "http://127.0.0.1:1/metrics")
                self.send_header("Content-Length", str(len(exporter.body)))
                self.end_headers()
                self.wfile.write(exporter.body)

            def log_message(self, *_: object) -> None:
                """Nothing: a test's output is its own."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.release.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(20)
