"""Benchmarks against simulated hosts: what is counted at the host decides, and no clock."""

from __future__ import annotations

import hashlib
import io
import threading
import time
from datetime import timedelta

import pytest
from django.db import connections
from django.utils import timezone
from PIL import Image

from jobs import errors
from jobs.domain.benchmark_plan import Call, Setup, Step, next_step, result_of
from jobs.gateways import processes
from jobs.models import Attempt, AuditEntry, Backend, BackendHealth, Benchmark, SlotLease
from jobs.services import benchmark_run, benchmarking, slots
from tests import builders, seeded
from tests.patience import until
from tests.vllm_simulator import Simulator

pytestmark = pytest.mark.django_db(transaction=True)


def drawing():
    """A sample as it is drawn, of one small page: the hosts here look at none."""
    out = io.BytesIO()
    Image.effect_noise((300, 400), 60).save(out, "JPEG")
    return benchmark_run._Sample([(out.getvalue(), 300)])


@pytest.fixture(autouse=True)
def sample(monkeypatch):
    made = drawing()
    monkeypatch.setattr(benchmark_run._Sample, "drawn", classmethod(lambda cls: made))
    monkeypatch.setattr(benchmark_run, "RENEW_SECONDS", 0.05)
    monkeypatch.setattr(benchmark_run, "AGAIN_SECONDS", 0.01)
    return made


@pytest.fixture
def host():
    with Simulator.start(slots=2) as simulator:
        yield simulator


@pytest.fixture
def calypso(db, host):
    builders.make_policy()
    return builders.make_backend("calypso", base_url=host.base_url, slots=2)


def benchmark():
    made = benchmarking.begin("calypso", by=None)
    benchmark_run.run(made.pk)
    made.refresh_from_db()
    return made


@pytest.fixture
def under_way(calypso):
    """A benchmark in a thread of its own, as a worker has it. Ended with the test."""
    made = benchmarking.begin("calypso", by=None)

    def work():
        try:
            benchmark_run.run(made.pk)
        finally:
            connections.close_all()

    thread = threading.Thread(target=work)
    thread.start()
    made.thread = thread
    yield made
    Benchmark.objects.filter(pk=made.pk).update(stop_wanted=True)
    thread.join(60)


def test_its_figures_are_the_hosts_own_and_its_calls_within_what_is_set(db):
    chance = seeded.source()
    real, seconds = chance.randint(1, 3), chance.uniform(0.03, 0.06)
    backend_slots, ahead = chance.randint(2, 3), chance.randint(0, 1)
    extra = max(0, backend_slots + ahead - real)
    with Simulator.start(slots=real, service_seconds=seconds, allowed_extra=extra) as host:
        builders.make_policy()
        builders.make_backend("calypso", base_url=host.base_url, slots=backend_slots, queue_ahead=ahead)
        began = time.monotonic()
        row = benchmark()
        whole = time.monotonic() - began
        assert (row.state, row.reason, host.over_limit) == ("done", "", 0)
        assert host.max_in_flight <= backend_slots + ahead
        calls, told = host.calls, benchmarking.results(row)
    assert sum(result.step.pages for result in told) == len(calls)
    spans = []
    for result in told:
        mine, calls = calls[: result.step.pages], calls[result.step.pages :]
        assert result.whole
        spans.append(max(call.ended for call in mine) - min(call.started for call in mine))
        assert result.seconds >= spans[-1] * 0.99
        assert result.mean >= seconds * 0.99
    assert sum(result.seconds for result in told) <= whole
    found = benchmarking.verdict(row)
    assert found.seconds_by_pages[10] == told[0].seconds
    assert found.tokens_per_second == pytest.approx(told[1].tokens / told[1].seconds)
    assert told[1].tokens > 0
    assert [proposal.field for proposal in found.proposals] == ["slots", "queue_ahead", ""]
    assert not SlotLease.objects.exists()
    assert not Attempt.objects.exists()
    assert BackendHealth.objects.get().tokens_per_second is None


def test_a_host_that_would_take_more_gets_no_more_than_is_set(calypso):
    with Simulator.start(slots=9, service_seconds=0.05) as roomy:
        Backend.objects.update(base_url=roomy.base_url)
        row = benchmark()
        assert (row.state, row.reason) == ("done", "")
        assert roomy.max_in_flight <= 3
    assert max(result.step.at_once for result in benchmarking.results(row)) == 3


def test_a_resolution_that_does_not_fit_is_a_result(calypso, host, sample):
    largest = hashlib.sha256(sample.at(300)[0]).hexdigest()
    host.set_fault("oom_words", when=lambda call: call.image_sha256 == largest)
    row = benchmark()
    assert (row.state, row.reason) == ("done", "")
    assert benchmarking.verdict(row).highest_dpi == 200
    last = benchmarking.results(row)[-1]
    assert (last.step.dpi, last.outcomes) == (300, {"out_of_memory": 3})
    assert benchmarking.verdict(row).proposals


def test_a_host_that_dies_ends_it_with_what_was_found_so_far(calypso, host):
    made = benchmarking.begin("calypso", by=None)
    fourth = Step("concurrency", 4, 1, 200)
    done = [result_of(step, [Call(1.0, "ok", 5)] * step.pages, seconds=9.0) for step in taken_until(made, fourth)]
    Benchmark.objects.update(steps=[result.stored() for result in done])
    host.set_fault("engine_death", after_seconds=0.0)
    benchmark_run.run(made.pk)
    made.refresh_from_db()
    assert made.state == "failed"
    assert made.reason.endswith("This was at: 1 at once.")
    found = benchmarking.verdict(made)
    assert (found.seconds_by_pages, found.proposals) == ({10: 9.0, 50: 9.0}, ())
    assert len(made.steps) == 3
    assert not SlotLease.objects.exists()


def taken_until(row, last):
    setup, results = Setup(**row.setup), []
    while (step := next_step(setup, results)) != last:
        results.append(result_of(step, [Call(1.0)] * step.pages, seconds=1.0))
    return [result.step for result in results]


def test_it_is_stopped_in_the_middle_of_its_calls(calypso, host, under_way):
    host.configure(held=True)
    until(lambda: host.host.in_flight > 0)
    benchmarking.stop("calypso", by=None)
    under_way.thread.join(60)
    under_way.refresh_from_db()
    assert (under_way.state, under_way.reason) == ("stopped", "It was stopped.")
    assert under_way.ended_at
    until(lambda: host.host.in_flight == 0)
    assert not SlotLease.objects.exists()
    with pytest.raises(errors.Conflict, match="No benchmark of calypso is under way"):
        benchmarking.stop("calypso", by=None)


def test_it_is_held_while_the_sample_is_drawn(calypso, host, sample, monkeypatch):
    def slowly(cls):
        try:
            until(lambda: Benchmark.objects.get().doing == "The sample is drawn.", seconds=60)
        finally:
            connections.close_all()
        return sample

    monkeypatch.setattr(benchmark_run._Sample, "drawn", classmethod(slowly))
    assert benchmark().state == "done"


def test_one_that_waits_for_a_worker_is_stopped_at_once(calypso, host):
    made = benchmarking.begin("calypso", by=None)
    assert benchmarking.stop("calypso", by=None).state == "stopped"
    benchmark_run.run(made.pk)
    assert host.calls == []


def test_a_host_taken_out_of_use_is_asked_no_more(calypso, host, under_way):
    host.configure(held=True)
    until(lambda: host.host.in_flight > 0)
    Backend.objects.update(lifecycle="disabled")
    under_way.thread.join(60)
    under_way.refresh_from_db()
    assert (under_way.state, under_way.reason) == ("stopped", "The host was taken out of use: it is disabled.")


def test_while_pages_hold_every_slot_it_waits_and_says_so(calypso, host):
    leases = [builders.make_lease(None, calypso) for _ in range(calypso.capacity)]
    made = benchmarking.begin("calypso", by=None)
    step = benchmark_run._Step(benchmarking.claim(made.pk), Step("document", 10, 3, 200), drawing(), time.monotonic())
    assert step._take() is None
    SlotLease.objects.filter(pk=leases[0].pk).delete()
    taken = step._take()
    assert taken.kind == "benchmark"
    assert step._take() is None  # one was free
    assert step._result().disturbed
    slots.give_back(taken)


def test_a_free_slot_that_a_page_waits_for_is_left_to_it(calypso, host):
    made = benchmarking.begin("calypso", by=None)
    step = benchmark_run._Step(benchmarking.claim(made.pk), Step("document", 10, 3, 200), drawing(), time.monotonic())
    document = builders.make_document(builders.make_user(), pages=2, rendered=2)
    assert step._take() is None
    document.pages.update(status="cancelled")
    assert step._take() is not None


def test_it_goes_on_as_soon_as_slots_are_free(calypso, host):
    leases = [builders.make_lease(None, calypso) for _ in range(calypso.capacity)]
    made = benchmarking.begin("calypso", by=None)

    def work():
        try:
            benchmark_run.run(made.pk)
        finally:
            connections.close_all()

    thread = threading.Thread(target=work)
    thread.start()
    until(lambda: Benchmark.objects.get().doing == "10 pages: 0 of 10 pages")
    assert host.calls == []
    SlotLease.objects.filter(pk__in=[lease.pk for lease in leases]).delete()
    thread.join(120)
    made.refresh_from_db()
    assert (made.state, host.over_limit) == ("done", 0)


@pytest.mark.parametrize(
    ("fields", "health", "words"),
    [
        ({"lifecycle": "planned"}, {}, "calypso is planned: only a host in use"),
        ({"lifecycle": "disabled"}, {}, "calypso is disabled: only a host in use"),
        ({"lifecycle": "draining"}, {}, "calypso is draining"),
        ({}, {"state": "down", "reason": "It refuses connections."}, "calypso is not well .down.: It refuses"),
        ({}, {"state": "unknown"}, "it was not asked yet"),
        ({}, {"breaker": "open"}, "calypso is cut off just now"),
    ],
)
def test_a_host_not_in_use_or_not_well_is_refused_and_never_contacted(calypso, host, fields, health, words):
    Backend.objects.update(**({"lifecycle": "active"} | fields))
    BackendHealth.objects.update(**({"state": "up"} | health))
    with pytest.raises(errors.Conflict, match=words):
        benchmarking.begin("calypso", by=None)
    assert (host.calls, host.host.connections, Benchmark.objects.count()) == ([], 0, 0)


def test_one_at_a_time(calypso):
    benchmarking.begin("calypso", by=None)
    with pytest.raises(errors.Conflict, match="under way already"):
        benchmarking.begin("calypso", by=None)
    Benchmark.objects.update(state="stopped")
    benchmarking.begin("calypso", by=None)


def test_a_killed_worker_is_found_by_the_clock_and_writes_nothing_any_more(calypso):
    claimed = benchmarking.claim(benchmarking.begin("calypso", by=None).pk)
    assert benchmarking.claim(claimed.pk) is None
    assert benchmarking.find_dead() == 0
    machine, pid, started = processes.identity().split(":")
    Benchmark.objects.update(holder=f"{machine}:{pid}:{started}1")
    assert benchmarking.find_dead() == 1
    row = Benchmark.objects.get()
    assert (row.state, row.reason) == ("interrupted", benchmarking.DIED)
    benchmarking.end(claimed, "done")
    assert not benchmarking.add_step(claimed, result_of(Step("document", 10, 3, 200), [], seconds=1.0))
    row.refresh_from_db()
    assert (row.state, row.steps) == ("interrupted", [])


def test_one_whose_worker_hangs_elsewhere_is_found_when_it_renewed_nothing(calypso):
    claimed = benchmarking.claim(benchmarking.begin("calypso", by=None).pk)
    Benchmark.objects.update(expires_at=timezone.now() - timedelta(seconds=1), holder="elsewhere:1:1")
    assert benchmarking.find_dead() == 1
    assert benchmarking.renew(claimed, "on") == "It is no longer this process's."


def test_a_lost_message_is_sent_again_and_the_second_finds_nothing_to_do(calypso):
    made = benchmarking.begin("calypso", by=None)
    assert benchmarking.to_send_again() == []
    Benchmark.objects.update(sent_at=timezone.now() - timedelta(hours=1))
    assert benchmarking.to_send_again() == [made.pk]
    assert benchmarking.to_send_again() == []
    assert benchmarking.claim(made.pk)
    benchmark_run.run(made.pk)
    assert Benchmark.objects.get().state == "running"


def test_a_proposal_is_taken_over_and_told_in_the_log(calypso, host):
    chance = seeded.source()
    row, wanted = benchmarking.begin("calypso", by=None), chance.randint(2 * calypso.slots, 60)  # so many it tries
    step = Step("concurrency", wanted * 4, wanted, 200)
    Benchmark.objects.update(state="done", steps=[result_of(step, [Call(2.0)] * step.pages, seconds=8.0).stored()])
    assert benchmarking.take_over(row.pk, "slots", by=None).slots == wanted
    assert AuditEntry.objects.get(action="backend.changed").detail == {"fields": ["slots"]}
    for wrong in ("", "base_url", "call_seconds"):
        with pytest.raises(errors.NotFound):
            benchmarking.take_over(row.pk, wrong, by=None)
    with pytest.raises(errors.NotFound):
        benchmarking.take_over(row.pk + 1, "slots", by=None)


def test_it_is_compared_with_the_one_before_and_with_what_is_expected(calypso):
    Backend.objects.update(expected={"seconds_10_pages": [25, 40]})
    step, rows = Step("document", 10, 3, 200), []
    for seconds in (30.0, 80.0):
        rows.append(benchmarking.begin("calypso", by=None))
        stored = result_of(step, [Call(2.0)] * 10, seconds=seconds).stored()
        Benchmark.objects.filter(pk=rows[-1].pk).update(state="done", steps=[stored])
    newest = benchmarking.of(Backend.objects.get())[0]
    assert newest.pk == rows[1].pk
    told = benchmarking.snapshot(newest)
    assert (told["figures"]["seconds_10_pages"], told["before"]["seconds_10_pages"]) == (80.0, 30.0)
    (line,) = [line for line in benchmarking.compared(newest) if line.name == "seconds_10_pages"]
    assert (line.expected, line.ratio) == ((25.0, 40.0), 2.0)
    assert benchmarking.snapshot(rows[0])["before"] is None
