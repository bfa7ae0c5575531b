"""What the tests of the vLLM gateway share: a simulated host, calls to it, and raw servers that misbehave."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading

import pytest

from jobs.domain import chat
from jobs.errors import BackendFailed
from jobs.gateways import vllm
from jobs.gateways.vllm import Deadlines, Endpoint
from tests.vllm_simulator import MODEL

PATIENT = Deadlines(connect_seconds=5.0, read_seconds=20.0, total_seconds=20.0)


def endpoint(host, **changes):
    return Endpoint(**{"base_url": host.base_url, "model": MODEL, **changes})


def page(number=0):
    return b"\xff\xd8\xff\xe0 page %d" % number


def body(image=None, **changes):
    prompt = chat.prompt_for("markdown")
    return chat.build_body(
        **{"model": MODEL, "image": image or page(), "prompt": prompt, "max_tokens": 6892, **changes}
    )


def failure_of(host, request=None, deadlines=PATIENT, **kwargs):
    with pytest.raises(BackendFailed) as caught:
        vllm.complete(endpoint(host), request or body(), deadlines, **kwargs)
    return caught.value.failure


@contextlib.contextmanager
def scripted(answer: bytes, *, hold=False):
    """A server that says this answer as it stands; with `hold` the connection stays open after it."""
    released = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    with connection, contextlib.suppress(OSError):
                        _read_request(connection)
                        connection.sendall(answer)
                        if hold:
                            released.wait(20)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield Endpoint(f"http://127.0.0.1:{server.getsockname()[1]}", MODEL)
        released.set()
        server.shutdown(socket.SHUT_RDWR)
        thread.join(10)


def _read_request(connection):
    """All of it: closing with something unread would reset the connection, and the answer would be lost."""
    with connection.makefile("rb") as stream:
        length = 0
        while (line := stream.readline()).strip():
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        stream.read(length)


@contextlib.contextmanager
def silent_tls_host(certificate):
    """Takes one connection and a request over TLS, and never answers. Yields its address and "a request came"."""
    received = threading.Event()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            connection, _ = server.accept()
            with contextlib.suppress(OSError), context.wrap_socket(connection, server_side=True) as secure:
                while secure.recv(65536):
                    received.set()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield Endpoint(f"https://127.0.0.1:{server.getsockname()[1]}", MODEL), received
        thread.join(10)
