"""What a browser is shown when a view fails: away for a while is not the same as broken."""

from __future__ import annotations

import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseServerError
from django.template.loader import render_to_string

from jobs import errors

RETRY_AFTER_SECONDS = 10
AWAY = (OperationalError, InterfaceError, errors.Unavailable)  # down, full or out of reach: a retry helps


def failed(request: HttpRequest) -> HttpResponse:
    """Django's handler500, called while the exception is handled. It has been logged; no word of it is shown."""
    if not isinstance(sys.exc_info()[1], AWAY):
        return HttpResponseServerError(render_to_string("500.html"))
    response = HttpResponse(render_to_string("503.html"), status=503)
    response["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response
