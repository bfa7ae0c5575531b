"""Calls to a vLLM server (or one that speaks like it). Every foreign error becomes `errors.BackendFailed`.

A call ends when it says it will: `requests` knows only a timeout between two bytes, so a watchman thread closes the
socket of a call that passed its total deadline or was cancelled. The host notices and frees the slot (recorded: 0.2 s).
"""

from __future__ import annotations

import json
import logging
import math
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from jobs.domain import chat, failures
from jobs.domain.failures import Failure, TransportFault
from jobs.errors import BackendFailed
from jobs.gateways.transport_faults import FOREIGN, kind_of
from jobs.gateways.watchman import Watch, WatchedHTTPPool, WatchedHTTPSPool, watching

log = logging.getLogger(__name__)

ANSWER_LIMIT_BYTES = 32 * 1024 * 1024
ERROR_LIMIT_BYTES = 64 * 1024
_CHUNK_BYTES = 64 * 1024
_CONNECTIONS_A_HOST = 64


@dataclass(frozen=True)
class Endpoint:
    """Where a backend listens. `base_url` without /v1; the key is never logged or shown. `verify`: a file of
    certificates that an https address is checked against, instead of the public authorities'."""

    base_url: str
    model: str
    api_key: str = ""
    verify: str = ""

    def __repr__(self) -> str:
        return f"Endpoint({self.base_url!r}, {self.model!r})"


@dataclass(frozen=True)
class Deadlines:
    """`read_seconds` is the longest silence, `total_seconds` the whole call, connecting included."""

    connect_seconds: float = 3.0
    read_seconds: float = 180.0
    total_seconds: float = 300.0


@dataclass(frozen=True)
class ServedModel:
    """One entry of /v1/models. `root`: the model that was loaded, whatever it is served as; empty where it is not told.
    `languages` is told by our CPU backend alone."""

    id: str
    max_model_len: int | None
    languages: tuple[str, ...] = ()
    root: str = ""


def complete(
    endpoint: Endpoint,
    body: dict[str, Any],
    deadlines: Deadlines,
    *,
    stop: threading.Event | None = None,
    on_text: Callable[[str], object] | None = None,
    loops: Callable[[str], bool] | None = None,
) -> chat.Reply:
    """Send one page and return the reply; streamed when `body["stream"]` says so. Raises BackendFailed.

    `stop`, set by another thread, ends the call within a moment. `on_text` sees each streamed piece; it may set `stop`
    and must not raise. `loops` sees them too; when it says True the connection is closed, which frees the host's slot,
    and the reply is what had come, with finish reason "repetition".
    """
    with _calling(endpoint, "POST", "/v1/chat/completions", deadlines, body=body, stop=stop) as response:
        if response.status_code != 200:
            raise BackendFailed(_refusal(response, body))
        reply = _streamed(response, on_text, loops) if body.get("stream") and _is_stream(response) else _plain(response)
    if reply.finish_reason == "abort":
        raise _failed(TransportFault.ABORTED, "finish_reason abort")
    return reply


def probe_health(endpoint: Endpoint, timeout_seconds: float) -> bool:
    """Does GET /health answer 200? False when the host answers that it is not well; raises when it does not answer."""
    with _calling(endpoint, "GET", "/health", _short(timeout_seconds)) as response:
        if response.status_code in (200, 500, 503):
            return response.status_code == 200
        raise BackendFailed(_refusal(response))


def is_dead(endpoint: Endpoint, timeout_seconds: float, *, again: bool = True) -> bool:
    """Is the engine surely gone: /health says so, or nobody listens? False when it is well or nothing can be told."""
    try:
        return not probe_health(endpoint, timeout_seconds)
    except BackendFailed as error:
        if again and failures.is_fault(error.failure, TransportFault.RESET):  # it may have been a kept connection
            return is_dead(endpoint, timeout_seconds, again=False)
        return failures.is_fault(error.failure, TransportFault.REFUSED)


def list_models(endpoint: Endpoint, timeout_seconds: float) -> list[ServedModel]:
    """What GET /v1/models names. Raises BackendFailed; a wrong key shows here first."""
    payload = _get_json(endpoint, "/v1/models", timeout_seconds)
    entries = payload.get("data") if isinstance(payload, dict) else None
    if not isinstance(entries, list):
        raise _failed(TransportFault.GARBAGE, "no list of models")
    return [_served(entry) for entry in entries if isinstance(entry, dict) and isinstance(entry.get("id"), str)]


def server_version(endpoint: Endpoint, timeout_seconds: float) -> str:
    """The version GET /version tells, "" where it tells none. Raises BackendFailed."""
    payload = _get_json(endpoint, "/version", timeout_seconds)
    version = payload.get("version") if isinstance(payload, dict) else None
    return version[:50] if isinstance(version, str) else ""


def metrics_text(endpoint: Endpoint, timeout_seconds: float) -> str:
    """The Prometheus text of GET /metrics. Raises BackendFailed (404 where a host has none)."""
    with _calling(endpoint, "GET", "/metrics", _short(timeout_seconds)) as response:
        if response.status_code != 200:
            raise BackendFailed(_refusal(response))
        return _body(response).decode("utf-8", "replace")


def _served(entry: dict[str, Any]) -> ServedModel:
    length, languages = entry.get("max_model_len"), entry.get("languages")
    known = isinstance(length, int) and not isinstance(length, bool) and length > 0
    names = languages if isinstance(languages, list) else []
    told = tuple(name for name in names if isinstance(name, str))
    root = entry.get("root")
    return ServedModel(entry["id"], length if known else None, told, root[:200] if isinstance(root, str) else "")


def _short(timeout_seconds: float) -> Deadlines:
    return Deadlines(timeout_seconds, timeout_seconds, timeout_seconds)


def _get_json(endpoint: Endpoint, path: str, timeout_seconds: float) -> object:
    with _calling(endpoint, "GET", path, _short(timeout_seconds)) as response:
        if response.status_code != 200:
            raise BackendFailed(_refusal(response))
        return _json(_body(response))


@contextmanager
def _calling(
    endpoint: Endpoint,
    method: str,
    path: str,
    deadlines: Deadlines,
    *,
    body: dict[str, Any] | None = None,
    stop: threading.Event | None = None,
) -> Iterator[requests.Response]:
    """One call: whatever breaks inside, also while the answer is read, leaves as BackendFailed."""
    watch = Watch(until=time.monotonic() + deadlines.total_seconds, stop=stop)
    with watching(watch):
        try:
            with _send(endpoint, method, path, deadlines, body) as response:  # closed at the end, however it ends
                yield response
        except FOREIGN as error:
            raise _failed(watch.verdict() or kind_of(error), f"{type(error).__name__}: {error}") from error
        except BackendFailed:
            if verdict := watch.verdict():  # the answer broke because we closed it
                raise _failed(verdict, "the call was ended by us") from None
            raise


def _send(
    endpoint: Endpoint, method: str, path: str, deadlines: Deadlines, body: dict[str, Any] | None
) -> requests.Response:
    headers: dict[str, str | bytes] = {"Accept-Encoding": "identity"}
    if endpoint.api_key:
        headers["Authorization"] = b"Bearer " + endpoint.api_key.encode()
    data = None
    if body is not None:
        headers["Content-Type"] = "application/json"
        data = chat.encode_body(body)
    try:
        return _session().request(
            method,
            endpoint.base_url.rstrip("/") + path,
            data=data,
            headers=headers,
            timeout=(deadlines.connect_seconds, min(deadlines.read_seconds, deadlines.total_seconds)),
            allow_redirects=False,
            stream=True,
            verify=endpoint.verify or None,  # None: as the session has it, which is the public authorities
        )
    except UnicodeError as error:  # a host name that no name server could be asked for
        raise _failed(TransportFault.ADDRESS, f"{type(error).__name__}: {error}") from error


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": WatchedHTTPPool, "https": WatchedHTTPSPool}


@cache
def _session() -> requests.Session:
    """One a process: sockets are pooled, nothing is taken from the environment, no cookie is kept."""
    session = requests.Session()
    session.trust_env = False
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    for scheme in ("http://", "https://"):
        session.mount(scheme, _Adapter(pool_maxsize=_CONNECTIONS_A_HOST, max_retries=0))
    return session


os.register_at_fork(after_in_child=_session.cache_clear)  # two processes on one socket would mix their answers


def _is_stream(response: requests.Response) -> bool:
    """Some servers answer a request for a stream in one piece; a proxy answers it with HTML."""
    return "event-stream" in response.headers.get("Content-Type", "text/event-stream")


def _plain(response: requests.Response) -> chat.Reply:
    try:
        return chat.parse_reply(_json(_body(response)))
    except chat.Garbage as error:
        raise _failed(TransportFault.GARBAGE, str(error)) from error


def _streamed(
    response: requests.Response, on_text: Callable[[str], object] | None, loops: Callable[[str], bool] | None
) -> chat.Reply:
    reader = chat.StreamReader()
    try:
        for line in _lines(response):
            piece = reader.feed(line)
            if piece and on_text is not None:
                on_text(piece)
            if piece and loops is not None and loops(piece):
                return reader.ended_here("repetition")
            if reader.done:
                break
        return reader.reply()
    except chat.StreamError as error:
        raise BackendFailed(failures.classify_stream_error(error.message)) from error
    except chat.StreamBroken as error:
        raise _failed(TransportFault.CUT, str(error)) from error
    except chat.Garbage as error:
        raise _failed(TransportFault.GARBAGE, str(error)) from error


def _lines(response: requests.Response) -> Iterator[str]:
    """Lines as they arrive. Split at newlines alone: str.splitlines would also cut at U+2028 inside a text."""
    rest = b""
    for piece in _pieces(response, ANSWER_LIMIT_BYTES):
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            yield line.decode("utf-8", "replace").rstrip("\r")
    if rest:
        yield rest.decode("utf-8", "replace")


def _pieces(response: requests.Response, limit_bytes: int) -> Iterator[bytes]:
    """The body as it arrives. Raises BackendFailed over the limit: memory is worth more than such an answer."""
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise _failed(TransportFault.GARBAGE, "a compressed answer that was not asked for")
    size = 0
    while piece := response.raw.read1(_CHUNK_BYTES, decode_content=False):
        size += len(piece)
        if size > limit_bytes:
            raise _failed(TransportFault.GARBAGE, f"the answer is longer than {limit_bytes} bytes")
        yield piece


def _body(response: requests.Response) -> bytes:
    return b"".join(_pieces(response, ANSWER_LIMIT_BYTES))


def _refusal(response: requests.Response, body: dict[str, Any] | None = None) -> Failure:
    """What an error answer means. Its status stands even where its body cannot be read."""
    parts: list[bytes] = []
    try:
        for piece in _pieces(response, ERROR_LIMIT_BYTES):
            parts.append(piece)
    except (BackendFailed, *FOREIGN):
        log.debug("an error answer of status %s could not be read to its end", response.status_code)
    by_url = body is None or _image_by_url(body)
    return failures.classify_response(response.status_code, response.headers, b"".join(parts), image_by_url=by_url)


def _image_by_url(body: dict[str, Any]) -> bool:
    """Does the request make the server fetch an image? Ours never do; a passed-through one may."""
    for message in body.get("messages") or ():
        content = message.get("content") if isinstance(message, dict) else None
        for part in content if isinstance(content, list) else ():
            image = part.get("image_url") if isinstance(part, dict) else None
            url = image.get("url") if isinstance(image, dict) else image
            if isinstance(url, str) and not url.startswith("data:"):
                return True
    return False


def _json(data: bytes) -> object:
    try:
        return json.loads(data, parse_constant=lambda _: math.nan)
    except (ValueError, RecursionError) as error:
        raise _failed(TransportFault.GARBAGE, f"not JSON: {data[:200]!r}") from error


def _failed(fault: TransportFault, detail: str) -> BackendFailed:
    return BackendFailed(failures.classify_transport(fault, detail))
