"""Messages to webhooks: signed, at least once with the same id, given up in the end, switched off after days."""

from __future__ import annotations

import base64
import hashlib
import hmac
import threading
from datetime import timedelta

import pytest
from django.core import mail
from django.db import connection
from django.utils import timezone

from jobs import clock, errors
from jobs.models import AuditEntry, Delivery, Webhook
from jobs.services import delivering, webhooks
from tests import patience
from tests.webhook_receiver import receiver
from tests.webhook_rounds import a_round, happened

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("hooks_on_this_machine")]
DONE = ("document.done",)


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
