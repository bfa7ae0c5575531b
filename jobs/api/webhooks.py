"""Webhooks: one's own."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Field, Query, Router, Schema, Status

from jobs.api import notice_examples as examples
from jobs.api.answers import answers
from jobs.api.auth import needs
from jobs.models import Delivery, Webhook
from jobs.schemas import (
    DeliveryList,
    DeliveryOut,
    NewWebhook,
    RegisteredWebhook,
    WebhookFields,
    WebhookList,
    WebhookOut,
)
from jobs.services import webhooks

router = Router(tags=["Events and webhooks"])
ONE: dict[str, Any] = answers(WebhookOut, example=examples.WEBHOOK, refusals=("not_found",))


class DeliveriesQuery(Schema):
    limit: int = Field(50, ge=1, le=500, examples=[50])
    cursor: str = Field("", pattern=r"^[0-9]{0,18}$", description="next_cursor of the page before.")


@router.get("/webhooks", auth=needs("read"), summary="List webhooks", **answers(WebhookList, example=examples.WEBHOOKS))
def list_webhooks(request: HttpRequest) -> dict[str, Any]:
    """One's own, newest first. Their secrets are not shown again."""
    return {"items": webhooks.of(request.user), "next_cursor": None}


@router.post(
    "/webhooks",
    auth=needs("write"),
    summary="Add a webhook",
    **answers(
        RegisteredWebhook,
        example=examples.REGISTERED_WEBHOOK,
        status=201,
        refusals=("invalid", "conflict"),
        body=examples.NEW_WEBHOOK,
    ),
)
def create_webhook(request: HttpRequest, payload: NewWebhook) -> Status[dict[str, Any]]:
    """`backend.down`, `backend.up` and `alert` are for administrators. `secret` is in this answer alone: enter it at
    the receiver, which checks the signature with any library of Standard Webhooks."""
    hook, secret = webhooks.register(request.user, **payload.dict())
    return Status(201, {**_fields(hook), "secret": secret})


def _fields(hook: Webhook) -> dict[str, Any]:
    return {name: getattr(hook, name) for name in WebhookOut.model_fields}


@router.get("/webhooks/{int:webhook_id}", auth=needs("read"), summary="Look at a webhook", **ONE)
def get_webhook(request: HttpRequest, webhook_id: int) -> Webhook:
    """Where it goes, what it hears of, and since when nothing arrives there."""
    return webhooks.find(request.user, webhook_id)


@router.patch(
    "/webhooks/{int:webhook_id}",
    auth=needs("write"),
    summary="Change a webhook",
    **answers(WebhookOut, example=examples.WEBHOOK, refusals=("not_found", "invalid"), body={"enabled": False}),
)
def change_webhook(request: HttpRequest, webhook_id: int, payload: WebhookFields) -> Webhook:
    """Only what is given changes. `"enabled": true` starts anew after the site had switched it off."""
    given = {name: value for name, value in payload.dict(exclude_unset=True).items() if value is not None}
    return webhooks.change(request.user, webhook_id, **given)


@router.delete(
    "/webhooks/{int:webhook_id}",
    auth=needs("write"),
    summary="Remove a webhook",
    **answers(None, example=None, status=204, refusals=("not_found",)),
)
def delete_webhook(request: HttpRequest, webhook_id: int) -> Status[None]:
    """With everything that was on its way to it."""
    webhooks.remove(request.user, webhook_id)
    return Status(204, None)


@router.post(
    "/webhooks/{int:webhook_id}/test",
    auth=needs("write"),
    summary="Send a test",
    **answers(DeliveryOut, example=examples.DELIVERY, status=202, refusals=("not_found", "conflict")),
)
def test_webhook(request: HttpRequest, webhook_id: int) -> Status[Delivery]:
    """Queues a message of the type `test`. 409 for a webhook that is switched off."""
    return Status(202, webhooks.test(request.user, webhook_id))


@router.get(
    "/webhooks/{int:webhook_id}/deliveries",
    auth=needs("read"),
    summary="List deliveries",
    **answers(DeliveryList, example=examples.DELIVERIES, refusals=("not_found", "invalid")),
)
def list_deliveries(request: HttpRequest, webhook_id: int, query: Query[DeliveriesQuery]) -> dict[str, Any]:
    """What was sent there and what is on its way, newest first. Kept for 7 days."""
    hook = webhooks.find(request.user, webhook_id)
    before = int(query.cursor) if query.cursor else None
    rows = webhooks.deliveries(hook, limit=query.limit + 1, before=before)
    shown = rows[: query.limit]
    return {"items": shown, "next_cursor": str(shown[-1].pk) if len(rows) > query.limit else None}


@router.post(
    "/webhooks/{int:webhook_id}/deliveries/{int:delivery_id}/redeliver",
    auth=needs("write"),
    summary="Send a message again",
    **answers(DeliveryOut, example=examples.DELIVERY, status=202, refusals=("not_found", "conflict")),
)
def redeliver(request: HttpRequest, webhook_id: int, delivery_id: int) -> Status[Delivery]:
    """With the same id and the same body, whether it arrived before or not."""
    return Status(202, webhooks.redeliver(request.user, webhook_id, delivery_id))
