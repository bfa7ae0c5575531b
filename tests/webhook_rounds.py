"""Events and rounds of delivery in this process, without Redis."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from jobs.models import Delivery, Webhook
from jobs.services import delivering, events


def happened(owner: Any, type: str = "document.done") -> None:
    """An event of this person's, and a message to each webhook that wants it."""
    events.record(type, owner=owner.pk, data={"name": "report.pdf"})


def a_round() -> int:
    """What the clock and the workers do once, with nobody asked lately and nobody resting. How many arrived."""
    Webhook.objects.update(asked_at=None, busy_until=None)
    Delivery.objects.filter(state="pending").update(next_try_at=timezone.now())
    return sum(delivering.deliver(pk) for pk in delivering.due())
