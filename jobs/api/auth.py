"""Who asks: a token in the Authorization header, or the session cookie with its CSRF token.

Each route says what it needs: `auth=needs("read")`, "write" or "admin".
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from ninja.errors import AuthenticationError
from ninja.security.base import AuthBase
from ninja.utils import check_csrf

from jobs import errors
from jobs.api import uploading
from jobs.services import access

NO_CSRF = "The request came without this site's CSRF token: reload the page and try again."
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class BearerToken(AuthBase):
    """`Authorization: Bearer TOKEN`. Not django-ninja's HttpBearer, which logs the header when DEBUG is on."""

    openapi_type = "http"
    openapi_scheme = "bearer"
    openapi_description = "A token from the site's page “API tokens”, or from `manage.py createtoken`."

    def __init__(self, scope: str) -> None:
        self.scope = scope
        super().__init__()

    def __call__(self, request: HttpRequest) -> str | None:
        header = request.headers.get("Authorization", "")
        if not header:
            return None
        kind, _, plain = header.partition(" ")
        token = access.user_for_token(plain.strip()) if kind.lower() == "bearer" else None
        if token is None:
            raise AuthenticationError  # a wrong token is never mended by a cookie that happens to be there
        request.user = token.user
        uploading.refuse_too_long(request)
        return _granted(access.effective_scope(token), self.scope, request.user)


class SessionCookie(AuthBase):
    """The session of somebody who is signed in. Whatever changes something needs the CSRF token as a header."""

    openapi_type = "apiKey"
    openapi_in = "cookie"
    openapi_name = settings.SESSION_COOKIE_NAME
    openapi_description = "The session cookie of a signed-in browser; with X-CSRFToken for everything but GET."
    csrf = True

    def __init__(self, scope: str) -> None:
        self.scope = scope
        super().__init__()

    def __call__(self, request: HttpRequest) -> str | None:
        if not request.user.is_authenticated:
            return None
        if request.method not in _SAFE_METHODS:
            _check_csrf(request)
        return _granted(access.widest_scope(request.user), self.scope, request.user)


def needs(scope: str) -> list[AuthBase]:
    """The authentication of a route that needs this scope."""
    return [BearerToken(scope), SessionCookie(scope)]


def scope_of(request: HttpRequest) -> str:
    """What the request may do, once it is authenticated."""
    return str(vars(request)["auth"])  # django-ninja puts there what the callables above returned


def _check_csrf(request: HttpRequest) -> None:
    """Only the header counts, so that a request without it is refused before its body is read."""
    if not request.headers.get("X-CSRFToken"):
        raise errors.Forbidden(NO_CSRF)
    uploading.refuse_too_long(request)
    if check_csrf(request) is not None:  # reads the body
        raise errors.Forbidden(NO_CSRF)


def _granted(has: str, needed: str, user: Any) -> str:
    if access.scope_covers(has, needed):
        return has
    if needed == "admin" and not user.is_superuser:
        raise errors.Forbidden("Only administrators may do this.")
    raise errors.Forbidden(f"The token's scope is {has}: this needs the scope {needed}.")
