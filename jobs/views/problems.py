"""What is shown when something broke that no view has foreseen."""

from __future__ import annotations

import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views import defaults

RETRY_AFTER_SECONDS = 5


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler500, called while the exception is being handled. 503 where the database is away, else 500."""
    if isinstance(sys.exception(), OperationalError | InterfaceError):
        # Without the request: who is signed in stands in the database too.
        answer = render(None, "503.html", status=503)
        answer["Retry-After"] = str(RETRY_AFTER_SECONDS)
        return answer
    return defaults.server_error(request)
