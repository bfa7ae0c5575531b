"""Events, webhooks and deliveries."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from ninja import Field, Schema

from jobs.domain import webhooks
from jobs.models import Event


class EventOut(Schema):
    cursor: str
    type: str = Field(description=f"One of {', '.join(webhooks.EVENTS)}.")
    document: str | None
    page: int | None = Field(None, description="null: there is no event of a page yet")
    at: datetime
    data: dict[str, Any]

    @classmethod
    def of(cls, row: Event) -> EventOut:
        document = str(row.document) if row.document else None
        return cls(cursor=str(row.pk), type=row.type, document=document, page=None, at=row.at, data=row.data)


class EventList(Schema):
    items: list[EventOut]
    next_cursor: str | None = None


class WebhookOut(Schema):
    id: int
    url: str
    description: str
    events: list[str]
    enabled: bool
    disabled_reason: str = Field(description="why the site switched it off; empty otherwise")
    failing_since: datetime | None
    created_at: datetime


class RegisteredWebhook(WebhookOut):
    secret: str = Field(description="Signs the messages. Shown this once.")


class WebhookList(Schema):
    items: list[WebhookOut]
    next_cursor: str | None = None


class WebhookFields(Schema):
    """What may be set. What is left out keeps its value."""

    model_config = {"extra": "forbid"}

    url: str | None = None
    events: list[str] | None = None
    description: str | None = None
    enabled: bool | None = None


class NewWebhook(Schema):
    model_config = {"extra": "forbid"}

    url: str = Field(description="http or https, on the public internet or where the operator allows it.")
    events: list[str]
    description: str = ""


class DeliveryOut(Schema):
    id: int
    message_id: str = Field(description="the header webhook-id, the same at every try")
    type: str
    state: Literal["pending", "delivered", "failed"]
    tries: int
    status: int | None = Field(description="HTTP status of the newest answer")
    error: str
    created_at: datetime
    next_try_at: datetime | None
    delivered_at: datetime | None


class DeliveryList(Schema):
    items: list[DeliveryOut]
    next_cursor: str | None = None
