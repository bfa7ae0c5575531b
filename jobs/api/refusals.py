"""Every refusal in one envelope: `{"error": {"code", "message", "fields"}}`. No traceback, no host's own words."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from django.core.exceptions import RequestDataTooBig, SuspiciousOperation, TooManyFieldsSent, TooManyFilesSent
from django.db import DatabaseError, DataError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from jobs import actors, errors

log = logging.getLogger(__name__)

STATUS_OF_CODE = {
    "unauthenticated": 401,
    "forbidden": 403,
    "not_found": 404,
    "conflict": 409,
    "not_ready": 409,
    "too_large": 413,
    "unsupported_type": 415,
    "invalid": 422,
    "unreadable": 422,
    "password_required": 422,
    "wrong_password": 422,
    "no_pages": 422,
    "too_many_pages": 422,
    "rate_limited": 429,
    "unavailable": 503,
    "out_of_space": 507,
}
SIGN_IN = "Send a token in the header “Authorization: Bearer TOKEN”, or sign in."
NO_SUCH_ADDRESS = "There is nothing at this address. /api/v1/docs lists what there is."
OUR_FAULT = "Something went wrong here; it has been noted. Try again, and tell an administrator if it stays."
DATABASE_AWAY = "The database cannot be reached right now. Try again in a moment."


def envelope(
    code: str, message: str, fields: dict[str, str] | None = None, *, status: int | None = None
) -> JsonResponse:
    """A refusal as an HTTP response; `status` only where the code's own does not fit."""
    body = {"error": {"code": code, "message": message, "fields": fields or {}}}
    response = JsonResponse(body, status=status or STATUS_OF_CODE[code])
    if response.status_code == 401:
        response["WWW-Authenticate"] = 'Bearer realm="ocrsite"'
    return response


def of_error(error: errors.OcrsiteError) -> JsonResponse:
    fields = getattr(error, "fields", None)
    return envelope(error.code, error.message, fields)


def install(api: NinjaAPI) -> None:
    """Every exception that leaves a route, turned into the envelope."""
    handlers: list[tuple[type[Exception], Callable[[HttpRequest, Any], HttpResponse]]] = [
        (errors.BeingMade, _being_made),
        (errors.OcrsiteError, lambda request, error: of_error(error)),
        (ValidationError, _not_valid),
        (AuthenticationError, lambda request, error: envelope("unauthenticated", SIGN_IN)),
        (HttpError, _http_error),
        (Http404, lambda request, error: envelope("not_found", NO_SUCH_ADDRESS)),
        (RequestDataTooBig, _too_big),
        (TooManyFieldsSent, _broken_body),
        (TooManyFilesSent, _broken_body),
        (SuspiciousOperation, _broken_body),
        (MultiPartParserError, _broken_body),
        (UnreadablePostError, _broken_body),
        (DataError, _not_storable),
        (OverflowError, _not_storable),
        (DatabaseError, _database_away),
        (Exception, _unforeseen),
    ]
    for kind, handler in handlers:
        api.add_exception_handler(kind, handler)


def _being_made(request: HttpRequest, error: errors.BeingMade) -> HttpResponse:
    actors.export_soon(error.to_make)
    response = of_error(error)
    response["Retry-After"] = str(error.retry_after_seconds)
    return response


def _http_error(request: HttpRequest, error: HttpError) -> HttpResponse:
    """django-ninja raises it for a JSON body that cannot be parsed; nothing of ours does."""
    return envelope("invalid", "The body is not valid JSON.")


def _too_big(request: HttpRequest, error: Exception) -> HttpResponse:
    return envelope("too_large", "The request's fields are too large. Files go into the field “file”.")


def _broken_body(request: HttpRequest, error: Exception) -> HttpResponse:
    return envelope("invalid", "The request's body is broken or was cut off: send it again, as multipart/form-data.")


def _not_storable(request: HttpRequest, error: Exception) -> HttpResponse:
    return envelope("invalid", "The request holds characters or numbers that cannot be kept.")


def _database_away(request: HttpRequest, error: DatabaseError) -> HttpResponse:
    log.exception("%s %s: the database failed", request.method, request.path)
    return envelope("unavailable", DATABASE_AWAY)


def _unforeseen(request: HttpRequest, error: Exception) -> HttpResponse:
    log.exception("%s %s failed", request.method, request.path)
    return envelope("unavailable", OUR_FAULT, status=500)


def _not_valid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    fields = {_field_of(fault["loc"]): _sentence(fault) for fault in error.errors}
    told = " ".join(f"{name}: {sentence}" for name, sentence in fields.items())
    return envelope("invalid", f"The request cannot be used. {told}", fields)


def _field_of(location: tuple[Any, ...]) -> str:
    """("body", "payload", "slots") → "slots": where it came from and what our function calls it is our own business."""
    names = [str(part) for part in location[1:] if part not in ("payload", "form", "query", "facts")]
    return ".".join(names) or "body"


_SENTENCES = {
    "missing": "This is needed.",
    "extra_forbidden": "There is no such field.",
    "literal_error": "Use one of {expected}.",
    "int_parsing": "Use a whole number.",
    "int_type": "Use a whole number.",
    "int_from_float": "Use a whole number.",
    "float_parsing": "Use a number.",
    "bool_parsing": "Use true or false.",
    "bool_type": "Use true or false.",
    "string_type": "Use text.",
    "string_too_long": "Use at most {max_length} characters.",
    "greater_than_equal": "Use {ge} or more.",
    "less_than_equal": "Use {le} or less.",
    "dict_type": "Use an object of fields.",
    "list_type": "Use a list.",
    "datetime_from_date_parsing": "Use a time such as 2026-01-31T12:00:00Z.",
    "datetime_parsing": "Use a time such as 2026-01-31T12:00:00Z.",
    "timezone_aware": "Say the time zone too, as in 2026-01-31T12:00:00Z.",
}


def _sentence(fault: dict[str, Any]) -> str:
    pattern = _SENTENCES.get(fault["type"])
    if pattern is None:
        return f"{fault['msg'].rstrip('.')}."
    context = dict(fault.get("ctx") or {})
    if "expected" in context:
        context["expected"] = context["expected"].replace("'", "").replace(" or ", ", ")
    return pattern.format(**context)
