"""A benchmark's steps and what follows from them, with hosts that are reckoned and not run: no clock decides here."""

from __future__ import annotations

import heapq
import math

import pytest

from jobs.domain import benchmark_plan as plan
from jobs.domain.benchmark_plan import Call, Setup, Step
from tests import seeded


class Reckoned:
    """A host with so many slots, each page taking `seconds` in one; the others wait in the order they came. From
    `too_large_dpi` on pages run out of memory."""

    def __init__(self, slots, seconds, *, tokens=100, too_large_dpi=None):
        self.slots, self.seconds, self.tokens, self.too_large_dpi = slots, seconds, tokens, too_large_dpi

    def run(self, step: Step):
        free, asking, calls, end = [0.0] * self.slots, [0.0] * step.at_once, [], 0.0
        for n in range(step.pages):
            sent = heapq.heappop(asking)
            end = max(sent, heapq.heappop(free)) + self.seconds
            heapq.heappush(free, end)
            heapq.heappush(asking, end)
            calls.append(self._call(step, end - sent, n < step.at_once))
        return plan.result_of(step, calls, seconds=end)

    def _call(self, step, seconds, first):
        if self.too_large_dpi and step.dpi >= self.too_large_dpi:
            return Call(seconds, "out_of_memory", first=first)
        return Call(seconds, "ok", self.tokens, first)


def benchmark(host, setup):
    results = []
    while step := plan.next_step(setup, results):
        results.append(host.run(step))
        assert len(results) < 40, "it never ends"
    return results


def setup_of(slots, queue_ahead=1):
    return Setup(slots=slots, queue_ahead=queue_ahead, dpi=200, call_seconds=300.0)


def proposed(found):
    return {proposal.field: proposal.proposed for proposal in found.proposals}


def test_the_standard_set_in_its_order():
    results = benchmark(Reckoned(4, 1.0), setup_of(4))
    assert [result.step.title for result in results] == [
        "10 pages",
        "50 pages",
        "1 at once",
        "2 at once",
        "4 at once",
        "5 at once",
        "3 at once",
        "150 dpi, caps set aside",
        "200 dpi, caps set aside",
        "300 dpi, caps set aside",
    ]
    assert max(result.step.at_once for result in results) == 5


@pytest.mark.parametrize(
    ("slots", "ahead", "expected"),
    [(1, 0, [1]), (1, 1, [1, 2]), (4, 1, [1, 2, 4, 5]), (6, 2, [1, 2, 4, 8]), (16, 2, [1, 2, 4, 8, 16, 18])],
)
def test_it_rises_by_doubling_up_to_what_is_set(slots, ahead, expected):
    assert plan.levels(setup_of(slots, ahead)) == expected


@pytest.mark.parametrize("_", range(20))
def test_no_step_has_more_at_once_than_slots_and_queue_ahead(_):
    chance = seeded.source()
    setup = setup_of(chance.randint(1, 12), chance.randint(0, 3))
    results = benchmark(Reckoned(chance.randint(1, 30), 1.0), setup)
    assert max(result.step.at_once for result in results) == setup.capacity


@pytest.mark.parametrize("_", range(20))
def test_the_proposed_slots_are_the_hosts_own_whatever_is_set(_):
    chance = seeded.source()
    real = chance.randint(1, 20)
    setup = setup_of(chance.randint(real, 24), chance.randint(1, 3))
    host = Reckoned(real, chance.uniform(0.3, 9), tokens=chance.randint(50, 900))
    found = plan.verdict(setup, benchmark(host, setup), ended=True)
    assert proposed(found)["slots"] == pytest.approx(real, rel=0.1)
    seconds = math.ceil(50 / real) * host.seconds
    assert found.seconds_by_pages[50] == pytest.approx(seconds)
    assert found.tokens_per_second == pytest.approx(50 * host.tokens / seconds)
    doubled = found.latency_doubles_at or math.inf
    assert doubled >= 1.8 * real
    assert not [n for n in plan.levels(setup) if 2.2 * real <= n < doubled]


def slots_proposal(host, setup):
    return plan.verdict(setup, benchmark(host, setup), ended=True).proposals[0]


def test_more_slots_than_are_set_are_found_by_one_benchmark_after_another():
    host, told = Reckoned(9, 2.0), [slots_proposal(Reckoned(9, 2.0), setup_of(4))]
    while len(told) < 3:
        told.append(slots_proposal(host, setup_of(int(told[-1].proposed))))
    assert [proposal.proposed for proposal in told] == [8, 16, 9]
    assert told[0].reason == (
        "Up to 5 at once, all that slots and queue ahead allow, more were read and no page took twice as long: "
        "nothing more could be seen within what is set. Try 8 slots with another benchmark."
    )
    assert "another benchmark" not in told[2].reason


def test_with_more_ahead_than_slots_no_fewer_are_tried_than_were_good_already():
    assert slots_proposal(Reckoned(9, 2.0), setup_of(1, 3)).proposed == 4


def test_where_a_page_takes_longer_all_the_same_no_more_are_tried():
    """A host that reads all that it is given at once, more pages a second with each one more, each page more slowly."""
    setup, pages = setup_of(8, 0), {1: 1.0, 2: 1.3, 4: 1.7, 8: 2.6}
    steps = [plan._at_once(setup, count) for count in plan.levels(setup)]
    results = [plan.result_of(step, [Call(pages[step.at_once])] * step.pages, seconds=9.0) for step in steps]
    slots = plan.verdict(setup, results, ended=True).proposals[0]
    assert slots.proposed == 8
    assert slots.reason == "More were read up to 8 at once, though from 8 on a page takes twice as long."


@pytest.mark.parametrize(("limit", "highest", "tried"), [(150, None, [150]), (200, 150, [150, 200]), (None, 300, None)])
def test_the_highest_resolution_is_the_last_that_fits_and_no_larger_one_is_tried(limit, highest, tried):
    setup = Setup(slots=2, queue_ahead=1, dpi=100, call_seconds=300.0)
    results = benchmark(Reckoned(2, 1.0, too_large_dpi=limit), setup)
    assert plan.verdict(setup, results, ended=True).highest_dpi == highest
    assert [r.step.dpi for r in results if r.step.kind == "resolution"] == (tried or list(plan.RESOLUTIONS))


def test_it_waits_longer_for_a_slower_host_and_keeps_more_ahead_of_a_quicker_one():
    def found(seconds, gap):
        step = Step("concurrency", 16, 4, 200)
        result = plan.result_of(step, [Call(seconds)] * 16, seconds=4 * seconds, gap_seconds=gap)
        return proposed(plan.verdict(setup_of(4), [result], ended=True))

    assert (found(2.0, 0.05)[""], found(100.0, 0.05)[""]) == (60, 500)
    assert (found(2.0, 0.05)["queue_ahead"], found(0.1, 0.05)["queue_ahead"]) == (1, 2)


def test_nothing_is_proposed_from_a_benchmark_that_did_not_end_or_was_disturbed():
    setup, host = setup_of(2), Reckoned(2, 1.0)
    results = benchmark(host, setup)
    assert plan.verdict(setup, results, ended=True).proposals
    assert not plan.verdict(setup, results, ended=False).proposals
    disturbed = plan.result_of(results[0].step, [Call(1.0)] * 10, seconds=5, disturbed=True)
    assert not plan.verdict(setup, [disturbed, *results[1:]], ended=True).proposals


def test_a_step_that_was_not_read_to_its_end_gives_no_figure():
    setup = setup_of(2)
    broken = plan.result_of(Step("document", 10, 3, 200), [Call(1.0)] * 9 + [Call(1.0, "timeout")], seconds=4)
    found = plan.verdict(setup, [broken], ended=False)
    assert (found.seconds_by_pages, found.tokens_per_second, found.enough_at_once) == ({}, None, None)
    assert broken.outcomes == {"ok": 9, "timeout": 1}


def test_a_result_is_the_same_when_it_comes_back_from_storage():
    result = plan.result_of(Step("document", 10, 3, 200), [Call(1.0, "ok", 7)] * 10, seconds=4, gap_seconds=0.1)
    assert plan.result_from(result.stored()) == result
