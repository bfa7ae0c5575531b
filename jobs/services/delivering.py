"""Messages to webhooks, on their way: at least once each, with the same id at every try.

A worker takes a webhook for a while and sends what is due to it, one message after another. A worker that dies has
changed nothing: when its time is over another one takes the webhook, and the message goes out again.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from jobs import errors
from jobs.domain import webhooks as domain
from jobs.gateways import mail, outgoing, secrets
from jobs.models import Delivery, Webhook
from jobs.services import access

log = structlog.get_logger(__name__)

ANSWER_SECONDS = 10.0  # for one message; a receiver does its work after it has answered
ROUND_SECONDS = 40.0  # then another webhook has its turn
TAKEN_SECONDS = 60.0  # more than a round and one message: a living worker never loses its webhook
REST_SECONDS = 15.0  # after a failure, so that a receiver that hangs holds a thread for part of the time only
ASKED_SECONDS = 10.0
MOST_AT_ONCE = 4  # webhooks, so that receivers that hang cannot hold all threads that read pages


def due() -> list[int]:
    """Ids of webhooks a worker is to be asked for now; they are noted as asked."""
    now = timezone.now()
    # One that rests is not held; REST_SECONDS is less than what is left to a worker but at the very end of its round.
    held = Webhook.objects.filter(Q(busy_until__gt=now + timedelta(seconds=REST_SECONDS)) | _asked(now)).count()
    # Whoever had no turn for longest goes first: one with a thousand messages that hangs keeps nobody waiting.
    waiting = _waiting(now).exclude(_asked(now)).order_by(F("asked_at").asc(nulls_first=True), "pk")
    chosen = list(waiting.values_list("pk", flat=True)[: max(0, MOST_AT_ONCE - held)])
    Webhook.objects.filter(pk__in=chosen).update(asked_at=now)
    return chosen


def _asked(now: datetime) -> Q:
    return Q(asked_at__gt=now - timedelta(seconds=ASKED_SECONDS))


def _waiting(now: datetime) -> QuerySet[Webhook]:
    free = Q(busy_until=None) | Q(busy_until__lte=now)
    due = Delivery.objects.filter(webhook=OuterRef("pk"), state="pending", next_try_at__lte=now)
    rows: QuerySet[Webhook] = Webhook.objects.filter(free, Exists(due), enabled=True, user__is_active=True)
    return rows


def deliver(webhook_id: int) -> int:
    """Send what is due to one webhook, until the first failure or the round's end. Returns how many arrived; 0 too when
    another worker has it."""
    taken = _take(webhook_id)
    if taken is None:
        return 0
    hook, until = taken
    arrived, failed, end = 0, False, time.monotonic() + ROUND_SECONDS
    try:
        while not failed and time.monotonic() < end and (delivery := _next(hook)):
            failed = not _try(hook, delivery)
            arrived += not failed
    finally:
        rest = timezone.now() + timedelta(seconds=REST_SECONDS) if failed else None
        asked = timezone.now() - timedelta(seconds=ASKED_SECONDS)  # may be asked again, but after the others
        Webhook.objects.filter(pk=hook.pk, busy_until=until).update(busy_until=rest, asked_at=asked)
    return arrived


def _take(webhook_id: int) -> tuple[Webhook, datetime] | None:
    now = timezone.now()
    until = now + timedelta(seconds=TAKEN_SECONDS)
    free = Q(busy_until=None) | Q(busy_until__lte=now)
    if not Webhook.objects.filter(free, pk=webhook_id, enabled=True, user__is_active=True).update(busy_until=until):
        return None
    return Webhook.objects.select_related("user").get(pk=webhook_id), until


def _next(hook: Webhook) -> Delivery | None:
    """The one that has been due for longest, while its webhook is still switched on."""
    due: Delivery | None = (
        Delivery.objects.filter(webhook=hook, webhook__enabled=True, state="pending", next_try_at__lte=timezone.now())
        .order_by("next_try_at", "id")
        .first()
    )
    return due


def _try(hook: Webhook, delivery: Delivery) -> bool:
    """One try, outside any transaction; then what came of it is stored."""
    status, error = None, ""
    try:
        headers = _signed(hook, delivery)
        status = outgoing.post(hook.url, delivery.body, headers, seconds=ANSWER_SECONDS)
    except (errors.Invalid, errors.Unavailable) as refusal:
        error = refusal.message
    if status is not None and 200 <= status < 300:
        _arrived(hook, delivery, status)
        return True
    _failed(hook, delivery, status, error or _words(status))
    return False


def _signed(hook: Webhook, delivery: Delivery) -> dict[str, str]:
    try:
        secret = secrets.decrypt(hook.encrypted_secret)
    except errors.Unavailable as error:
        raise errors.Unavailable(
            "Its signing secret cannot be read any more, as OCRSITE_SECRET_KEY has changed: make the webhook anew."
        ) from error
    now = int(time.time())
    return {
        "webhook-id": delivery.message_id,
        "webhook-timestamp": str(now),
        "webhook-signature": domain.signature(secret, delivery.message_id, now, delivery.body),
    }


def _words(status: int | None) -> str:
    if status is not None and 300 <= status < 400:
        return f"It answered {status}, a redirect: none is followed."
    return f"It answered {status}."


def _arrived(hook: Webhook, delivery: Delivery, status: int) -> None:
    now = timezone.now()
    Delivery.objects.filter(pk=delivery.pk).update(
        state="delivered", tries=delivery.tries + 1, status=status, error="", next_try_at=None, delivered_at=now
    )
    if hook.failing_since is not None:
        Webhook.objects.filter(pk=hook.pk).update(failing_since=None)
        hook.failing_since = None


def _failed(hook: Webhook, delivery: Delivery, status: int | None, error: str) -> None:
    now, tries = timezone.now(), delivery.tries + 1
    pause = domain.pause_seconds(tries)
    then = now + timedelta(seconds=pause) if pause is not None else None
    log.info("webhook.failed", webhook=hook.pk, message=delivery.message_id, tries=tries, status=status, reason=error)
    failing_since = hook.failing_since or now
    hopeless = domain.is_hopeless(status, (now - failing_since).total_seconds())
    with transaction.atomic():
        Delivery.objects.filter(pk=delivery.pk, state="pending").update(
            state="pending" if then else "failed", tries=tries, status=status, error=error, next_try_at=then
        )
        Webhook.objects.filter(pk=hook.pk, failing_since=None).update(failing_since=failing_since)
        switched_off = hopeless and _switch_off(hook, error)
    if switched_off:
        _tell_owner(hook, error)


def _switch_off(hook: Webhook, error: str) -> bool:
    """True for the one who did it."""
    reason = f"Switched off: nothing has arrived there for too long. {error}"
    if not Webhook.objects.filter(pk=hook.pk, enabled=True).update(enabled=False, disabled_reason=reason):
        return False
    access.audit("webhook.switched_off", by=None, subject=str(hook), detail={"reason": error})
    log.warning("webhook.switched_off", webhook=hook.pk, reason=error)
    return True


def _tell_owner(hook: Webhook, error: str) -> None:
    """By mail, where there is a server and an address; the screen says it in any case."""
    if not settings.EMAIL_ENABLED or not hook.user.email:
        return
    lines = [f"Nothing more is sent to {hook}.", error, "", "Switch it on again once it works."]
    lines += [f"{settings.BASE_URL}/webhooks/{hook.pk}/"] if settings.BASE_URL else []
    try:
        mail.send(hook.user.email, "A webhook of yours was switched off", "\n".join(lines) + "\n")
    except (errors.Unavailable, errors.RequestRefused) as refusal:
        log.warning("webhook.mail_not_sent", webhook=hook.pk, reason=refusal.message)
