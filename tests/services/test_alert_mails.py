"""Mails about alerts: one when it fires, one when it is over, one for many, never a storm."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone

from jobs import clock, errors
from jobs.domain.alerts import Fact
from jobs.models import Alert
from jobs.services import alert_mails, alerts
from tests import builders

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(db):
    for rule in ("host_down", "out_of_memory"):
        alerts.change_rule(rule, "", by=None, for_seconds=0, clear_seconds=0)
    return builders.make_user("ada", admin=True)


@pytest.fixture
def configured(settings):
    settings.EMAIL_ENABLED = True
    settings.BASE_URL = "https://ocr.example.org"


def found(**down):
    """These hosts are down (1) or up (0)."""
    alerts.judge([Fact("host_down", name, float(value)) for name, value in down.items()], timezone.now())


def the_pause_is_over():
    before = timezone.now() - alert_mails.PAUSE - timedelta(seconds=1)
    Alert.objects.filter(fired_told_at__isnull=False).update(fired_told_at=before)
    Alert.objects.filter(cleared_told_at__isnull=False).update(cleared_told_at=before)


def test_nothing_is_sent_until_a_mail_server_is_configured(ada):
    found(spark=1)
    assert (alert_mails.due(), alert_mails.tell(), mail.outbox) == (False, False, [])


def test_one_mail_when_it_fires_and_one_when_it_is_over(configured, ada):
    builders.make_user("grace", admin=True)
    builders.make_user("mira")
    found(spark=1)
    assert [alert_mails.tell(), alert_mails.tell()] == [True, False]
    found(spark=1)
    assert alert_mails.due() is False
    the_pause_is_over()
    found(spark=0)
    assert [alert_mails.tell(), alert_mails.tell()] == [True, False]
    fired, over = mail.outbox
    assert fired.to == ["ada@example.org", "grace@example.org"]
    assert (fired.subject, over.subject) == ("spark is down.", "Over: spark is down.")
    assert "https://ocr.example.org/alerts/" in fired.body


def test_many_at_once_are_one_mail(configured, ada):
    found(spark=1, calypso=1, titan=1)
    assert alert_mails.tell() is True
    (sent,) = mail.outbox
    assert sent.subject == "3 alerts: 3 firing, 0 over"
    assert all(f"{name} is down" in sent.body for name in ("spark", "calypso", "titan"))


def test_one_that_comes_and_goes_is_no_storm(configured, ada):
    for _ in range(20):
        found(spark=1)
        alert_mails.tell()
        found(spark=0)
        alert_mails.tell()
    assert len(mail.outbox) == 1
    the_pause_is_over()
    assert alert_mails.tell() is True
    assert alert_mails.tell() is False
    assert len(mail.outbox) == 2


def test_whoever_knows_of_it_is_not_told(configured, ada):
    found(spark=1)
    alerts.acknowledge(Alert.objects.get().pk, by=ada)
    assert alert_mails.due() is False


def test_a_mail_that_the_server_refused_is_sent_later(configured, ada, settings):
    works, settings.EMAIL_BACKEND = settings.EMAIL_BACKEND, "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1  # nobody listens there
    found(spark=1)
    assert alert_mails.tell() is False
    settings.EMAIL_BACKEND = works
    assert alert_mails.due() is True
    assert alert_mails.tell() is True


def test_nobody_to_tell_is_no_mail(configured, ada):
    ada.email = ""
    ada.save()
    found(spark=1)
    assert (alert_mails.due(), mail.outbox) == (False, [])


def test_the_clock_asks_for_it(configured, ada, monkeypatch):
    sent = []
    monkeypatch.setattr(clock.actors, "send", lambda actor, *args: sent.append((actor.actor_name, *args)))
    monkeypatch.setattr(clock.alerts, "look", lambda: found(spark=1))
    clock.watch_alerts()
    assert sent == [("mail_alerts",)]


def test_a_mail_that_is_refused_for_good_is_not_tried_again(configured, ada, monkeypatch):
    def refuse(*_):
        raise errors.RequestRefused("The mail server did not take the mail: 550 no such person")

    monkeypatch.setattr(alert_mails.mail, "send", refuse)
    found(spark=1)
    assert not alert_mails.tell()
    assert not alert_mails.due()
