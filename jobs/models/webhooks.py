"""What programs are told: events, who wants to hear of them, and each message on its way."""

from __future__ import annotations

import secrets
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from jobs import errors

DELIVERY_STATES = ("pending", "delivered", "failed")


def new_message_id() -> str:
    return f"msg_{secrets.token_urlsafe(18)}"


class EventQuerySet(models.QuerySet["Event"]):
    def visible_to(self, user: Any) -> EventQuerySet:
        """Those of one's own documents; all for administrators."""
        return self if user.is_superuser else self.filter(owner=user)


class Event(models.Model):
    """Something that happened; its id is the cursor. Written in the transaction of what happened, kept for a week."""

    type = models.CharField(max_length=20)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True, related_name="+",
        help_text="whose document it is about; empty: for administrators",
    )  # fmt: skip
    document = models.UUIDField(null=True, blank=True, help_text="outlives its row")
    data: models.JSONField[Any] = models.JSONField(default=dict)
    at = models.DateTimeField(auto_now_add=True, db_index=True)

    objects: ClassVar[Any] = EventQuerySet.as_manager()

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.type} {self.pk}"


class WebhookQuerySet(models.QuerySet["Webhook"]):
    def one_for(self, user: Any, webhook_id: Any) -> Webhook:
        """One's own. Raises errors.NotFound for what is not there and what is not theirs alike."""
        found = self.filter(user=user, pk=webhook_id).first()
        if found is None:
            raise errors.NotFound("There is no such webhook.")
        return found


class Webhook(models.Model):
    """An address that hears of events. `busy_until`: a worker delivers to it until then, or it rests after a failure.
    `asked_at`: when a worker was last asked to."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="webhooks")
    url = models.CharField(max_length=500)
    description = models.CharField(max_length=100, blank=True, default="")
    events: models.JSONField[Any] = models.JSONField(default=list)
    encrypted_secret = models.TextField()
    enabled = models.BooleanField(default=True)
    disabled_reason = models.TextField(blank=True, default="", help_text="why the site switched it off")
    failing_since = models.DateTimeField(null=True, blank=True)
    busy_until = models.DateTimeField(null=True, blank=True)
    asked_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[Any] = WebhookQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        """Its address without what stands behind the ?, which may be a secret: for logs and mails."""
        return self.url.partition("?")[0]


class Delivery(models.Model):
    """One message to one webhook. Its id and its body stay the same at every try."""

    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries")
    message_id = models.CharField(max_length=40, unique=True, default=new_message_id)
    type = models.CharField(max_length=20)
    body = models.TextField()
    state = models.CharField(max_length=10, choices=[(s, s) for s in DELIVERY_STATES], default="pending")
    tries = models.PositiveSmallIntegerField(default=0)
    next_try_at = models.DateTimeField(null=True, blank=True)
    status = models.PositiveSmallIntegerField(null=True, blank=True, help_text="HTTP status of the newest answer")
    error = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)
    delivered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "deliveries"
        indexes = [models.Index(fields=["webhook", "next_try_at"], name="delivery_due", condition=Q(state="pending"))]

    def __str__(self) -> str:
        return f"{self.type} {self.message_id}"
