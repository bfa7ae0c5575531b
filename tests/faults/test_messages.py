"""A message is only a hint: sent twice, of another version, or of what is not there, it does no harm."""

from __future__ import annotations

import uuid
from typing import Any

import dramatiq
import pytest

from jobs import actors
from jobs.models import SlotLease
from tests.faults.unequal_hosts import UnequalHosts, assert_done_once, pages_sent

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.redis, pytest.mark.slow]


def left_over(site: UnequalHosts) -> int:
    """Messages that nobody has taken yet."""
    return int(site.running.redis().llen("ocrsite:pages"))


def given_up(site: UnequalHosts) -> int:
    """Messages for actors that nobody knows; Redis keeps them for a day."""
    return int(site.running.redis().zcard("ocrsite:pages.XQ"))


def said(site: UnequalHosts) -> str:
    return site.running.log("worker0") + site.running.log("worker1")


def message(actor: str, *args: Any, **named: Any) -> dramatiq.Message[Any]:
    return dramatiq.Message(queue_name="pages", actor_name=actor, args=args, kwargs=named, options={})


def test_a_message_sent_five_times_is_carried_out_once(site):
    """Q11."""
    site.calypso.configure(held=True)
    document = site.drawn(4)
    site.start()
    site.until(lambda: site.calypso.host.in_flight == 4, "pages run")
    for _ in range(5):
        site.send(document)
        for lease in SlotLease.objects.all():
            site.running.send(actors.recognize, lease.pk)
    site.until(lambda: not left_over(site), "the messages are taken")
    site.calypso.configure(held=False)
    site.until_ended(document)
    assert_done_once(site, 4)
    assert len(pages_sent(site.calypso)) == 4


def test_messages_of_another_version_harm_nothing_and_their_work_is_sent_again(site):
    """Q20."""
    document = site.upload(3)
    for old in (
        message("prepare_document", str(document.pk)),
        message("prepare"),
        message("recognize", lease_number=1),
    ):
        site.running.enqueue(old)
    site.start()
    site.until_ended(document)
    assert_done_once(site, 3)
    site.until(lambda: given_up(site) == 1, "the unknown one is put aside")
    for told in (
        "undefined actor 'prepare_document'",
        "prepare() missing 1",
        "unexpected keyword argument 'lease_number'",
    ):
        site.until(lambda told=told: told in said(site), "each is in the log")


def test_messages_of_what_was_rolled_back_are_carried_out_as_nothing(site):
    """Q10."""
    site.running.send(actors.prepare, str(uuid.uuid4()))
    site.running.send(actors.recognize, 987_654)
    document = site.upload(3)
    site.send(document)
    site.start()
    site.until_ended(document)
    assert_done_once(site, 3)
    site.until(lambda: not left_over(site), "the messages are taken")
    assert given_up(site) == 0
