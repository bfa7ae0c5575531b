"""What becomes of a page after a call: three counters, three caps, and where it goes next.

`claims`         workers that died with it in hand         at most MAX_CLAIMS
`host_failures`  calls that failed by a host's fault        at most the policy's max_attempts
`quality_tries`  readings judged not good enough            at most the policy's quality.max_tries

Waiting, a refused key, a busy host, one that was never reached and "no backend" cost nothing. `engine_deaths` counts
the engines that died with the page in flight; at the policy's quarantine_deaths it is set aside.

Running out of memory costs none of these and ends all the same: each time the page goes to a backend it has not tried,
or, with none left, it becomes smaller: first the policy's oom_dpi, then halves, then it fails. A backend counts as left
only if it could take the page now. One that is down or busy does not: a page at 150 dpi is read as well as one at 200
(DeepSeek-OCR resamples to about 155), and read now.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from jobs.domain.failures import Blame, Failure, Outcome
from jobs.domain.statuses import PageStatus

MAX_CLAIMS = 3
BUSY_SECONDS = 2.0  # how long a busy host is left alone when it names no time itself
LEAVING_SECONDS = 5.0  # how long a page waits when the only host for it is shutting down
OUR_SIDE_SECONDS = 5.0  # how long it waits when a part of ours is down
_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


@dataclass(frozen=True)
class Situation:
    """A page whose call failed at `backend`. Counters are those before this failure, resolutions in dpi.

    `elsewhere`: a backend it has not failed at could take it now; `roomier`: such a one with a longer context than this
    one's; `tighter`: those without. `stopped`: the hosts that died with it before.
    """

    backend: str
    max_attempts: int
    quarantine_deaths: int = 2
    oom_dpi: int = 150
    host_failures: int = 0
    engine_deaths: int = 0
    stopped: tuple[str, ...] = ()
    sent_dpi: int = 200
    dpi_cap: int | None = None
    in_pieces: bool = False
    elsewhere: bool = False
    roomier: bool = False
    tighter: tuple[str, ...] = ()


@dataclass(frozen=True)
class Step:
    """The page's next state. `avoid`: not to this backend again while another can, `avoid_also`: nor to these;
    `delay_seconds`: not before; `on_budget`: the retry budget may put it off; `dpi_cap`: from now on no finer;
    `in_pieces`: from now on in halves."""

    status: PageStatus
    reason: str = ""
    host_failure: bool = False
    claim: bool = False
    avoid: bool = False
    delay_seconds: float = 0.0
    engine_death: bool = False
    avoid_also: tuple[str, ...] = ()
    dpi_cap: int | None = None
    in_pieces: bool = False
    on_budget: bool = False


def after_failure(failure: Failure, at: Situation) -> Step:
    """What happens to a page whose call failed."""
    if failure.outcome is Outcome.CANCELLED:
        return Step(PageStatus.RENDERED)
    if failure.outcome is Outcome.OUT_OF_MEMORY:
        return _after_out_of_memory(failure, at)
    if failure.outcome is Outcome.CUT_OFF:
        return _after_too_long(failure, at)
    if failure.blame is Blame.PAGE:
        return Step(PageStatus.FAILED, failure.reason)
    if failure.blame is Blame.SETUP:
        return Step(PageStatus.RENDERED, failure.reason, avoid=True)
    if failure.blame is Blame.NOBODY:
        return _after_no_ones_fault(failure, at)
    return _after_host_fault(failure, at)


def _after_no_ones_fault(failure: Failure, at: Situation) -> Step:
    """Busy or leaving: elsewhere at once; only where there is nowhere else it waits."""
    if at.elsewhere:
        return Step(PageStatus.RENDERED, failure.reason, avoid=True)
    usual = BUSY_SECONDS if failure.outcome is Outcome.BUSY else LEAVING_SECONDS
    return Step(PageStatus.RENDERED, failure.reason, delay_seconds=busy_seconds(failure, usual))


def busy_seconds(failure: Failure, usual: float = BUSY_SECONDS) -> float:
    """How long a host wants to be left alone. It may say 0 seconds; a moment it gets all the same."""
    named = failure.retry_after_seconds
    return usual if named is None else max(named, 0.5)


def _after_host_fault(failure: Failure, at: Situation) -> Step:
    died = failure.engine_death
    if died and at.engine_deaths + 1 >= at.quarantine_deaths:
        return Step(PageStatus.QUARANTINED, set_aside((*at.stopped, at.backend)), host_failure=True, engine_death=True)
    if failure.unsent and not died:
        # Nothing of the page went there: with every host away, pages wait and none fails, however often it was tried.
        return Step(PageStatus.RENDERED, failure.reason, avoid=True)
    if at.host_failures + 1 >= at.max_attempts:
        tries = f"{at.max_attempts} tries" if at.max_attempts > 1 else "1 try"
        reason = f"Not read after {tries}. {failure.reason}"
        return Step(PageStatus.FAILED, reason, host_failure=True, engine_death=died)
    # Off the budget: what was present at an engine's death runs alone anyway.
    return Step(
        PageStatus.RENDERED, failure.reason, host_failure=True, avoid=True, engine_death=died, on_budget=not died
    )


def set_aside(stopped: Sequence[str]) -> str:
    """Why a page is quarantined, in words; `stopped` names the host of each death."""
    hosts, deaths = len(set(stopped)), len(stopped)
    where = f"{_number(hosts)} {'host' if hosts == 1 else 'hosts'}"
    if hosts == deaths:
        return f"Set aside: it stopped {where}."
    times = _times(deaths)
    return (
        f"Set aside: it stopped {where} {times}." if hosts == 1 else f"Set aside: it stopped {where}, {times} in all."
    )


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{_number(count)} times")


def _number(count: int) -> str:
    return _NUMBERS[count] if count < len(_NUMBERS) else str(count)


def _after_out_of_memory(failure: Failure, at: Situation) -> Step:
    if at.elsewhere:
        return Step(PageStatus.RENDERED, failure.reason, avoid=True)
    if at.dpi_cap is None and not at.in_pieces and at.sent_dpi > at.oom_dpi:
        reason = f"{failure.reason} It is tried again at {at.oom_dpi} dpi."
        return Step(PageStatus.RENDERED, reason, dpi_cap=at.oom_dpi)
    if not at.in_pieces:
        return Step(PageStatus.RENDERED, f"{failure.reason} It is tried again in halves.", in_pieces=True)
    smaller = f"at {at.dpi_cap} dpi and in halves" if at.dpi_cap else "in halves"
    return Step(PageStatus.FAILED, f"No host that could take this page has the memory for it, not even {smaller}.")


def _after_too_long(failure: Failure, at: Situation) -> Step:
    if at.roomier:
        return Step(PageStatus.RENDERED, failure.reason, avoid=True, avoid_also=at.tighter)
    if not at.in_pieces:
        return Step(PageStatus.RENDERED, f"{failure.reason} It is tried again in halves.", in_pieces=True)
    return Step(PageStatus.FAILED, "This page does not fit into the length that any host can handle, even in halves.")


def after_worker_death(claims: int) -> Step:
    """What happens to a page whose worker died. `claims` counts this death too."""
    if claims >= MAX_CLAIMS:
        return Step(PageStatus.FAILED, f"Reading this page broke our own worker {claims} times.", claim=True)
    return Step(PageStatus.RENDERED, claim=True)


def after_both_deaths(step: Step, *, engine_deaths: int, quarantine_deaths: int) -> Step:
    """The same where the host's engine died meanwhile too, of which the worker could not tell: `engine_deaths` counts
    this one."""
    if engine_deaths < quarantine_deaths:
        return step
    return Step(PageStatus.QUARANTINED, f"Set aside: its hosts stopped {_times(engine_deaths)} with it.", claim=True)
