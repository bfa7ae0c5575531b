"""A mail when a long document is done: off until configured, sent once, by a real SMTP server that may say no."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone

from jobs import clock
from jobs.models import Document
from jobs.services import notices
from tests import builders
from tests.patience import at_most
from tests.services.mail_server import MailServer

pytestmark = pytest.mark.django_db


@pytest.fixture
def server(settings) -> Iterator[MailServer]:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_ENABLED = True
    settings.BASE_URL = "https://ocr.example.org"
    with MailServer() as running:
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", running.port
        yield running


@pytest.fixture
def long_document(mira) -> Document:
    return builders.make_document(mira, pages=60, done=60, review=2, name="lease.pdf")


def of_somebody_else(name: str = "okafor", **fields: Any) -> Document:
    return builders.make_document(builders.make_user(name), pages=60, done=60, **fields)


def test_nothing_is_sent_until_a_mail_server_is_configured(long_document):
    assert notices.due() == []
    assert notices.tell() == 0
    assert mail.outbox == []


def test_the_owner_of_a_long_document_is_told_once(server, long_document):
    assert notices.due() == [long_document.pk]
    assert notices.tell() == 1
    assert notices.tell() == 0
    assert notices.due() == []
    ((to, sent),) = server.mails
    assert (to, sent["To"], sent["From"]) == (["mira@example.org"], "mira@example.org", "ocrsite@localhost")
    assert sent["Subject"] == "lease.pdf is done"
    said = sent.get_content()
    assert "60 of 60 pages read" in said
    assert "need a look: 2" in said
    assert f"https://ocr.example.org/documents/{long_document.pk}/" in said


def test_a_name_cannot_write_headers_of_its_own(server, mira):
    builders.make_document(mira, pages=60, done=60, name="a\nBcc: all@example.org\n\nHello größe.pdf")
    assert notices.tell() == 1
    ((to, sent),) = server.mails
    assert (to, sent["Bcc"]) == (["mira@example.org"], None)
    assert sent["Subject"].strip() == "a Bcc: all@example.org Hello größe.pdf is done"


def test_a_short_document_is_not_worth_a_mail(server, mira):
    builders.make_document(mira, pages=2, done=2)
    assert notices.due() == []


def test_a_short_one_that_took_long_is(server, mira):
    document = builders.make_document(mira, pages=2, done=2, age_seconds=400)
    assert notices.due() == [document.pk]


def test_what_was_done_long_ago_or_is_still_under_way_is_left_alone(server, mira, long_document):
    type(long_document).objects.update(finished_at=timezone.now() - timedelta(days=1))
    builders.make_document(mira, pages=60, done=59)
    assert notices.due() == []


def test_without_a_server_mails_are_sent_later(server, long_document, settings):
    port, settings.EMAIL_PORT = settings.EMAIL_PORT, 1  # nobody listens there
    assert notices.tell() == 0
    assert notices.due() == [long_document.pk]
    settings.EMAIL_PORT = port
    assert notices.tell() == 1


@pytest.mark.parametrize("answers", [{"mira@example.org": "450 try later"}, {"DATA": "451 no room"}])
def test_what_is_not_taken_now_is_sent_later(server, long_document, answers):
    server.answers = answers
    assert notices.tell() == 0
    assert notices.due() == [long_document.pk]
    server.answers = {}
    assert notices.tell() == 1
    assert len(server.mails) == 1


@pytest.mark.parametrize("answers", [{"mira@example.org": "550 nobody here"}, {"DATA": "554 we do not want it"}])
def test_what_is_refused_for_good_is_not_tried_again_and_keeps_nobody_elses_back(server, long_document, answers):
    server.answers = answers
    assert notices.tell() == 0
    assert notices.due() == []
    server.answers = {"mira@example.org": "550 nobody here"}
    other = of_somebody_else()
    assert notices.due() == [other.pk]
    assert notices.tell() == 1
    assert server.mails[0][0] == ["okafor@example.org"]
    long_document.refresh_from_db()
    assert (long_document.status, long_document.error) == ("done", "")


@pytest.mark.parametrize("when", ["mira@example.org", "DATA"])
def test_a_server_that_hangs_is_left_and_asked_once_a_round(server, long_document, settings, when):
    settings.EMAIL_TIMEOUT = 0.3
    server.answers = {when: "hang", "okafor@example.org": "hang"}
    other = of_somebody_else()
    with at_most(seconds=120):
        assert notices.tell() == 0
    assert len(server.tried) == 1  # the others would have hung as long, each
    assert set(notices.due()) == {long_document.pk, other.pk}
    assert set(Document.objects.values_list("status", flat=True)) == {"done"}


def test_a_server_that_does_not_even_greet_is_left(server, long_document, settings):
    settings.EMAIL_TIMEOUT = 0.3
    with socket.create_server(("127.0.0.1", 0)) as silent, at_most(seconds=120):
        settings.EMAIL_PORT = silent.getsockname()[1]
        assert notices.tell() == 0
    assert notices.due() == [long_document.pk]


def test_a_server_that_cannot_encrypt_as_it_should_gets_nothing(server, long_document, settings):
    settings.EMAIL_USE_TLS = True
    assert notices.tell() == 0
    assert (server.tried, notices.due()) == ([], [long_document.pk])


def test_what_never_was_taken_is_dropped_in_the_end(server, long_document):
    server.answers = {"DATA": "451 no room"}
    assert notices.tell() == 0
    Document.objects.update(finished_at=timezone.now() - notices.TOO_LATE)
    assert notices.due() == []


def test_the_clock_asks_for_it_when_there_is_something_to_tell(server, long_document, monkeypatch):
    sent: list[str] = []
    monkeypatch.setattr(clock.actors, "send", lambda actor, *args: sent.append(actor.actor_name))
    clock.tell_owners()
    assert sent == ["tell_owners"]
    notices.tell()
    clock.tell_owners()
    assert sent == ["tell_owners"]
