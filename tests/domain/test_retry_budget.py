"""The retry budget."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.domain.retry_budget import LONGEST_WAIT_SECONDS, WINDOW_SECONDS, budget, wait_seconds


@pytest.mark.parametrize(
    ("calls", "retries", "seconds"),
    [
        (0, 0, 0),
        (5, 2, 0),
        (5, 3, 60),  # three in a minute in any case; the fourth waits for the next
        (5, 6, 120),
        (100, 19, 0),
        (100, 20, 60),
        (100, 39, 60),
        (100, 40, 120),
        (0, 10_000, LONGEST_WAIT_SECONDS),
    ],
)
def test_what_goes_beyond_the_budget_waits_for_a_later_minute(calls, retries, seconds):
    assert wait_seconds(calls, retries) == pytest.approx(seconds)


@given(st.integers(0, 1000), st.integers(0, 1000))
def test_nobody_overtakes_and_nobody_waits_for_ever(calls, retries):
    assert wait_seconds(calls, retries) <= wait_seconds(calls, retries + 1) <= LONGEST_WAIT_SECONDS


@pytest.mark.parametrize("per_second", [0.5, 2, 10])
@pytest.mark.parametrize("seed", range(3))
def test_when_every_second_call_fails_retries_stay_within_the_budget(per_second, seed):
    """Simulated: new pages come evenly, each call fails half the time, retries wait as told."""
    chance = random.Random(seed)
    calls: list[tuple[float, bool]] = []  # when, whether it is a retry
    due: list[float] = []
    for step in range(int(240 * per_second)):
        now = step / per_second
        recent = [retry for at, retry in calls if at > now - WINDOW_SECONDS]
        begun = [(now, False)] + [(now, True) for _ in range(sum(at <= now for at in due))]
        due = [at for at in due if at > now]
        for call in begun:
            calls.append(call)
            recent.append(call[1])
            if chance.random() < 0.5:
                due.append(now + wait_seconds(len(recent), sum(recent) + len(due)))
    for end in range(60, 240, 10):
        minute = [retry for at, retry in calls if end - WINDOW_SECONDS < at <= end]
        assert sum(minute) <= 1.2 * budget(len(minute))
