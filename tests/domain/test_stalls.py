"""Hung, or slow? The watch over a host's counters."""

import pytest

from jobs.domain import stalls
from jobs.domain.stalls import Reading, Watch

AT_WORK = Reading(tokens=70.0, running=3.0, waiting=0.0, finished=5.0, leases=3)


def looks(*readings, every=20.0):
    watch = Watch()
    for number, reading in enumerate(readings):
        watch = stalls.observed(watch, reading, 100.0 + every * number)
    return watch


def test_counters_that_stand_still_while_requests_run_are_a_hung_host():
    watch = looks(AT_WORK, AT_WORK, AT_WORK, AT_WORK)
    assert watch.since == 100.0
    assert not stalls.is_hung(watch, 159.0, None)
    assert stalls.is_hung(watch, 160.0, None)


def test_an_answer_that_came_back_since_proves_it_alive():
    watch = looks(AT_WORK, AT_WORK)
    assert not stalls.is_hung(watch, 160.0, 130.0)
    assert stalls.is_hung(watch, 190.0, 130.0)


@pytest.mark.parametrize(
    "moved",
    [
        Reading(71.0, 3.0, 0.0, 5.0, 3),
        Reading(70.0, 2.0, 0.0, 5.0, 3),
        Reading(70.0, 3.0, 1.0, 5.0, 3),
        Reading(70.0, 3.0, 0.0, 6.0, 3),
        Reading(0.0, 3.0, 0.0, 5.0, 3),  # it was started anew
    ],
)
def test_any_counter_that_moves_begins_the_watch_anew(moved):
    assert looks(AT_WORK, AT_WORK, moved).since == 140.0


def test_a_host_with_nothing_to_do_stands_still_rightly():
    idle = Reading(70.0, 0.0, 0.0, 5.0, 0)
    assert looks(idle, idle, idle, idle).since == 160.0


def test_requests_of_ours_that_it_does_not_even_count_are_work_too():
    unseen = Reading(70.0, 0.0, 0.0, 5.0, 2)
    assert looks(unseen, unseen).since == 100.0


def test_a_host_without_metrics_is_never_hung():
    nothing = Reading(None, None, None, None, 4)
    watch = looks(nothing, nothing)
    assert watch == Watch()
    assert not stalls.is_hung(watch, 1e9, None)


def test_a_watch_is_kept_as_json():
    watch = looks(AT_WORK)
    assert stalls.from_json(watch.as_json()) == watch
    assert stalls.from_json({}) == Watch()
