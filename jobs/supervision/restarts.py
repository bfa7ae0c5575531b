"""When a child that died is started again, and when the start is given up. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Policy:
    first_seconds: float = 0.2
    longest_seconds: float = 10.0
    steady_after_seconds: float = 10.0  # a child that ran as long as this starts with a clean slate
    hopeless_after_deaths: int = 5


@dataclass(frozen=True)
class Verdict:
    """`delay_seconds` None: give up. `quick_deaths`: how many in a row, to be handed in at the next death."""

    quick_deaths: int
    delay_seconds: float | None


def after_death(policy: Policy, *, quick_deaths: int, ran_seconds: float, was_ever_ready: bool) -> Verdict:
    """What to do about a child that has just died after `ran_seconds`.

    The delay doubles with each death in a row. A child that was never ready and dies again and again cannot
    start at all, and says so; one that has worked before is never given up: what it waits for may come back.
    """
    deaths = 1 if ran_seconds >= policy.steady_after_seconds else quick_deaths + 1
    if deaths >= policy.hopeless_after_deaths and not was_ever_ready:
        return Verdict(deaths, None)
    doublings = min(deaths - 1, 32)
    return Verdict(deaths, min(policy.longest_seconds, policy.first_seconds * 2**doublings))
