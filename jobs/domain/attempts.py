"""What becomes of a page after a call: three counters, three caps, and where it goes next.

`claims`         workers that died with it in hand         at most MAX_CLAIMS
`host_failures`  calls that failed by a host's fault        at most the policy's max_attempts
`quality_tries`  readings judged not good enough            at most the policy's quality.max_tries

Waiting, a refused key, a busy host and "no backend" cost nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from jobs.domain.failures import Blame, Failure, Outcome
from jobs.domain.statuses import PageStatus

MAX_CLAIMS = 3
BUSY_SECONDS = 2.0  # how long a page waits when a busy host names no time itself
OUR_SIDE_SECONDS = 5.0  # how long it waits when a part of ours is down


@dataclass(frozen=True)
class Step:
    """The page's next state. `avoid`: not to this backend again while another can; `delay_seconds`: not before."""

    status: PageStatus
    reason: str = ""
    host_failure: bool = False
    claim: bool = False
    avoid: bool = False
    delay_seconds: float = 0.0


def after_failure(failure: Failure, *, host_failures: int, max_attempts: int) -> Step:
    """What happens to a page whose call failed. `host_failures` counts those before this one."""
    if failure.outcome is Outcome.CANCELLED:
        return Step(PageStatus.RENDERED)
    if failure.blame is Blame.PAGE and not failure.elsewhere:
        return Step(PageStatus.FAILED, failure.reason)
    if failure.outcome is Outcome.BUSY:
        return Step(PageStatus.RENDERED, delay_seconds=failure.retry_after_seconds or BUSY_SECONDS)
    if failure.blame in {Blame.SETUP, Blame.NOBODY}:
        return Step(PageStatus.RENDERED, avoid=True, delay_seconds=failure.retry_after_seconds or 0.0)
    if host_failures + 1 >= max_attempts:
        tries = f"{max_attempts} tries" if max_attempts > 1 else "1 try"
        return Step(PageStatus.FAILED, f"Not read after {tries}. {failure.reason}", host_failure=True)
    return Step(PageStatus.RENDERED, failure.reason, host_failure=True, avoid=True)


def after_worker_death(claims: int) -> Step:
    """What happens to a page whose worker died. `claims` counts this death too."""
    if claims >= MAX_CLAIMS:
        return Step(PageStatus.FAILED, f"Reading this page broke our own worker {claims} times.", claim=True)
    return Step(PageStatus.RENDERED, claim=True)
