"""Alerts: for administrators."""

from __future__ import annotations

from typing import Any, Literal

from django.http import HttpRequest
from ninja import Field, Query, Router, Schema

from jobs.api import notice_examples as examples
from jobs.api.answers import answers
from jobs.api.auth import needs
from jobs.schemas import AcknowledgeIn, AlertList, AlertOut
from jobs.services import alerts

router = Router(tags=["Alerts"], auth=needs("admin"))


class AlertsQuery(Schema):
    limit: int = Field(50, ge=1, le=500, examples=[50])
    cursor: str = Field("", pattern=r"^[0-9]{0,18}$", description="next_cursor of the page before.")
    state: Literal["firing", "cleared"] | None = Field(None, description="Only these; without it both.")


@router.get("/alerts", summary="List alerts", **answers(AlertList, example=examples.ALERTS, refusals=("invalid",)))
def list_alerts(request: HttpRequest, query: Query[AlertsQuery]) -> dict[str, Any]:
    """What fires and what has ended, the newest beginning first."""
    before = int(query.cursor) if query.cursor else None
    rows = alerts.listed(limit=query.limit + 1, before=before, phase=query.state or "")
    shown = rows[: query.limit]
    more = len(rows) > query.limit
    return {"items": [AlertOut.of(row) for row in shown], "next_cursor": str(shown[-1].pk) if more else None}


@router.post(
    "/alerts/{int:alert_id}/acknowledge",
    summary="Acknowledge an alert",
    **answers(
        AlertOut, example=examples.ALERT, refusals=("not_found", "invalid", "conflict"), body=examples.ACKNOWLEDGE
    ),
)
def acknowledge_alert(request: HttpRequest, alert_id: int, payload: AcknowledgeIn = AcknowledgeIn()) -> AlertOut:  # noqa: B008 - django-ninja's way of saying that the body may be missing; never changed
    """It is quiet from now on, until its cause or its severity changes, or it ends. 409 for one that has ended."""
    return AlertOut.of(alerts.acknowledge(alert_id, by=request.user, note=payload.note))
