"""A request as the middleware leaves it, for the type checker."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails


class SiteRequest(HttpRequest):
    """From somebody who signed in; `htmx` is true for what a script asks for."""

    user: User
    htmx: HtmxDetails
