"""Hosts looked after: the breaker over a fall and a return, misconfigured ones, samples, the outage."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.utils import timezone
from structlog.testing import capture_logs

from jobs.domain import failures
from jobs.domain.circuit import Circuit
from jobs.models import AuditEntry, Backend, BackendHealth, HealthSample, SlotLease
from jobs.services import asking, backends, health, probing, routing, sampling, slots
from tests import builders
from tests.vllm_simulator import Simulator

pytestmark = pytest.mark.django_db(transaction=True)


def probe(name="calypso"):
    return health.probe(backends.find(name))


def state(name="calypso"):
    row = BackendHealth.objects.get(backend__name=name)
    return row.state, row.breaker


def fall(**change):
    """The breaker is open, and its time has come."""
    circuit = Circuit(state="open", openings=1, retry_at=0.0, **change)
    BackendHealth.objects.update(circuit=circuit.as_json(), state="down", breaker="open", reason="It fell.")


def test_what_a_host_tells_is_kept(calypso, host):
    probe()
    row = BackendHealth.objects.get(backend=calypso)
    assert (row.version, row.served_max_model_len, row.waiting, row.running) == ("0.20.2", 8192, 0, 0)
    assert row.checked_at


def test_three_failing_probes_open_the_breaker_and_two_do_not(calypso, host):
    host.stop_listening()
    probe(), probe()
    assert state() == ("up", "closed")
    probe()
    assert state() == ("down", "open")


def test_an_engine_that_died_opens_it_at_once(calypso, host):
    """B03."""
    host.set_fault("status", path="/health", status=503)
    probe()
    assert state() == ("down", "open")


def test_an_open_breaker_is_left_alone_until_its_time(calypso, host):
    health._change(calypso.pk, lambda c, now: Circuit(state="open", retry_at=now + 60))
    host.stop_listening()
    assert not probe()
    assert state() == ("down", "open")


def test_a_half_open_one_reads_a_canary_and_starts_slowly(calypso, host):
    fall()
    assert probe()
    assert state() == ("slow_start", "closed")
    assert len(host.calls) == 1
    assert not SlotLease.objects.exists()


def test_a_canary_that_fails_opens_it_for_longer(calypso, host):
    fall()
    host.set_fault("status", status=500)
    assert not probe()
    row = BackendHealth.objects.get(backend=calypso)
    assert (row.breaker, row.circuit["openings"]) == ("open", 2)


def test_with_every_slot_taken_the_canary_waits_and_nothing_is_blamed(calypso, host):
    fall()
    for _ in range(calypso.capacity):
        builders.make_lease(None, calypso)
    assert not probe()
    assert state() == ("down", "half_open")
    assert host.calls == []
    SlotLease.objects.all().delete()
    assert probe()
    assert state() == ("slow_start", "closed")


def test_two_processes_send_one_canary_between_them(calypso, host):
    fall()
    slots.take(calypso, "canary", 60.0, alone=True)
    assert not probe()
    assert host.calls == []


def test_however_many_probe_at_once_one_canary_is_sent(calypso, host):
    fall()
    host.configure(service_seconds=0.1)
    told = []
    rounds = [probing.Probes(lambda: told.append(True)).start_round() for _ in range(5)]
    for threads in rounds:
        for thread in threads:
            thread.join(20)
    assert len(host.calls) == len(told) == 1
    assert state() == ("slow_start", "closed")


def test_a_draining_host_is_sent_no_canary(calypso, host):
    fall()
    Backend.objects.update(lifecycle="draining")
    probe()
    assert host.calls == []


def test_a_late_failure_of_a_call_from_before_does_not_open_a_half_open_breaker(calypso):
    BackendHealth.objects.update(circuit=Circuit(state="half_open", openings=1).as_json(), breaker="half_open")
    health.call_failed(backends.find("calypso"), failures.HOST_ERROR, routing.in_force())
    assert state()[1] == "half_open"


def test_half_of_six_calls_within_a_minute_open_it_the_failing_one_included(calypso):
    document = builders.make_document(builders.make_user(), pages=5)
    for number, outcome in enumerate(["host_down", "ok", "host_down", "ok", "ok"], start=1):
        page = document.pages.get(number=number)
        builders.make_attempt(page, outcome=outcome, started_at=timezone.now() - timedelta(seconds=20))
    health.call_failed(backends.find("calypso"), failures.HOST_ERROR, routing.in_force())
    assert state()[1] == "open"


def test_old_calls_do_not_count(calypso):
    document = builders.make_document(builders.make_user(), pages=5)
    for page in document.pages.all():
        builders.make_attempt(page, outcome="host_down", started_at=timezone.now() - timedelta(seconds=90))
    health.call_failed(backends.find("calypso"), failures.HOST_ERROR, routing.in_force())
    assert state()[1] == "closed"


# Misconfigured.


def test_a_wrong_model_is_misconfigured_and_administrators_are_told_once(calypso, host):
    """B12."""
    host.configure(model="another/model")
    probe(), probe(), probe()
    assert state()[0] == "misconfigured"
    assert BackendHealth.objects.get().reason == "It serves another/model, not deepseek-ai/DeepSeek-OCR."
    assert AuditEntry.objects.filter(action="backend.misconfigured").count() == 1


def test_a_misconfigured_host_is_back_when_a_canary_is_read(calypso, host):
    host.set_fault("status", status=401)
    BackendHealth.objects.update(state="misconfigured", reason="The host does not accept the API key.")
    assert not probe()
    assert state()[0] == "misconfigured"
    host.clear_faults()
    assert probe()
    assert state()[0] == "up"


def test_a_half_open_host_whose_canary_is_refused_stays_misconfigured_and_is_told_of_once(calypso, host):
    BackendHealth.objects.update(state="down", breaker="half_open", circuit=Circuit(state="half_open").as_json())
    host.set_fault("status", status=403)
    for _ in range(3):
        assert not probe()
        assert state()[0] == "misconfigured"
    assert AuditEntry.objects.filter(action="backend.misconfigured").count() == 1
    host.clear_faults()
    assert probe()
    assert state()[:1] == ("slow_start",)


def test_a_key_that_cannot_be_read_any_more_is_misconfigured_and_stops_no_other_probe(calypso, host):
    builders.make_backend("spark", base_url=host.base_url)
    Backend.objects.filter(name="calypso").update(encrypted_api_key="not a key of ours")
    probing.probe_all()
    assert state("calypso")[0] == "misconfigured"
    assert BackendHealth.objects.get(backend__name="spark").version == "0.20.2"


def test_a_version_too_old_for_the_model_is_a_warning(calypso, host):
    host.configure(version="0.6.4.post1")
    probe()
    (warning,) = BackendHealth.objects.get().warnings
    assert "too old to serve DeepSeek-OCR" in warning


# Side by side.


def test_a_host_that_hangs_does_not_keep_the_others_waiting(calypso, host, monkeypatch):
    monkeypatch.setattr(asking, "PROBE_TIMEOUT_SECONDS", 60.0)
    with Simulator.start() as second:
        builders.make_backend("spark", base_url=second.base_url)
        host.set_fault("hang", path="/health")
        probes = probing.Probes(lambda: None)
        threads = {thread.name: thread for thread in probes.start_round()}
        threads["probe-spark"].join(20)
        assert BackendHealth.objects.get(backend__name="spark").version == "0.20.2"
        assert threads["probe-calypso"].is_alive()
        (again,) = probes.start_round()  # the one that hangs is not probed twice at once
        assert again.name == "probe-spark"
        host.stop_listening(drop=True)
        for thread in (*threads.values(), again):
            thread.join(20)


def test_a_host_that_comes_back_is_told_at_once(calypso, host):
    fall()
    told = threading.Event()
    for thread in probing.Probes(told.set).start_round():
        thread.join(20)
    assert told.is_set()


def test_a_host_that_is_removed_while_it_is_probed_leaves_a_line_and_no_traceback(calypso):
    probes = probing.Probes(lambda: None)
    stale = backends.find("calypso")
    Backend.objects.all().delete()
    with capture_logs() as lines:
        probes._probe(stale)
    told = str(lines)
    assert "backend.probe_not_stored" in told
    assert "'exc_info': True" not in told
    assert not HealthSample.objects.exists()


def test_planned_and_disabled_hosts_are_never_contacted(calypso, host):
    for lifecycle in ("planned", "disabled"):
        Backend.objects.update(lifecycle=lifecycle)
        assert probing.Probes(lambda: None).start_round() == []


# Samples and the outage.


def test_each_probe_leaves_a_sample(calypso, host):
    builders.make_lease(None, calypso)
    probe()
    host.stop_listening()
    fall()
    probe()
    newest, first = HealthSample.objects.all()
    assert (first.state, first.in_flight, first.generation_tokens) == ("up", 1, 0.0)
    assert (newest.state, newest.generation_tokens) == ("down", None)


def test_old_samples_are_pruned(calypso, monkeypatch):
    monkeypatch.setattr(sampling, "BATCH_ROWS", 2)
    for days in (0, 30, 32, 40, 50):
        row = HealthSample.objects.create(backend=calypso, state="up")
        HealthSample.objects.filter(pk=row.pk).update(at=timezone.now() - timedelta(days=days))
    assert sampling.prune() == 3
    assert HealthSample.objects.count() == 2


def test_there_is_no_outage_while_one_host_can_take_work(calypso):
    assert health.outage() is None


def test_an_outage_says_how_many_pages_wait_why_and_when_the_next_probe_is(calypso):
    """B07."""
    builders.make_backend("spark", lifecycle="planned")
    builders.make_document(builders.make_user(), pages=7, done=2)
    at = timezone.now() + timedelta(seconds=40)
    BackendHealth.objects.filter(backend=calypso).update(state="down", retry_at=at)
    found = health.outage()
    assert (found.waiting_pages, found.next_probe_at) == (5, at)
    assert found.reason == "No host can read pages now: calypso is down; spark is planned."


def test_without_an_active_host_no_probe_is_announced(calypso):
    Backend.objects.update(lifecycle="disabled")
    assert health.outage().next_probe_at is None
