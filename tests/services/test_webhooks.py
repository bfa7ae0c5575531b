"""Webhooks from an event to their receiver: signed, at least once with the same id, given up in the end."""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
import threading
from datetime import timedelta

import pytest
from django.core import mail
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from jobs import clock, errors
from jobs.domain.alerts import Fact
from jobs.models import AuditEntry, Delivery, Event, Webhook
from jobs.services import alerts, backends, delivering, documents, events, health, preparing, routing, webhooks
from tests import builders, patience
from tests.webhook_receiver import receiver

pytestmark = pytest.mark.django_db(transaction=True)
DONE = ("document.done",)


@pytest.fixture(autouse=True)
def loopback_is_allowed(settings):
    settings.WEBHOOK_ALLOWED_CIDRS = (ipaddress.ip_network("127.0.0.0/8"),)


@pytest.fixture
def mira(db):
    return builders.make_user("mira")


@pytest.fixture
def ada(db):
    return builders.make_user("ada", admin=True)


@pytest.fixture
def told():
    with receiver() as one:
        yield one


@pytest.fixture
def hook(mira, told):
    return webhooks.register(mira, url=told.url, events=["document.done", "document.failed"])[0]


def happened(owner, type="document.done"):
    events.record(type, owner=owner.pk, data={"name": "report.pdf"})


def a_round():
    """What the clock and the workers do once, with nobody asked lately and nobody resting."""
    Webhook.objects.update(asked_at=None, busy_until=None)
    Delivery.objects.filter(state="pending").update(next_try_at=timezone.now())
    return sum(delivering.deliver(pk) for pk in delivering.due())


# ---- what becomes an event


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


# ---- delivery


def test_a_message_is_signed_as_standard_webhooks_has_it(mira, told):
    _, secret = webhooks.register(mira, url=told.url, events=DONE)
    happened(mira)
    assert a_round() == 1
    headers, body = told.got[0]
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.{headers['raw']}".encode()
    key = base64.b64decode(secret.removeprefix("whsec_"))
    right = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{right}"
    assert (body["type"], body["data"]) == ("document.done", {"name": "report.pdf"})
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.tries, delivery.status) == ("delivered", 1, 200)
    assert a_round() == 0


def test_the_secret_is_not_kept_in_the_open(mira, told):
    _, secret = webhooks.register(mira, url=told.url, events=DONE)
    assert secret not in str(Webhook.objects.values())


def test_what_failed_is_sent_again_later_with_the_same_id_and_body(mira, hook, told):
    happened(mira)
    told.status = 503
    assert a_round() == 0
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.status, delivery.error) == ("pending", 503, "It answered 503.")
    assert delivery.next_try_at > timezone.now()
    assert Webhook.objects.get().failing_since
    told.status = 204
    assert a_round() == 1
    assert told.ids == [delivery.message_id] * 2
    assert len({headers["raw"] for headers, _ in told.got}) == 1
    assert Webhook.objects.get().failing_since is None


def test_before_its_time_nothing_is_sent_again(mira, hook, told):
    happened(mira)
    told.status = 500
    a_round()
    Webhook.objects.update(asked_at=None, busy_until=None)
    assert delivering.due() == []
    assert delivering.deliver(hook.pk) == 0
    assert len(told.got) == 1


def test_it_is_given_up_after_its_last_try(mira, hook, told):
    happened(mira)
    told.status = 500
    for _ in range(12):
        a_round()
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.tries, delivery.next_try_at) == ("failed", 10, None)
    assert len(told.got) == 10


def test_one_that_hangs_is_left_and_the_others_hear_of_it(mira, hook, told, monkeypatch):
    monkeypatch.setattr(delivering, "ANSWER_SECONDS", 0.3)
    with receiver() as well:
        webhooks.register(mira, url=well.url, events=DONE)
        told.gate.clear()
        happened(mira)
        a_round()
        assert len(well.got) == 1
    assert "did not answer" in Delivery.objects.get(webhook=hook).error


def test_a_receiver_that_fails_rests_before_the_next_message(mira, hook, told):
    told.status = 500
    happened(mira)
    happened(mira)
    delivering.deliver(hook.pk)
    assert len(told.got) == 1
    assert Webhook.objects.get().busy_until > timezone.now()
    assert delivering.due() == []


def test_a_refusal_of_the_address_is_said_and_nothing_is_sent(mira, hook, told, settings):
    settings.WEBHOOK_ALLOWED_CIDRS = ()
    happened(mira)
    a_round()
    assert told.got == []
    assert "OCRSITE_WEBHOOK_ALLOWED_CIDRS" in Delivery.objects.get().error


def test_a_worker_that_dies_with_a_message_in_hand_leaves_it_to_the_next(mira, hook, told, monkeypatch):
    """It arrived, but nobody stored that: it arrives again, under the same id."""
    happened(mira)

    class Killed(BaseException):
        pass

    def dies(*args):
        raise Killed

    mine, _ = delivering._take(hook.pk)
    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(delivering, "_arrived", dies)
        delivering._try(mine, Delivery.objects.get())
    assert delivering.deliver(hook.pk) == 0, "its time is not over"
    assert a_round() == 1
    assert len(told.ids) == 2 and len(set(told.ids)) == 1


def test_two_workers_do_not_take_the_same_webhook(mira, hook, told):
    happened(mira)
    told.gate.clear()

    def worker():
        try:
            delivering.deliver(hook.pk)
        finally:
            connection.close()

    thread = threading.Thread(target=worker)
    thread.start()
    patience.until(lambda: told.got)
    assert delivering.deliver(hook.pk) == 0
    assert delivering.due() == []
    told.gate.set()
    thread.join(120)
    assert len(told.got) == 1


def test_no_more_than_a_few_are_delivered_to_at_once(mira, told):
    for _ in range(6):
        webhooks.register(mira, url=told.url, events=DONE)
    happened(mira)
    assert len(delivering.due()) == delivering.MOST_AT_ONCE
    assert delivering.due() == []


def test_one_with_many_messages_that_fails_keeps_nobody_waiting(mira, hook, told, monkeypatch):
    monkeypatch.setattr(delivering, "MOST_AT_ONCE", 1)
    monkeypatch.setattr(delivering, "REST_SECONDS", 0.0)
    told.status = 500
    other, _ = webhooks.register(mira, url=told.url, events=DONE)
    for _ in range(3):
        happened(mira)
    turns = []
    for _ in range(4):
        (turn,) = delivering.due()
        delivering.deliver(turn)
        turns.append(turn)
    assert turns == [hook.pk, other.pk, hook.pk, other.pk]


def test_an_address_is_logged_without_what_may_be_a_secret(mira):
    webhooks.register(mira, url="https://hooks.example.org/ocr?key=12345", events=DONE)
    assert AuditEntry.objects.get().subject == "https://hooks.example.org/ocr"


def test_a_clock_that_dies_before_it_asked_is_made_good_by_the_next(mira, hook):
    happened(mira)
    assert delivering.due() == [hook.pk], "and then it died: nobody was asked"
    assert delivering.due() == []
    Webhook.objects.update(asked_at=timezone.now() - timedelta(seconds=delivering.ASKED_SECONDS + 1))
    assert delivering.due() == [hook.pk]


def test_the_clock_asks_a_worker(mira, hook, monkeypatch):
    sent = []
    monkeypatch.setattr(clock.actors, "send", lambda actor, *args: sent.append((actor.actor_name, *args)))
    happened(mira)
    clock.deliver_webhooks()
    assert sent == [("deliver", hook.pk)]


# ---- switched off


def test_one_that_fails_for_days_is_switched_off_and_its_owner_told(mira, hook, told, settings):
    settings.EMAIL_ENABLED = True
    told.status = 500
    happened(mira)
    Webhook.objects.update(failing_since=timezone.now() - timedelta(days=3, seconds=1))
    a_round()
    off = Webhook.objects.get()
    assert (off.enabled, "It answered 500." in off.disabled_reason) == (False, True)
    (sent,) = mail.outbox
    assert (sent.to, told.url.partition("?")[0] in sent.body) == ([mira.email], True)
    assert AuditEntry.objects.filter(action="webhook.switched_off").exists()
    assert a_round() == 0 and len(told.got) == 1
    with pytest.raises(errors.Conflict):
        webhooks.test(mira, hook.pk)
    told.status = 200
    assert webhooks.change(mira, hook.pk, enabled=True).disabled_reason == ""
    assert a_round() == 1


def test_one_that_says_it_is_gone_is_switched_off_at_once(mira, hook, told):
    told.status = 410
    happened(mira)
    a_round()
    assert Webhook.objects.get().enabled is False


def test_somebody_who_may_not_sign_in_any_more_hears_nothing(mira, hook, told):
    happened(mira)
    mira.is_active = False
    mira.save()
    assert a_round() == 0 and told.got == []


# ---- as its owner sees it


def test_a_test_message_and_a_message_sent_again(mira, hook, told):
    webhooks.test(mira, hook.pk)
    assert a_round() == 1
    webhooks.redeliver(mira, hook.pk, Delivery.objects.get().pk)
    assert a_round() == 1
    assert told.types == ["test", "test"] and len(set(told.ids)) == 1


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"url": "http://10.0.0.1/"}, "url"),
        ({"events": []}, "events"),
        ({"events": ["document.lost"]}, "events"),
        ({"events": ["alert"]}, "events"),
        ({"description": "x" * 101}, "description"),
    ],
)
def test_what_cannot_be_registered_says_why(mira, told, fields, wrong):
    with pytest.raises(errors.Invalid) as refused:
        webhooks.register(mira, **({"url": told.url, "events": DONE} | fields))
    assert list(refused.value.fields) == [wrong]


def test_whoever_is_no_administrator_any_more_can_still_switch_theirs_off(ada, told):
    hook, _ = webhooks.register(ada, url=told.url, events=["alert", "document.done"])
    ada.is_superuser = False
    ada.save()
    assert webhooks.change(ada, hook.pk, enabled=False).enabled is False
    with pytest.raises(errors.Invalid):
        webhooks.change(ada, hook.pk, events=["alert"])


def test_administrators_hear_of_the_site_too(ada, told):
    hook, _ = webhooks.register(ada, url=told.url, events=["alert", "document.done"])
    assert hook.events == ["document.done", "alert"]


def test_there_is_an_end_to_how_many_one_may_have(mira, told, monkeypatch):
    monkeypatch.setattr(webhooks, "MOST", 1)
    webhooks.register(mira, url=told.url, events=DONE)
    with pytest.raises(errors.Conflict):
        webhooks.register(mira, url=told.url, events=DONE)


@pytest.mark.parametrize("deed", ["find", "remove", "test", "change"])
def test_others_webhooks_are_not_there(hook, ada, deed):
    with pytest.raises(errors.NotFound):
        getattr(webhooks, deed)(ada, hook.pk)


def test_what_is_removed_takes_its_messages_along(mira, hook):
    happened(mira)
    webhooks.remove(mira, hook.pk)
    assert not Delivery.objects.exists()
