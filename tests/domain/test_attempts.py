"""What becomes of a page after a call: three counters, three caps."""

from jobs.domain.attempts import BUSY_SECONDS, MAX_CLAIMS, after_failure, after_worker_death
from jobs.domain.failures import Blame, Failure, Outcome
from jobs.domain.statuses import PageStatus


def after(outcome, blame, *, elsewhere=True, host_failures=0, **more):
    failure = Failure(outcome, blame, "It did not work.", elsewhere=elsewhere, **more)
    return after_failure(failure, host_failures=host_failures, max_attempts=3)


def test_a_hosts_fault_sends_the_page_elsewhere_and_counts():
    step = after(Outcome.HOST_DOWN, Blame.HOST)
    assert (step.status, step.avoid, step.host_failure) == (PageStatus.RENDERED, True, True)


def test_the_third_hosts_fault_fails_the_page_with_the_reason():
    step = after(Outcome.TIMEOUT, Blame.HOST, host_failures=2)
    assert step.status == PageStatus.FAILED
    assert step.reason == "Not read after 3 tries. It did not work."


def test_a_refused_page_fails_at_once_and_blames_no_host():
    step = after(Outcome.REFUSED, Blame.PAGE, elsewhere=False)
    assert (step.status, step.host_failure, step.reason) == (PageStatus.FAILED, False, "It did not work.")


def test_a_busy_host_costs_nothing_but_its_time():
    step = after(Outcome.BUSY, Blame.NOBODY, retry_after_seconds=7.0, host_failures=2)
    assert (step.status, step.host_failure, step.delay_seconds, step.avoid) == (PageStatus.RENDERED, False, 7.0, False)
    assert after(Outcome.BUSY, Blame.NOBODY).delay_seconds == BUSY_SECONDS


def test_a_wrong_key_or_a_draining_host_costs_the_page_nothing():
    for outcome, blame in ((Outcome.MISCONFIGURED, Blame.SETUP), (Outcome.HOST_DOWN, Blame.NOBODY)):
        step = after(outcome, blame, host_failures=2)
        assert (step.status, step.host_failure, step.avoid) == (PageStatus.RENDERED, False, True)


def test_three_dead_workers_fail_a_page_two_do_not():
    assert after_worker_death(MAX_CLAIMS - 1).status == PageStatus.RENDERED
    assert after_worker_death(MAX_CLAIMS).status == PageStatus.FAILED
    assert after_worker_death(1).claim
