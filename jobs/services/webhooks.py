"""Webhooks as their owners see them: registered, changed, tested, removed, and what was sent to them."""

from __future__ import annotations

import secrets as randomness
from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone

from jobs import errors
from jobs.domain import webhooks as domain
from jobs.gateways import outgoing, secrets
from jobs.models import Delivery, Webhook
from jobs.services import access, events

MOST = 20  # of one person
SECRET_BYTES = 32  # the specification asks for 24 to 64
DESCRIPTION_CHARACTERS = 100


def permitted(user: Any) -> tuple[str, ...]:
    """The events that this person may hear of."""
    return domain.EVENTS if user.is_superuser else domain.OF_DOCUMENTS


def of(user: Any) -> list[Webhook]:
    """One's own webhooks, newest first."""
    return list(Webhook.objects.filter(user=user))


def find(user: Any, webhook_id: int) -> Webhook:
    """One's own. Raises errors.NotFound."""
    found: Webhook = Webhook.objects.one_for(user, webhook_id)
    return found


def register(user: Any, *, url: str, events: Sequence[str], description: str = "") -> tuple[Webhook, str]:
    """A new webhook and its signing secret, which is shown this once. Raises errors.Invalid, errors.Conflict."""
    _check(user, url=url, events=events, description=description)
    if Webhook.objects.filter(user=user).count() >= MOST:
        raise errors.Conflict(f"You have {MOST} webhooks, the most there may be: remove one first.")
    secret = domain.secret_text(randomness.token_bytes(SECRET_BYTES))
    hook = Webhook.objects.create(
        user=user,
        url=url,
        events=_in_order(events),
        description=description.strip(),
        encrypted_secret=secrets.encrypt(secret),
    )
    access.audit("webhook.created", by=user, subject=str(hook), detail={"events": hook.events})
    return hook, secret


def _check(user: Any, *, url: str | None = None, events: Sequence[str] | None = None, description: str = "") -> None:
    """Raises errors.Invalid for what is given and wrong; None is not given."""
    wrong: dict[str, str] = {}
    try:
        if url is not None:
            outgoing.check_form(url)
    except errors.Invalid as error:
        wrong |= error.fields
    if events is not None and (not events or set(events) - set(permitted(user))):
        wrong["events"] = f"Choose from {', '.join(permitted(user))}."
    if len(description.strip()) > DESCRIPTION_CHARACTERS:
        wrong["description"] = f"Use at most {DESCRIPTION_CHARACTERS} characters."
    if wrong:
        raise errors.Invalid("The webhook was not saved. " + " ".join(wrong.values()), wrong)


def _in_order(events: Sequence[str]) -> list[str]:
    return [event for event in domain.EVENTS if event in events]


def change(user: Any, webhook_id: int, **fields: Any) -> Webhook:
    """Change url, events, description or enabled. Switching it on again forgets that it failed.

    Raises errors.NotFound, errors.Invalid.
    """
    hook = find(user, webhook_id)
    _check(user, **{name: value for name, value in fields.items() if name != "enabled"})
    for name, value in fields.items():
        setattr(hook, name, value)
    hook.events, hook.description = _in_order(hook.events), hook.description.strip()
    if fields.get("enabled"):
        hook.disabled_reason, hook.failing_since = "", None
    hook.save(update_fields=["url", "events", "description", "enabled", "disabled_reason", "failing_since"])
    access.audit("webhook.changed", by=user, subject=str(hook), detail={"fields": sorted(fields)})
    return hook


def remove(user: Any, webhook_id: int) -> None:
    """It is gone, with what was on its way to it. Raises errors.NotFound."""
    hook = find(user, webhook_id)
    with transaction.atomic():
        # Locked first: a message that is being stored meanwhile is seen, and goes along.
        for locked in Webhook.objects.select_for_update().filter(pk=hook.pk):
            locked.delete()
    access.audit("webhook.removed", by=user, subject=str(hook))


def test(user: Any, webhook_id: int) -> Delivery:
    """Queue a message of the type “test”. Raises errors.NotFound, errors.Conflict for one that is switched off."""
    hook = _switched_on(find(user, webhook_id))
    body = events.message(domain.TEST, timezone.now(), {"message": "This is a test."})
    return events.queue([hook], domain.TEST, body)[0]


def _switched_on(hook: Webhook) -> Webhook:
    if not hook.enabled:
        raise errors.Conflict("This webhook is switched off: switch it on first.")
    return hook


def deliveries(hook: Webhook, *, limit: int, before: int | None = None) -> list[Delivery]:
    """What was sent to it and what is on its way, the newest first; older than the one with the id `before`."""
    found = Delivery.objects.filter(webhook=hook).order_by("-id")
    return list((found if before is None else found.filter(pk__lt=before))[:limit])


def redeliver(user: Any, webhook_id: int, delivery_id: int) -> Delivery:
    """Send a message once more, with the same id and the same body. Raises errors.NotFound, errors.Conflict."""
    hook = find(user, webhook_id)
    rows = Delivery.objects.filter(webhook=hook, pk=delivery_id)
    if not rows.exists():
        raise errors.NotFound("There is no such delivery.")
    _switched_on(hook)
    rows.update(state="pending", tries=0, next_try_at=timezone.now(), delivered_at=None)
    return rows.get()
