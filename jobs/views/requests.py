"""A request as the middleware leaves it, and where it came from."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme
from django_htmx.middleware import HtmxDetails


class SiteRequest(HttpRequest):
    """From somebody who signed in; `htmx` is true for what a script asks for."""

    user: User
    htmx: HtmxDetails


def asked_from(there: str) -> str:
    """The address on this site that a form was sent from, as the form says; else the list of documents."""
    return there if url_has_allowed_host_and_scheme(there, allowed_hosts=None) else "documents"
