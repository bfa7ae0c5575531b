"""Overload with hysteresis: a table, and that a queue that swings does not make it flap."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.domain import overload
from jobs.domain.overload import Overload
from jobs.domain.policies import Rule

RULE = Rule("Default overloaded", "queue_depth_over", "spark", threshold=5, release=2, hold_seconds=30)
ON = Overload(on=True, since=100.0)
CALMING = replace(ON, calm_since=110.0)


@pytest.mark.parametrize(
    ("state", "depth", "now", "expected"),
    [
        (Overload(), 5, 100.0, Overload()),
        (Overload(), 6, 100.0, ON),
        (ON, 3, 110.0, ON),  # below the threshold, above the release level
        (ON, 2, 110.0, CALMING),
        (CALMING, 0, 139.0, CALMING),
        (CALMING, 0, 140.0, Overload(on=False, since=140.0)),
        (CALMING, 3, 139.0, ON),  # the hold begins anew
    ],
)
def test_it_comes_above_the_threshold_and_goes_after_the_hold_below_release(state, depth, now, expected):
    assert overload.observed(state, depth, now, RULE) == expected


def test_without_release_and_hold_the_threshold_serves_for_both():
    plain = replace(RULE, release=None, hold_seconds=None)
    on = overload.observed(Overload(), 6, 1.0, plain)
    assert on.on
    assert not overload.observed(on, 5, 2.0, plain).on


def test_without_a_rule_there_is_no_overload():
    assert not overload.observed(ON, 99, 200.0, None).on
    assert overload.observed(Overload(), 99, 200.0, None) == Overload()


def test_while_it_holds_pages_may_leave_above_the_release_level():
    assert (overload.limit(Overload(), RULE), overload.limit(ON, RULE)) == (5, 2)


@given(st.lists(st.integers(0, 12), min_size=2, max_size=200))
def test_it_never_changes_twice_within_the_hold_but_to_come_on(depths):
    """B18."""
    state, went_on = Overload(), None
    for second, depth in enumerate(depths):
        after = overload.observed(state, depth, float(second), RULE)
        if state.on and not after.on:
            assert went_on is None or second - went_on >= 30
        if after.on and not state.on:
            went_on = second
        assert overload.from_json(after.as_json()) == after
        state = after
