"""What becomes an event, who hears of it, and that it is there exactly when what happened is."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from jobs import errors
from jobs.domain.alerts import Fact
from jobs.models import Delivery, Event, Webhook
from jobs.services import alerts, backends, documents, events, health, preparing, routing, webhooks
from tests import builders
from tests.webhook_rounds import a_round, happened

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("hooks_on_this_machine")]
DONE = ("document.done",)


def test_a_document_that_ends_is_an_event_of_its_owners(mira, ada, hook):
    builders.make_policy()
    document = builders.make_document(mira, pages=1, prepared=False)
    preparing.give_up(document.pk, errors.Unreadable("It cannot be read."))
    preparing.give_up(document.pk, errors.Unreadable("It cannot be read."))
    event = Event.objects.get()
    assert (event.type, event.owner, event.document) == ("document.failed", mira, document.pk)
    assert event.data["name"] == "report.pdf"
    assert [list(events.after(who, 0, 10)) for who in (mira, ada, builders.make_user("noor"))] == [[event], [event], []]
    assert Delivery.objects.get().type == "document.failed"


def test_a_cancelled_document_is_none(mira, hook):
    document = builders.make_document(mira, pages=2, rendered=2)
    documents.cancel(document.pk, by=mira)
    assert not Event.objects.exists()


def test_a_host_that_falls_and_comes_back(mira, ada, hook, told):
    webhooks.register(ada, url=told.url, events=["backend.down", "backend.up"])
    builders.make_policy()
    spark = builders.make_backend("spark")
    health._misconfigured(spark.pk, "It serves another model.")
    health._misconfigured(spark.pk, "It serves another model.")
    health.admitted(backends.find("spark"))
    health.admitted(backends.find("spark"))
    assert [(e.type, e.data["backend"]) for e in Event.objects.all()] == [
        ("backend.down", "spark"),
        ("backend.up", "spark"),
    ]
    assert list(events.after(mira, 0, 10)) == []
    assert a_round() == 2 and told.types == ["backend.down", "backend.up"]


def test_a_breaker_that_opens_is_a_host_that_is_down(mira):
    builders.make_policy()
    builders.make_backend("spark")
    for _ in range(routing.in_force().failover.breaker_failures):
        health._probe_failed(backends.find("spark"), health.failures.ENGINE_DEAD, routing.in_force().failover)
    assert [event.type for event in Event.objects.all()] == ["backend.down"]


def test_an_alert_that_fires_and_ends(ada, told):
    webhooks.register(ada, url=told.url, events=["alert"])
    now = timezone.now()
    alerts.judge([Fact("api_key", "spark", 1.0, "It has changed.")], now)
    alerts.judge([], now)
    assert a_round() == 2
    assert [body["data"]["state"] for _, body in told.got] == ["firing", "cleared"]
    assert told.got[0][1]["data"]["message"] == "The API key of spark cannot be read: It has changed."


def test_what_is_rolled_back_is_no_event(mira, hook):
    with pytest.raises(RuntimeError), transaction.atomic():
        happened(mira)
        raise RuntimeError
    assert not Event.objects.exists() and not Delivery.objects.exists()


def test_nobody_hears_of_what_they_may_not_see(mira, ada, told):
    noor = builders.make_user("noor")
    for person in (mira, ada, noor):
        webhooks.register(person, url=told.url, events=DONE)
    happened(mira)
    assert {delivery.webhook.user for delivery in Delivery.objects.all()} == {mira, ada}


def test_events_and_messages_go_after_a_week(mira, hook):
    happened(mira)
    happened(mira)
    old = timezone.now() - timedelta(days=8)
    Event.objects.filter(pk=Event.objects.first().pk).update(at=old)
    Delivery.objects.filter(pk=Delivery.objects.first().pk).update(created_at=old)
    assert events.prune() == 2
    assert (Event.objects.count(), Delivery.objects.count()) == (1, 1)


def test_cursors_are_given_in_the_order_of_commits(mira):
    """An event that waits for its commit holds back later ones, so none appears before a cursor that was read."""
    recorded, go_on = threading.Event(), threading.Event()

    def slow():
        try:
            with transaction.atomic():
                happened(mira, "document.failed")
                recorded.set()
                go_on.wait(120)
        finally:
            connection.close()

    def quick():
        try:
            happened(mira)
        finally:
            connection.close()

    first, second = threading.Thread(target=slow), threading.Thread(target=quick)
    first.start()
    assert recorded.wait(120)
    second.start()
    assert events.after(mira, 0, 10) == []
    go_on.set()
    first.join(120)
    second.join(120)
    assert [event.type for event in events.after(mira, 0, 10)] == ["document.failed", "document.done"]


def test_a_webhook_that_is_removed_meanwhile_undoes_nothing(mira, hook):
    recorded, go_on, failed = threading.Event(), threading.Event(), []

    def ends():
        try:
            with transaction.atomic():
                happened(mira)
                recorded.set()
                go_on.wait(120)
        except IntegrityError as error:
            failed.append(error)
        finally:
            connection.close()

    def removes():
        try:
            webhooks.remove(mira, hook.pk)
        finally:
            connection.close()

    ending, removing = threading.Thread(target=ends), threading.Thread(target=removes)
    ending.start()
    assert recorded.wait(120)
    removing.start()
    removing.join(1)  # it has to wait; were it not made to, it would be done by then
    go_on.set()
    ending.join(120)
    removing.join(120)
    assert failed == []
    assert Event.objects.exists() and not Webhook.objects.exists()
