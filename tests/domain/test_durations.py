"""Durations in spans."""

from __future__ import annotations

import pytest

from jobs.domain import durations
from jobs.domain.durations import BEYOND_MS


@pytest.mark.parametrize(
    ("seconds", "span"),
    [(0.0, 25), (0.025, 25), (0.0251, 50), (2.4, 2500), (2.5, 2500), (2.501, 5000), (60.0, 60_000), (300.0, 300_000),
     (300.1, BEYOND_MS), (90_000.0, BEYOND_MS)],
)  # fmt: skip
def test_a_duration_falls_into_the_first_span_that_holds_it(seconds, span):
    assert durations.up_to_ms(seconds) == span


def test_counts_add_up_to_the_last_bound():
    told = dict(durations.cumulative({25: 1, 2500: 3, BEYOND_MS: 2}))
    assert (told["0.025"], told["1.0"], told["2.5"], told["300.0"], told["+Inf"]) == (1, 1, 4, 4, 6)


def test_a_bound_that_is_none_any_more_counts_from_the_next_one_on():
    told = dict(durations.cumulative({3000: 2}))
    assert (told["2.5"], told["5.0"], told["+Inf"]) == (0, 2, 2)


def test_no_calls_are_no_calls():
    assert {count for _, count in durations.cumulative({})} == {0}
