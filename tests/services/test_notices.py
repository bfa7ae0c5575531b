"""A mail when a long document is done: off until configured, and sent once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone

from jobs import clock
from jobs.services import notices
from tests import builders

pytestmark = pytest.mark.django_db


@pytest.fixture
def mira(db):
    return builders.make_user("mira")


@pytest.fixture
def configured(settings):
    settings.EMAIL_ENABLED = True
    settings.BASE_URL = "https://ocr.example.org"


@pytest.fixture
def long_document(mira):
    return builders.make_document(mira, pages=60, done=60, review=2, name="lease.pdf")


def test_nothing_is_sent_until_a_mail_server_is_configured(long_document):
    assert notices.due() == []
    assert notices.tell(long_document.pk) is False
    assert mail.outbox == []


def test_the_owner_of_a_long_document_is_told_once(configured, long_document):
    assert notices.due() == [long_document.pk]
    assert notices.tell(long_document.pk) is True
    assert notices.tell(long_document.pk) is False
    assert notices.due() == []
    (sent,) = mail.outbox
    assert (sent.to, sent.subject) == (["mira@example.org"], "lease.pdf is done")
    assert "60 of 60 pages read" in sent.body
    assert "need a look: 2" in sent.body
    assert f"https://ocr.example.org/documents/{long_document.pk}/" in sent.body


def test_a_short_document_is_not_worth_a_mail(configured, mira):
    builders.make_document(mira, pages=2, done=2)
    assert notices.due() == []


def test_a_short_one_that_took_long_is(configured, mira):
    document = builders.make_document(mira, pages=2, done=2, age_seconds=400)
    assert notices.due() == [document.pk]


def test_what_was_done_long_ago_or_is_still_under_way_is_left_alone(configured, mira, long_document):
    type(long_document).objects.update(finished_at=timezone.now() - timedelta(days=1))
    builders.make_document(mira, pages=60, done=59)
    assert notices.due() == []


def test_a_mail_that_the_server_refused_is_sent_later(configured, long_document, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1  # nobody listens there
    assert notices.tell(long_document.pk) is False
    assert notices.due() == [long_document.pk]


def test_the_clock_asks_for_it(configured, long_document, monkeypatch):
    sent = []
    monkeypatch.setattr(clock.actors, "send", lambda actor, *args: sent.append((actor.actor_name, *args)))
    clock.tell_owners()
    assert sent == [("tell_owner", str(long_document.pk))]
