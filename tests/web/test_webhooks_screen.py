"""The screens of webhooks."""

from __future__ import annotations

import pytest
from django.utils import timezone

from jobs.models import Delivery, Webhook
from jobs.services import webhooks

pytestmark = pytest.mark.django_db
URL = "https://hooks.example.org/ocr"


@pytest.fixture
def hook(mira):
    return webhooks.register(mira, url=URL, events=["document.done"], description="Invoices")[0]


def test_one_is_added_and_its_secret_shown_in_that_answer_alone(client, outline):
    assert "You have none yet." in outline(client.get("/webhooks/")).words
    page = outline(client.post("/webhooks/", {"url": URL, "events": ["document.done", "document.failed"]}))
    assert "whsec_" in page.words and URL in page.words
    assert "whsec_" not in outline(client.get("/webhooks/")).words
    assert Webhook.objects.get().events == ["document.done", "document.failed"]


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({"url": "http://127.0.0.1/"}, "not on the public internet"),
        ({"url": "nonsense"}, "Use an address such as"),
        ({"events": []}, "This field is required"),
        ({"events": ["alert"]}, "Select a valid choice"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(client, outline, sent, words):
    response = client.post("/webhooks/", {"url": URL, "events": ["document.done"]} | sent)
    assert (response.status_code, words in outline(response).words) == (422, True)
    assert not Webhook.objects.exists()


def test_events_of_the_site_are_offered_to_administrators(client, admin, outline):
    assert "an alert fires or ends" in outline(admin.get("/webhooks/")).words
    assert "an alert fires or ends" not in outline(client.get("/webhooks/")).words


@pytest.mark.parametrize("path", ["", "live"])
def test_others_webhooks_are_not_there(admin, hook, path):
    assert admin.get(f"/webhooks/{hook.pk}/{path}").status_code == 404


@pytest.mark.parametrize("deed", ["test", "switch", "change", "remove", "redeliver"])
def test_nothing_is_done_to_others_webhooks(admin, hook, deed):
    assert admin.post(f"/webhooks/{hook.pk}/{deed}", {"confirmed": "1"}).status_code == 404


def test_a_test_is_sent_and_seen_in_the_list(client, hook, outline):
    page = outline(client.post(f"/webhooks/{hook.pk}/test", follow=True))
    assert "A test message is on its way." in page.words
    assert Delivery.objects.get().message_id in page.words


def test_what_arrived_and_what_did_not_can_be_told_apart(client, hook, outline):
    for state, tries in (("delivered", 2), ("failed", 10), ("pending", 1), ("pending", 0)):
        webhooks.test(hook.user, hook.pk)
        newest = Delivery.objects.first()
        Delivery.objects.filter(pk=newest.pk).update(state=state, tries=tries, status=200, error="<i>It hung.</i>")
    response = client.get(f"/webhooks/{hook.pk}/")
    words = outline(response).words
    for said in ("arrived", "2nd try", "given up", "waits for another try", "on its way"):
        assert said in words
    assert "<i>It hung" not in response.content.decode()


def test_a_message_is_sent_again(client, hook, outline):
    webhooks.test(hook.user, hook.pk)
    Delivery.objects.update(state="failed")
    client.post(f"/webhooks/{hook.pk}/redeliver", {"delivery": Delivery.objects.get().pk})
    assert Delivery.objects.get().state == "pending"
    page = outline(client.post(f"/webhooks/{hook.pk}/redeliver", {"delivery": "x"}, follow=True))
    assert "There is no such delivery." in page.words


def test_it_is_switched_off_and_on(client, hook, outline):
    page = outline(client.post(f"/webhooks/{hook.pk}/switch", follow=True))
    assert "Switched off: nothing is sent." in page.words
    assert "This webhook is switched off" in outline(client.post(f"/webhooks/{hook.pk}/test", follow=True)).words
    client.post(f"/webhooks/{hook.pk}/switch")
    assert Webhook.objects.get().enabled


def test_why_the_site_switched_it_off_is_said(client, hook, outline):
    Webhook.objects.update(enabled=False, disabled_reason="Switched off: nothing has arrived there. It answered 500.")
    assert "It answered 500. Switch it on again" in outline(client.get(f"/webhooks/{hook.pk}/")).words


def test_one_that_fails_is_said_to(client, hook, outline):
    Webhook.objects.update(failing_since=timezone.now())
    assert "began to fail" in outline(client.get("/webhooks/")).words
    assert "After three days it is switched off." in outline(client.get(f"/webhooks/{hook.pk}/")).words


def test_its_settings_are_changed(client, hook, outline):
    sent = {"url": URL + "2", "events": ["document.failed"], "description": ""}
    client.post(f"/webhooks/{hook.pk}/change", sent)
    changed = Webhook.objects.get()
    assert (changed.url, changed.events, changed.description) == (URL + "2", ["document.failed"], "")
    response = client.post(f"/webhooks/{hook.pk}/change", sent | {"url": "http://10.0.0.1/"})
    assert (response.status_code, Webhook.objects.get().url) == (422, URL + "2")


def test_it_is_removed_after_a_question(client, hook, outline):
    assert "Remove this webhook?" in outline(client.post(f"/webhooks/{hook.pk}/remove")).words
    assert Webhook.objects.exists()
    client.post(f"/webhooks/{hook.pk}/remove", {"confirmed": "1"})
    assert not Webhook.objects.exists()


def test_a_poll_brings_nothing_while_nothing_changed(client, hook, outline):
    seen = outline(client.get(f"/webhooks/{hook.pk}/")).with_id("webhook-poll")["data-seen"]
    assert client.get(f"/webhooks/{hook.pk}/live", {"seen": seen}).status_code == 204
    webhooks.test(hook.user, hook.pk)
    page = outline(client.get(f"/webhooks/{hook.pk}/live", {"seen": seen}))
    assert "on its way" in page.words and "h1" not in [tag for tag, _ in page.elements]


def test_there_is_no_such_deed(client, hook):
    assert client.post(f"/webhooks/{hook.pk}/explode").status_code == 404
