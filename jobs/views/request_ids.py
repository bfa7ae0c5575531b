"""Each request has an id: X-Request-ID as it was sent, if it is well-formed, else a new one.

It is answered back, stands in every log line of the request, and is kept with a document that it brings.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from structlog.contextvars import bind_contextvars, bound_contextvars, unbind_contextvars

from jobs.services import log_ids

HEADER = "X-Request-ID"
OF_ADDRESS = {"document_id": "document", "number": "page"}  # what an address names, and what log lines call it


class RequestIds:
    """Middleware; the outermost, so that refusals and redirects of all others have their id too."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request_id = log_ids.accepted(request.headers.get(HEADER, ""))
        with bound_contextvars(request_id=request_id):
            try:
                response = self._get_response(request)
            finally:
                unbind_contextvars(*OF_ADDRESS.values())
        response[HEADER] = request_id
        return response

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: dict[str, Any]) -> None:
        named = {word: kwargs[name] for name, word in OF_ADDRESS.items() if name in kwargs}
        bind_contextvars(**{word: value if isinstance(value, int) else str(value) for word, value in named.items()})
