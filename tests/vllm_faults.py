"""What can go wrong with the simulated vLLM server, and how it then answers."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests import vllm_answers as answers

CHAT = "/v1/chat/completions"
# These are answered at once, whatever the queue; all others wait for a slot like any page.
AT_ONCE = ("status", "busy", "draining", "reset", "hang", "wrong_model", "html_garbage")
IN_A_SLOT = ("engine_death", "oom_words", "truncated_json", "cut_mid_body", "dribble", "abort")
READINGS = ("looping", "empty", "cut_off", "slow", "wrong_text")
KINDS = (*AT_ONCE, *IN_A_SLOT, *READINGS, "refuse")


@dataclass
class Call:
    """One request as it arrived. Times are of time.monotonic(); `outcome` is "" while it runs."""

    image_sha256: str
    prompt: str
    body: dict[str, Any]
    started: float
    ended: float | None = None
    outcome: str = ""


@dataclass
class Fault:
    """`times` None means until it is cleared. `when` sees the Call. `options` belong to the kind (status, seconds…)."""

    kind: str
    times: int | None = None
    when: Callable[[Call], bool] | None = None
    path: str = CHAT
    options: dict[str, Any] = field(default_factory=dict)

    def meets(self, path: str, call: Call | None) -> bool:
        if self.path != path or self.times == 0:
            return False
        return call is None or self.when is None or self.when(call)


def engine_dead() -> web.Response:
    return web.json_response(answers.error(answers.ENGINE_DEATH), status=500)


async def misbehave(request: web.Request, fault: Fault) -> web.StreamResponse:
    """The faults that need no slot."""
    doing: dict[str, Callable[[], Awaitable[web.StreamResponse]]] = {
        "hang": lambda: asyncio.get_running_loop().create_future(),
        "reset": lambda: _reset(request),
    }
    if fault.kind in doing:
        return await doing[fault.kind]()
    if fault.kind == "html_garbage":
        return web.Response(text="<html><body><h1>It works!</h1></body></html>", content_type="text/html")
    status = {"busy": 503, "draining": 500, "wrong_model": 404}.get(fault.kind, fault.options.get("status", 500))
    message = {"busy": answers.BUSY, "draining": answers.DRAINING, "wrong_model": "The model does not exist."}
    text = message.get(fault.kind, fault.options.get("message", "Internal server error"))
    payload = {"error": "Unauthorized"} if status == 401 else answers.error(text, status, fault.options.get("param"))
    body = fault.options.get("body", json.dumps(payload))
    headers = {"Content-Type": "application/json", **fault.options.get("headers", {})}
    return web.Response(status=status, body=body.encode(), headers=headers)


async def spoil(request: web.Request, fault: Fault, data: bytes) -> web.StreamResponse:
    """The faults of an answer that was ready."""
    if fault.kind == "oom_words":
        return web.json_response(answers.error(answers.OOM), status=500)
    if fault.kind == "truncated_json":
        return web.Response(body=data[: len(data) // 2], content_type="application/json")
    if fault.kind == "abort":
        return web.Response(body=data, content_type="application/json")
    response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": str(len(data))})
    await response.prepare(request)
    if fault.kind == "cut_mid_body":
        await response.write(data[: len(data) // 2])
        abort(request, hard=False)
        return response
    for sign in data:
        await response.write(bytes([sign]))
        await asyncio.sleep(fault.options.get("seconds", 0.05))
    return response


async def _reset(request: web.Request) -> web.Response:
    abort(request, hard=True)
    return web.Response()


def abort(request: web.Request, *, hard: bool) -> None:
    """Cut the connection; `hard` makes the client see a reset instead of an end."""
    transport = request.transport
    if transport is None:
        return
    if hard:
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    else:
        transport.close()  # what was written goes out first
