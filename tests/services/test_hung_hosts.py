"""A host that answers probes and reads nothing: what tells it from a slow one, and how it is back."""

from __future__ import annotations

import pytest
from django.utils import timezone

from jobs.models import Attempt, BackendHealth, SlotLease
from jobs.services import backends, health
from tests import builders
from tests.patience import until

pytestmark = pytest.mark.django_db(transaction=True)


def probe():
    return health.probe(backends.find("calypso"))


def state():
    row = BackendHealth.objects.get()
    return row.state, row.breaker


@pytest.fixture
def at_work(calypso, host, settings):
    """A call of ours is under way there, and the host's counters stand still: it answers nothing but probes."""
    settings.STALL_SECONDS = 0.2
    document = builders.make_document(builders.make_user(), pages=1, running=1)
    return builders.make_lease(document.pages.get(), calypso)


def test_counters_that_stand_still_while_a_call_is_under_way_are_a_hung_host(at_work):
    until(lambda: [probe(), state()][1] == ("hung", "open"))
    row = BackendHealth.objects.get()
    assert row.reason.startswith("It answers, but stands still")
    assert row.stall == {}


def test_a_hung_host_is_back_when_its_canary_is_read(at_work):
    until(lambda: [probe(), state()][1] == ("hung", "open"))
    SlotLease.objects.all().delete()
    row = BackendHealth.objects.get()
    BackendHealth.objects.update(circuit=row.circuit | {"retry_at": 0.0})
    assert probe()
    assert state() == ("slow_start", "closed")


def test_a_hung_host_whose_canary_is_not_answered_stays_hung(at_work, host, settings):
    until(lambda: [probe(), state()][1] == ("hung", "open"))
    SlotLease.objects.all().delete()
    row = BackendHealth.objects.get()
    BackendHealth.objects.update(circuit=row.circuit | {"retry_at": 0.0})
    settings.CALL_SECONDS = 0.3
    host.set_fault("hang")
    assert not probe()
    assert state() == ("hung", "open")


def test_a_slow_host_whose_answers_come_is_not_hung(at_work, settings):
    settings.STALL_SECONDS = 3600.0
    probe()
    row = BackendHealth.objects.get()
    since = timezone.now().timestamp() - 4000
    BackendHealth.objects.update(stall=row.stall | {"since": since})
    Attempt.objects.create(page=at_work.page, backend="calypso", outcome="ok", seconds=1.0, started_at=timezone.now())
    probe()
    assert state() == ("up", "closed")
    Attempt.objects.update(outcome="timeout")
    probe()
    assert state() == ("hung", "open")


def test_a_host_without_metrics_or_with_nothing_to_do_is_never_hung(at_work, host):
    host.set_fault("status", path="/metrics", status=404)
    probe()
    assert BackendHealth.objects.get().stall["since"] is None
    host.clear_faults()
    SlotLease.objects.all().delete()
    probe()
    first = BackendHealth.objects.get().stall["since"]
    probe()
    assert BackendHealth.objects.get().stall["since"] > first
