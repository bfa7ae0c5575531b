"""Asking a server whether it works."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from jobs.supervision import web_readiness
from tests.supervision.running import run_apart


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        right = self.headers["Host"] == "ocr.example" and self.headers["X-Forwarded-Proto"] == "https"
        self.send_response(200 if self.path == "/readyz" and right else 503)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def port() -> Iterator[int]:
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


HEADERS = {"Host": "ocr.example", "X-Forwarded-Proto": "https"}


@pytest.mark.parametrize(
    ("path", "headers", "works"), [("/readyz", HEADERS, True), ("/other", HEADERS, False), ("/readyz", {}, False)]
)
def test_only_a_200_counts(port: int, path: str, headers: dict[str, str], works: bool) -> None:
    assert run_apart(web_readiness.answers_200("127.0.0.1", port, path, headers)()) is works


def test_nobody_there_is_no_answer() -> None:
    assert run_apart(web_readiness.answers_200("127.0.0.1", 1, "/readyz")()) is False


@pytest.mark.parametrize(("host", "asked"), [("0.0.0.0", "127.0.0.1"), ("::", "::1"), ("10.0.0.5", "10.0.0.5")])  # noqa: S104 - names only
def test_a_server_on_every_address_is_asked_on_loopback(host: str, asked: str) -> None:
    assert web_readiness.where_to_ask(host) == asked


@pytest.mark.parametrize(
    ("allowed", "host"),
    [(["ocr.example", "b"], "ocr.example"), ([".example"], "example"), (["*"], "fallback"), ([], "fallback")],
)
def test_the_host_header_is_one_that_django_accepts(allowed: list[str], host: str) -> None:
    assert web_readiness.accepted_host(allowed, "fallback") == host
