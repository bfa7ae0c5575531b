"""The retry budget."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.domain.retry_budget import LONGEST_WAIT_SECONDS, WINDOW_SECONDS, budget, wait_seconds


@pytest.mark.parametrize(
    ("calls", "turns", "seconds"),
    [
        (0, [], 0),
        (5, [-50, -40], 0),
        (5, [-50, -40, -10], 10),  # three in a minute in any case; the fourth goes a minute after the first
        (5, [-50, -40, -10, 10], 20),
        (5, [10, -10, -50, -40], 20),  # in whatever order they are told
        (100, [-30] * 19, 0),
        (100, [-30] * 20, 30),
        (0, [590.0] * 3, LONGEST_WAIT_SECONDS),
    ],
)
def test_what_goes_beyond_the_budget_waits_for_its_turn(calls, turns, seconds):
    assert wait_seconds(calls, turns) == pytest.approx(seconds)


@given(st.integers(0, 1000), st.lists(st.floats(-60, 600), max_size=50))
def test_nobody_overtakes_and_nobody_waits_for_ever(calls, turns):
    turn = wait_seconds(calls, turns)
    assert 0 <= turn <= wait_seconds(calls, [*turns, turn]) <= LONGEST_WAIT_SECONDS


@pytest.mark.parametrize("per_second", [0.5, 2, 10])
@pytest.mark.parametrize("seed", range(3))
def test_when_every_second_call_fails_retries_stay_within_the_budget(per_second, seed):
    """B19. Simulated: pages come evenly, after a good minute each call fails half the time, retries wait as told."""
    chance = random.Random(seed)
    calls: list[tuple[float, bool]] = []  # when, whether it is a retry
    due: list[float] = []
    for step in range(int(240 * per_second)):
        now = step / per_second
        begun = [(now, False)] + [(now, True) for _ in range(sum(at <= now for at in due))]
        due = [at for at in due if at > now]
        for call in begun:
            calls.append(call)
            if now > WINDOW_SECONDS and chance.random() < 0.5:
                recent = [(at, retry) for at, retry in calls if at > now - WINDOW_SECONDS]
                turns = [at - now for at, retry in recent if retry] + [at - now for at in due]
                due.append(now + wait_seconds(len(recent), turns))
    made = [sum(retry for at, retry in calls if end - WINDOW_SECONDS < at <= end) for end in range(60, 240, 10)]
    all_calls = [sum(end - WINDOW_SECONDS < at <= end for at, _ in calls) for end in range(60, 240, 10)]
    assert all(retries <= 1.2 * budget(count) for retries, count in zip(made, all_calls, strict=True))
    assert any(retries >= 0.5 * budget(count) for retries, count in zip(made, all_calls, strict=True))
