"""Mails to administrators about alerts: one when it fires, one when it is over; what comes together is one mail.

Between two mails lies a pause, so that ten hosts that go down together, or one that comes and goes, are no storm.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Max, Q
from django.utils import timezone

from jobs import errors
from jobs.domain.alerts import FIRING
from jobs.domain.routing import plural
from jobs.gateways import mail
from jobs.models import Alert
from jobs.models.notices import CLEARED
from jobs.services import alerts

log = structlog.get_logger(__name__)
PAUSE = timedelta(minutes=2)
TOO_LATE = timedelta(hours=12)  # after a mail server's long absence nobody wants to hear of yesterday
MOST_TOLD = 50  # in one mail; the page Alerts has them all


def due() -> bool:
    """Whether there is something to tell, somebody to tell it to, and the pause after the last mail is over."""
    if not settings.EMAIL_ENABLED or not Alert.objects.filter(_untold()).exists():
        return False
    told = Alert.objects.aggregate(fired=Max("fired_told_at"), cleared=Max("cleared_told_at"))
    newest = max((moment for moment in told.values() if moment), default=None)
    return (newest is None or timezone.now() - newest >= PAUSE) and bool(_administrators())


def tell() -> bool:
    """Send one mail about all that is new. False when that was done, or is not to be done yet.

    Noted before it is sent, so that two workers never send it twice; taken back when the server does not take it.
    """
    now = timezone.now()
    with transaction.atomic():
        if not due():
            return False
        chosen = list(Alert.objects.select_for_update().filter(_untold()).order_by("fired_at", "id")[:MOST_TOLD])
        if not chosen:
            return False
        _note(chosen, now)
    try:
        mail.send(_administrators(), _subject(chosen), _body(chosen))
    except errors.Unavailable as error:
        _take_back(chosen, now)
        log.warning("alert.mail_not_sent", reason=error.message)
        return False
    except errors.RequestRefused as error:
        log.warning("alert.mail_refused", reason=error.message)  # for good: the same again would be refused again
        return False
    log.info("alert.mailed", alerts=[alert.pk for alert in chosen])
    return True


def _untold() -> Q:
    """Fires or fired, untold and unknown to everybody; or is over, and only its beginning was told."""
    late = Q(fired_at__lt=timezone.now() - TOO_LATE)
    fired = Q(phase__in=(FIRING, CLEARED), fired_told_at=None, acknowledged_at=None) & ~late
    return fired | Q(phase=CLEARED, fired_told_at__isnull=False, cleared_told_at=None)


def _administrators() -> list[str]:
    people = get_user_model().objects.filter(is_superuser=True, is_active=True).exclude(email="").order_by("pk")
    return list(people.values_list("email", flat=True))


def _note(chosen: Iterable[Alert], now: datetime) -> None:
    ids = [alert.pk for alert in chosen]
    Alert.objects.filter(pk__in=ids, fired_told_at=None).update(fired_told_at=now)
    Alert.objects.filter(pk__in=ids, phase=CLEARED, cleared_told_at=None).update(cleared_told_at=now)


def _take_back(chosen: Iterable[Alert], now: datetime) -> None:
    ids = [alert.pk for alert in chosen]
    Alert.objects.filter(pk__in=ids, fired_told_at=now).update(fired_told_at=None)
    Alert.objects.filter(pk__in=ids, cleared_told_at=now).update(cleared_told_at=None)


def _subject(chosen: list[Alert]) -> str:
    if len(chosen) == 1:
        over = "Over: " if chosen[0].phase == CLEARED else ""
        return f"{over}{alerts.sentence(chosen[0])[:150]}"
    fires = sum(alert.phase == FIRING for alert in chosen)
    return f"{plural(len(chosen), 'alert')}: {fires} firing, {len(chosen) - fires} over"


def _body(chosen: list[Alert]) -> str:
    lines = []
    for title, phase in (("Firing", FIRING), ("Over", CLEARED)):
        mine = [alert for alert in chosen if alert.phase == phase]
        lines += [f"{title}:", *(_line(alert) for alert in mine), ""] if mine else []
    return "\n".join([*lines, *([f"{settings.BASE_URL}/alerts/"] if settings.BASE_URL else [])]) + "\n"


def _line(alert: Alert) -> str:
    began = f"since {alert.fired_at:%H:%M}" if alert.fired_at else ""
    ended = f", until {alert.cleared_at:%H:%M}" if alert.cleared_at else ""
    return f"- {alerts.sentence(alert)} ({alert.severity}, {began}{ended} UTC)"
