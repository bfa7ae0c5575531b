"""vLLM's endpoints over an engine."""

from __future__ import annotations

import asyncio
import logging
import time

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import chat, metrics
from .engine import Engine, Result, stopping

logger = logging.getLogger(__name__)

MAX_BODY_BYTES = 64 * 1024 * 1024
_BODY_SECONDS = 60
_CLIENT_CLOSED = 499


def build(engine: Engine) -> Starlette:
    started = int(time.time())

    async def health(request: Request) -> Response:
        return Response(status_code=503 if engine.is_stopping else 200)

    async def load(request: Request) -> Response:
        return JSONResponse({"server_load": engine.metrics.running + engine.metrics.waiting})

    async def version(request: Request) -> Response:
        return JSONResponse({"version": f"tesseract {engine.installed.version}"})

    async def list_models(request: Request) -> Response:
        return JSONResponse(chat.models(await engine.look_again(), started))

    async def show_metrics(request: Request) -> Response:
        return Response(metrics.render(engine.metrics), headers={"content-type": metrics.CONTENT_TYPE})

    async def complete(request: Request) -> Response:
        wanted = chat.read_request(await _unless_stopping(engine.adopt(_body(request))))
        answer = await _unless_gone(request, engine.start(wanted))
        if wanted.stream:
            events = chat.stream(answer, include_usage=wanted.include_usage)
            return Response("".join(events), media_type="text/event-stream")
        return JSONResponse(chat.completion(answer))

    return Starlette(
        routes=[
            Route("/health", health),
            Route("/ping", health),
            Route("/load", load),
            Route("/version", version),
            Route("/metrics", show_metrics),
            Route("/v1/models", list_models),
            Route("/v1/chat/completions", complete, methods=["POST"]),
        ],
        exception_handlers={
            chat.ApiError: _api_error,
            HTTPException: _http_error,
            ClientDisconnect: _client_gone,
            Exception: _unforeseen,
        },
    )


async def _body(request: Request) -> bytes:
    """Bounded in size and time. A client that goes away raises ClientDisconnect."""
    body = bytearray()
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > MAX_BODY_BYTES:
                    message = f"The request is too large: more than {MAX_BODY_BYTES // 1024**2} MiB."
                    raise chat.ApiError(413, message, "BadRequestError")
    except TimeoutError as error:
        raise chat.ApiError(408, "The request did not arrive in time.", "BadRequestError") from error
    return bytes(body)


async def _unless_gone(request: Request, reading: asyncio.Task[chat.Answer]) -> chat.Answer:
    """The answer; or, if the client closes the connection first, the reading cancelled and ClientDisconnect."""
    gone = asyncio.create_task(_wait_until_gone(request))
    try:
        await asyncio.wait({reading, gone}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        gone.cancel()
    if not reading.done():
        reading.cancel()
        raise ClientDisconnect
    return await _unless_stopping(reading)


async def _unless_stopping(task: asyncio.Task[Result]) -> Result:
    try:
        return await task
    except asyncio.CancelledError:
        raise stopping() from None


async def _wait_until_gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _api_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, chat.ApiError)
    return JSONResponse(error.body, error.status)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"detail": error.detail}, error.status_code, headers=error.headers)


async def _client_gone(request: Request, error: Exception) -> Response:
    return Response(status_code=_CLIENT_CLOSED)


async def _unforeseen(request: Request, error: Exception) -> Response:
    """The outermost edge: Starlette raises the error again after this answer, and the server logs it."""
    return JSONResponse(chat.internal_error("Internal server error").body, 500)
