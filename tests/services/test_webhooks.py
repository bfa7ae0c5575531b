"""Webhooks as their owners see them: registered, changed, tested, removed."""

from __future__ import annotations

import pytest

from jobs import errors
from jobs.models import AuditEntry, Delivery, Webhook
from jobs.services import webhooks
from tests.webhook_rounds import a_round, happened

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("hooks_on_this_machine")]
DONE = ("document.done",)


def test_the_secret_is_not_kept_in_the_open(mira, told):
    _, secret = webhooks.register(mira, url=told.url, events=DONE)
    assert secret not in str(Webhook.objects.values())


def test_an_address_is_logged_without_what_may_be_a_secret(mira):
    webhooks.register(mira, url="https://hooks.example.org/ocr?key=12345", events=DONE)
    assert AuditEntry.objects.get().subject == "https://hooks.example.org/ocr"


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
