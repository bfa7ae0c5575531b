"""The JSON API, version 1."""

from __future__ import annotations

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from ninja import NinjaAPI

from jobs.api import (
    alerts,
    audit,
    backends,
    benchmarks,
    documents,
    events,
    me,
    measuring,
    pages,
    readings,
    refusals,
    retention,
    routing,
    trash,
    webhooks,
)
from jobs.api.auth import needs

DESCRIPTION = """\
Upload documents, watch their pages, take their text along; for administrators, backends and routing.

**Authentication**: `Authorization: Bearer TOKEN`, or the session cookie of a signed-in browser with `X-CSRFToken`.
A token's scope is read, write or admin, and never more than its owner may do.

**Errors**: `{"error": {"code": "…", "message": "…", "fields": {…}}}`, always. The message is a sentence for people,
the code is for programs. Documents of others answer 404.

**Lists**: `?limit=` (50, at most 500) and `&cursor=`; `next_cursor` is null at the end. Times are ISO 8601, UTC.
"""

api = NinjaAPI(
    title="ocrsite",
    version="1",
    description=DESCRIPTION,
    urls_namespace="api",
    openapi_url=None,  # served in urls.py, to those who may use the API only
    docs_url=None,
)
refusals.install(api)
for router in (
    documents.router,
    pages.router,
    readings.router,
    backends.router,
    benchmarks.router,
    measuring.router,
    routing.router,
    alerts.router,
    events.router,
    webhooks.router,
    audit.router,
    me.router,
    trash.router,
    retention.router,
):
    api.add_router("", router)


def refusal_for(request: HttpRequest, scope: str) -> HttpResponseBase | None:
    """What somebody gets who may not, None for those who may: for addresses beside the API's own routes."""
    try:
        known = any(check(request) for check in needs(scope))
    except Exception as error:  # noqa: BLE001 - the API's own handlers turn every one into the envelope
        return api.on_exception(request, error)
    return None if known else refusals.envelope("unauthenticated", refusals.SIGN_IN)
