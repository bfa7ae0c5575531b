"""Who is asking."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from ninja import Router

from jobs.api import examples
from jobs.api.answers import answers
from jobs.api.auth import needs, scope_of
from jobs.schemas import Me, Quotas
from jobs.services import access

router = Router(tags=["Me"])


@router.get("/me", auth=needs("read"), summary="Who am I", **answers(Me, example=examples.ME))
def get_me(request: HttpRequest) -> Me:
    """Name, role, what this request may do, and the limits of an upload."""
    facts: dict[str, Any] = {
        "name": request.user.get_username(),
        "role": access.role(request.user),
        "scope": scope_of(request),
        "quotas": Quotas(max_upload_bytes=settings.MAX_UPLOAD_BYTES, max_pages=settings.MAX_PAGES),
    }
    return Me(**facts)
