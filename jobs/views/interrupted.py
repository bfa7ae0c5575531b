"""Lets go of a request's uploads as soon as it has been answered, however it ended."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase


class ClosingUploads:
    """A middleware, around all that may read a request's body.

    Django closes the files that came whole. A file in the middle of which a body turned out to be broken it leaves to
    Python's collector, which may not come by for hours on a quiet site.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        try:
            return self._get_response(request)
        finally:
            for handler in request.upload_handlers:
                handler.upload_interrupted()
