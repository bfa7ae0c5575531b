"""Addresses of the API and of the health checks. None of them redirects to the sign-in page but the API's own docs."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import URLPattern, path, re_path, reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from jobs.api import health, metrics, refusals
from jobs.api.site import api, refusal_for

View = Callable[..., HttpResponseBase]


def in_envelope(view: View) -> View:
    """Signing in is the API's own business, and a wrong method is refused like everything else."""

    @csrf_exempt
    @login_not_required
    @functools.wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = view(request, *args, **kwargs)
        return _wrong_method(response) if response.status_code == 405 else response

    return wrapped


def _wrong_method(response: HttpResponseBase) -> HttpResponseBase:
    refusal = refusals.envelope("invalid", f"Use {response['Allow']} at this address.", status=405)
    refusal["Allow"] = response["Allow"]
    return refusal


@in_envelope
@require_safe
def openapi(request: HttpRequest) -> HttpResponseBase:
    """The API's description, for those who may use it."""
    return refusal_for(request, "read") or JsonResponse(_schema())


@functools.cache
def _schema() -> dict[str, Any]:
    return dict(api.get_openapi_schema())


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """The API in a browser. django-ninja's page: its scripts are files of ours, so the strict policy holds."""
    shown = {"url": reverse("openapi"), "layout": "BaseLayout", "deepLinking": True}
    context = {"api": api, "swagger_settings": json.dumps(shown), "add_csrf": True}
    return render(request, "ninja/swagger.html", context)


@in_envelope
def nowhere(request: HttpRequest) -> HttpResponseBase:
    return refusals.envelope("not_found", refusals.NO_SUCH_ADDRESS)


def _routes() -> list[URLPattern]:
    patterns, _, _ = api.urls
    routes = [pattern for pattern in patterns if isinstance(pattern, URLPattern) and pattern.name != "api-root"]
    for pattern in routes:
        pattern.callback = in_envelope(pattern.callback)
    return [*routes, path("", nowhere, name="api-root")]


urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", in_envelope(metrics.metrics), name="metrics"),
    path("api/v1/openapi.json", openapi, name="openapi"),
    path("api/v1/docs", docs, name="api-docs"),
    path("api/v1/", (_routes(), "ninja", "api")),
    re_path(r"^api(?:/.*)?$", nowhere),
]
