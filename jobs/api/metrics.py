"""/metrics, for Prometheus: an administrator's token or session, or OCRSITE_METRICS_TOKEN, which opens nothing else.

An address is no proof: behind a proxy everybody comes from loopback.
"""

from __future__ import annotations

import hmac
import threading
import time
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from jobs.api import exposition
from jobs.api.site import refusal_for
from jobs.services import figures

KEPT_SECONDS = 3.0  # shorter than any scrape interval, or a counter might seem to go back between two processes


class Kept:
    """A value that is made anew when it is older than `seconds`; whoever asks meanwhile waits and shares it."""

    def __init__(self, make: Callable[[], bytes], seconds: float, now: Callable[[], float] = time.monotonic) -> None:
        self._make, self._seconds, self._now = make, seconds, now
        self._value = b""
        self._made_at: float | None = None
        self._guard = threading.Lock()

    def get(self) -> bytes:
        with self._guard:
            now = self._now()
            if self._made_at is None or now - self._made_at >= self._seconds:
                self._value = self._make()
                self._made_at = now  # as old as what was read first
            return self._value

    def forget(self) -> None:
        with self._guard:
            self._made_at = None


SCRAPE = Kept(lambda: exposition.text(figures.read()), KEPT_SECONDS)


@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponseBase:
    """The site's figures, as Prometheus reads them."""
    refusal = None if _has_metrics_token(request) else refusal_for(request, "admin")
    return refusal or HttpResponse(SCRAPE.get(), content_type=exposition.CONTENT_TYPE)


def _has_metrics_token(request: HttpRequest) -> bool:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    known = settings.METRICS_TOKEN
    if not known or kind.lower() != "bearer":
        return False
    return hmac.compare_digest(token.strip().encode("utf-8", "replace"), known.encode())
