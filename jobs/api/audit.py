"""The audit log: for administrators."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Field, Query, Router, Schema

from jobs.api import examples
from jobs.api.answers import answers
from jobs.api.auth import needs
from jobs.models import AuditEntry
from jobs.schemas import AuditLine, AuditLog
from jobs.services import access

router = Router(tags=["Audit"], auth=needs("admin"))


class AuditQuery(Schema):
    limit: int = Field(50, ge=1, le=500, examples=[50])
    cursor: str = Field("", pattern=r"^[0-9]{0,18}$", description="next_cursor of the page before.")


@router.get("/audit", summary="The audit log", **answers(AuditLog, example=examples.AUDIT_LOG, refusals=("invalid",)))
def list_audit(request: HttpRequest, query: Query[AuditQuery]) -> dict[str, Any]:
    """Who did what to what and when, newest first."""
    rows = access.entries(limit=query.limit + 1, before=int(query.cursor) if query.cursor else None)
    shown = rows[: query.limit]
    more = len(rows) > query.limit
    return {"items": [_line(row) for row in shown], "next_cursor": str(shown[-1].pk) if more else None}


def _line(row: AuditEntry) -> AuditLine:
    return AuditLine(
        id=row.pk,
        at=row.at,
        actor=row.actor.get_username() if row.actor else None,
        action=row.action,
        subject=row.subject,
        detail=row.detail,
    )
