"""What people and programs are told: alerts."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, cast

from ninja import Field, Schema

from jobs.models import Alert
from jobs.services import alerts

Severity = Literal["warning", "critical"]
State = Literal["firing", "cleared"]


class Acknowledgement(Schema):
    by: str | None = Field(description="null where that person's account is gone")
    at: datetime
    note: str


class AlertOut(Schema):
    id: int
    kind: str
    subject: str = Field(description="the backend's name; empty for the site itself")
    severity: Severity
    state: State
    message: str
    value: float | None
    threshold: float | None
    fired_at: datetime | None
    cleared_at: datetime | None
    acknowledged: Acknowledgement | None

    @classmethod
    def of(cls, row: Alert) -> AlertOut:
        by = row.acknowledged_by.get_username() if row.acknowledged_by else None
        known = Acknowledgement(by=by, at=row.acknowledged_at, note=row.note) if row.acknowledged_at else None
        return cls(
            id=row.pk,
            kind=row.kind,
            subject=row.subject,
            severity=cast(Severity, row.severity),
            state=cast(State, row.phase),
            message=alerts.sentence(row),
            value=row.value,
            threshold=row.threshold,
            fired_at=row.fired_at,
            cleared_at=row.cleared_at,
            acknowledged=known,
        )


class AlertList(Schema):
    items: list[AlertOut]
    next_cursor: str | None = None


class AcknowledgeIn(Schema):
    model_config = {"extra": "forbid"}

    note: str = Field(default="", max_length=alerts.NOTE_CHARACTERS, examples=["The fan is being changed."])
