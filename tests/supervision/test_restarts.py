"""When a child is started again, and when not."""

from __future__ import annotations

import pytest

from jobs.supervision.restarts import Policy, Verdict, after_death

POLICY = Policy()


def test_the_delay_doubles_up_to_ten_seconds() -> None:
    delays = []
    deaths = 0
    for _ in range(8):
        verdict = after_death(POLICY, quick_deaths=deaths, ran_seconds=1.0, was_ever_ready=True)
        deaths = verdict.quick_deaths
        delays.append(verdict.delay_seconds)
    assert delays == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0]


def test_a_child_that_ran_steadily_starts_with_a_clean_slate() -> None:
    assert after_death(POLICY, quick_deaths=7, ran_seconds=10.0, was_ever_ready=True) == Verdict(1, 0.2)


@pytest.mark.parametrize(("deaths_before", "gives_up"), [(3, False), (4, True), (9, True)])
def test_five_quick_deaths_without_ever_working_are_hopeless(deaths_before: int, gives_up: bool) -> None:
    verdict = after_death(POLICY, quick_deaths=deaths_before, ran_seconds=0.1, was_ever_ready=False)
    assert (verdict.delay_seconds is None) == gives_up


def test_a_child_that_has_worked_before_is_never_given_up() -> None:
    assert after_death(POLICY, quick_deaths=100_000, ran_seconds=0.1, was_ever_ready=True) == Verdict(100_001, 10.0)


def test_slow_deaths_are_never_hopeless() -> None:
    assert after_death(POLICY, quick_deaths=4, ran_seconds=60.0, was_ever_ready=False) == Verdict(1, 0.2)
