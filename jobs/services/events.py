"""Events: written with what happened, in its transaction, together with a message to each webhook that wants it."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from jobs.domain import webhooks
from jobs.models import Alert, Backend, Delivery, Document, Event, Webhook
from jobs.services import statements as sql

KEPT = timedelta(days=7)
BATCH_ROWS = 5000
OUT_OF_USE = ("down", "hung", "misconfigured")
LOCK_KEY = 0x0C56  # any number, the same in every process: the advisory lock on PostgreSQL


def record(type: str, *, owner: Any = None, document: Any = None, data: dict[str, Any]) -> Event:
    """Note an event and queue it for webhooks. Inside the caller's transaction: both are there, or neither.

    Ids are given in the order of commits, so that whoever reads on after a cursor misses none.
    """
    with transaction.atomic():
        _in_order()
        event = Event.objects.create(type=type, owner_id=owner, document=document, data=data)
        # Locked, so that none is removed before its message is stored: that would undo what happened too.
        webhooks_on = Webhook.objects.select_for_update(no_key=True, of=("self",))
        wanted = webhooks_on.filter(enabled=True, user__is_active=True).order_by("pk")
        wanted = wanted.filter(Q(user__is_superuser=True) | Q(user_id=owner) if owner else Q(user__is_superuser=True))
        body = message(type, event.at, data)
        queue([hook for hook in wanted if type in hook.events], type, body)
    return event


def _in_order() -> None:
    """SQLite's transactions are IMMEDIATE: they hold the only write lock already."""
    if connection.vendor == "postgresql":
        sql.fetch("SELECT pg_advisory_xact_lock(%s)", [LOCK_KEY])


def message(type: str, at: datetime, data: dict[str, Any]) -> str:
    """The body of a message, as Standard Webhooks has it."""
    return json.dumps({"type": type, "timestamp": at.isoformat(), "data": data})


def queue(hooks: list[Webhook], type: str, body: str) -> list[Delivery]:
    now = timezone.now()
    return Delivery.objects.bulk_create(Delivery(webhook=hook, type=type, body=body, next_try_at=now) for hook in hooks)


def document_ended(document_id: Any) -> None:
    """A document is done, partial or failed: inside the transaction that ended it."""
    row = Document.objects.values("id", "owner_id", "name", "status", "page_count", "pages_done", "pages_failed").get(
        pk=document_id
    )
    type = f"document.{row['status']}"
    if type in webhooks.OF_DOCUMENTS:
        shown = {name: row[name] for name in ("name", "status", "page_count", "pages_done", "pages_failed")}
        record(type, owner=row["owner_id"], document=row["id"], data={"document": str(row["id"]), **shown})


def backend_moved(backend_id: int, was: str, now: str, reason: str) -> None:
    """A host fell out of use, or is back: inside the transaction that stored it. Other moves are no event."""
    if (was in OUT_OF_USE) == (now in OUT_OF_USE) or now == "unknown":
        return
    name = Backend.objects.values_list("name", flat=True).get(pk=backend_id)
    type = "backend.down" if now in OUT_OF_USE else "backend.up"
    record(type, data={"backend": name, "state": now, "reason": reason})


def alert_changed(alert: Alert, message: str) -> None:
    """An alert fires, or is over: inside the transaction that stored it."""
    shown = {name: getattr(alert, name) for name in ("kind", "subject", "severity", "value", "threshold")}
    record("alert", data={"alert": alert.pk, "state": alert.phase, "message": message, **shown})


def after(user: Any, cursor: int, limit: int) -> list[Event]:
    """Events that this person may see, in the order in which they happened, after the one with that id."""
    return list(Event.objects.visible_to(user).filter(pk__gt=cursor).order_by("pk")[:limit])


def prune() -> int:
    """Events and messages older than a week are deleted, batch by batch. Returns how many."""
    deleted, before = 0, timezone.now() - KEPT
    for model, old in ((Event, {"at__lt": before}), (Delivery, {"created_at__lt": before})):
        while ids := list(model.objects.filter(**old).values_list("pk", flat=True)[:BATCH_ROWS]):
            deleted += model.objects.filter(pk__in=ids).delete()[0]
    return deleted
