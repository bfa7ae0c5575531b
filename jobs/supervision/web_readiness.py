"""Asks a web server of ours whether it works, without threads and without a library."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

ANSWER_SECONDS = 3.0


def answers_200(
    host: str, port: int, path: str, headers: Mapping[str, str] | None = None
) -> Callable[[], Awaitable[bool]]:
    """A question to ask a server: does `path` answer 200?"""
    lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in {"Host": host, **(headers or {})}.items())]
    request = "\r\n".join([*lines, "Connection: close", "", ""]).encode()

    async def ask() -> bool:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                reader, writer = await asyncio.open_connection(host, port)
                try:
                    writer.write(request)
                    status_line = await reader.readline()
                finally:
                    writer.close()
        except (OSError, TimeoutError):
            return False
        return status_line.split(b" ", 2)[1:2] == [b"200"]

    return ask


def where_to_ask(host: str) -> str:
    """The address under which a server bound to `host` is reached from this machine."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # noqa: S104 - compared, not bound


def accepted_host(allowed_hosts: list[str], otherwise: str) -> str:
    """A Host header that Django accepts, with what ALLOWED_HOSTS holds."""
    for name in allowed_hosts:
        if name != "*":
            return name.removeprefix(".")
    return otherwise
