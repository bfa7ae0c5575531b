"""A process is killed with a message on its way: the message arrives again, under the same id."""

from __future__ import annotations

import ipaddress
import subprocess
import sys

import pytest

from jobs.models import Delivery, Webhook
from jobs.services import delivering, events, webhooks
from tests import builders
from tests.running_site import ROOT, RunningSite, until
from tests.webhook_receiver import receiver

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


def test_a_message_outlives_the_process_that_sent_it(db, settings):
    settings.WEBHOOK_ALLOWED_CIDRS = (ipaddress.ip_network("127.0.0.0/8"),)
    mira = builders.make_user("mira")
    with receiver() as told, RunningSite(OCRSITE_WEBHOOK_ALLOWED_CIDRS="127.0.0.0/8") as site:
        told.gate.clear()
        hook, _ = webhooks.register(mira, url=told.url, events=["document.done"])
        events.record("document.done", owner=mira.pk, data={"name": "report.pdf"})
        deliver = f"from jobs.services import delivering; delivering.deliver({hook.pk})"
        command = [sys.executable, "manage.py", "shell", "-c", deliver]
        with subprocess.Popen(command, cwd=ROOT, env=site.environment) as child:
            until(lambda: told.got or child.poll() is not None, "the message arrives")
            child.kill()
        assert told.got, "the child ended before it sent anything"
        assert Delivery.objects.get().state == "pending"
        Webhook.objects.update(busy_until=None)  # the dead process's time is over
        Delivery.objects.update(next_try_at=Delivery.objects.get().created_at)
        told.gate.set()
        assert delivering.deliver(hook.pk) == 1
        assert len(told.ids) >= 2 and set(told.ids) == {Delivery.objects.get().message_id}
