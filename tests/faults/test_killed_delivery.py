"""A worker and the clock are killed with a message on its way: it arrives all the same, again under the same id."""

from __future__ import annotations

import pytest

from jobs.models import Delivery, Webhook
from jobs.services import events, webhooks
from tests import builders
from tests.running_site import RunningSite
from tests.webhook_receiver import receiver

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.redis, pytest.mark.slow]


def test_a_message_outlives_the_worker_and_the_clock(db, settings):
    settings.WEBHOOK_ALLOWED_CIDRS = settings.BACKEND_ALLOWED_CIDRS
    builders.make_policy()
    mira = builders.make_user("mira")
    with receiver() as told, RunningSite(OCRSITE_WEBHOOK_ALLOWED_CIDRS="127.0.0.0/8") as site:
        told.gate.clear()
        webhooks.register(mira, url=told.url, events=["document.done"])
        events.record("document.done", owner=mira.pk, data={"name": "report.pdf"})
        site.start()
        site.until(lambda: told.got, "the message arrives")
        site.kill("worker")
        site.kill("clock")
        assert Delivery.objects.get().state == "pending"
        Webhook.objects.update(busy_until=None, asked_at=None)  # the dead worker's time is over
        told.gate.set()
        site.start_worker()
        site.start_clock()
        site.until(lambda: Delivery.objects.get().state == "delivered", "it is delivered")
        assert len(told.ids) >= 2 and set(told.ids) == {Delivery.objects.get().message_id}
