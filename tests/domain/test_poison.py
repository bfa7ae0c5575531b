"""Quarantine under random deaths: pages are charged as the services charge them, suspects run alone."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.domain import failures
from jobs.domain.attempts import Situation, after_failure
from jobs.domain.statuses import PageStatus


@dataclass
class SimulatedPage:
    poison: bool
    status: PageStatus = PageStatus.RENDERED
    deaths: int = 0
    failed: int = 0
    stopped: tuple[str, ...] = ()
    read: int = 0


def run_together(pages, host):
    """What comes of pages in flight at one host at once: if one of them is poison all are present at its death."""
    if not any(page.poison for page in pages):
        for page in pages:
            page.status, page.read = PageStatus.DONE, page.read + 1
        return
    for page in pages:
        at = Situation(host, max_attempts=3, host_failures=page.failed, engine_deaths=page.deaths, stopped=page.stopped)
        step = after_failure(failures.ENGINE_DEAD, at)
        page.status = step.status
        page.deaths += step.engine_death
        page.failed += step.host_failure
        page.stopped += (host,)


@settings(max_examples=200)
@given(st.lists(st.booleans(), min_size=1, max_size=30), st.integers(1, 16), st.randoms(use_true_random=False))
def test_whatever_runs_beside_whatever_only_poison_is_set_aside_and_no_page_stops_a_third_host(poison, slots, chance):
    pages = [SimulatedPage(is_poison) for is_poison in poison]
    host = 0
    while waiting := [page for page in pages if page.status is PageStatus.RENDERED]:
        fresh, suspects = [p for p in waiting if not p.deaths], [p for p in waiting if p.deaths]
        together = chance.sample(fresh, min(slots, len(fresh))) if fresh else [chance.choice(suspects)]
        host += 1
        run_together(together, f"host{host % 3}")
    assert [page.status for page in pages] == [
        PageStatus.QUARANTINED if page.poison else PageStatus.DONE for page in pages
    ]
    assert all(page.read == (not page.poison) for page in pages)
    assert all(page.deaths <= 2 for page in pages)
    assert all(page.deaths == 2 for page in pages if page.poison)
