"""What becomes of a page after a call: counters and caps, and where it goes next."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.domain import attempts, failures
from jobs.domain.attempts import BUSY_SECONDS, LEAVING_SECONDS, MAX_CLAIMS, Situation, after_failure, after_worker_death
from jobs.domain.failures import TransportFault
from jobs.domain.statuses import PageStatus

AT = Situation("calypso", max_attempts=3, elsewhere=True)
ALONE = replace(AT, elsewhere=False)
HANG = failures.TRANSPORT[TransportFault.READ_TIMEOUT]
RESET = failures.TRANSPORT[TransportFault.RESET]
GARBAGE = failures.TRANSPORT[TransportFault.GARBAGE]
BUSY_FOR_7 = replace(failures.BUSY, retry_after_seconds=7.0)


@pytest.mark.parametrize("failure", [HANG, RESET, GARBAGE, failures.HOST_ERROR])
def test_a_hosts_fault_sends_the_page_elsewhere_and_counts(failure):
    step = after_failure(failure, AT)
    assert (step.status, step.avoid, step.host_failure, step.engine_death) == (PageStatus.RENDERED, True, True, False)
    assert step.on_budget


@pytest.mark.parametrize("fault", [TransportFault.REFUSED, TransportFault.CONNECT_TIMEOUT])
@pytest.mark.parametrize("before", [0, 2, 50])
def test_what_never_reached_a_host_costs_the_page_nothing_however_often(fault, before):
    """With every host away, pages wait and none fails."""
    step = after_failure(failures.TRANSPORT[fault], replace(AT, host_failures=before))
    assert (step.status, step.host_failure, step.on_budget) == (PageStatus.RENDERED, False, False)


def test_the_third_hosts_fault_fails_the_page_with_the_reason():
    step = after_failure(HANG, replace(AT, host_failures=2))
    assert step.status == PageStatus.FAILED
    assert step.reason == "Not read after 3 tries. The host did not answer in time."


@pytest.mark.parametrize(
    "failure", [failures.REFUSED, failures.UNREADABLE_IMAGE, failures.TOO_MANY_PIXELS, failures.TOO_BIG]
)
def test_a_refused_page_fails_at_once_and_blames_no_host(failure):
    step = after_failure(failure, AT)
    assert (step.status, step.host_failure, step.reason) == (PageStatus.FAILED, False, failure.reason)


@pytest.mark.parametrize("failure", [failures.BUSY, BUSY_FOR_7, failures.DRAINING])
def test_from_a_busy_or_leaving_host_the_page_goes_elsewhere_at_once_and_free_of_charge(failure):
    step = after_failure(failure, replace(AT, host_failures=2))
    assert (step.status, step.avoid, step.host_failure, step.delay_seconds) == (PageStatus.RENDERED, True, False, 0.0)


@pytest.mark.parametrize(
    ("failure", "seconds"),
    [
        (BUSY_FOR_7, 7.0),
        (failures.BUSY, BUSY_SECONDS),
        (failures.DRAINING, LEAVING_SECONDS),
        (replace(failures.BUSY, retry_after_seconds=0.0), 0.5),
    ],
)
def test_with_nowhere_else_to_go_it_waits_as_long_as_the_host_says(failure, seconds):
    step = after_failure(failure, replace(ALONE, host_failures=2))
    assert (step.status, step.host_failure, step.delay_seconds, step.avoid) == (
        PageStatus.RENDERED,
        False,
        seconds,
        False,
    )


@pytest.mark.parametrize("failure", [failures.BAD_KEY, failures.WRONG_MODEL, failures.WRONG_ADDRESS])
def test_a_wrong_key_or_model_costs_the_page_nothing(failure):
    step = after_failure(failure, replace(ALONE, host_failures=2))
    assert (step.status, step.host_failure, step.delay_seconds) == (PageStatus.RENDERED, False, 0.0)


def test_out_of_memory_goes_to_another_host_first_and_costs_no_try():
    step = after_failure(failures.OUT_OF_MEMORY, replace(AT, host_failures=2))
    assert (step.status, step.avoid, step.dpi_cap, step.in_pieces) == (PageStatus.RENDERED, True, None, False)
    assert (step.host_failure, step.delay_seconds) == (False, 0.0)


def test_out_of_memory_everywhere_makes_the_page_smaller_then_halves_it_then_fails_it():
    smaller = after_failure(failures.OUT_OF_MEMORY, ALONE)
    assert (smaller.status, smaller.dpi_cap, smaller.avoid) == (PageStatus.RENDERED, 150, False)
    capped = replace(ALONE, sent_dpi=150, dpi_cap=150)
    halves = after_failure(failures.OUT_OF_MEMORY, capped)
    assert (halves.status, halves.in_pieces) == (PageStatus.RENDERED, True)
    end = after_failure(failures.OUT_OF_MEMORY, replace(capped, in_pieces=True))
    assert end.status == PageStatus.FAILED
    assert end.reason == ("No host that could take this page has the memory for it, not even at 150 dpi and in halves.")


def test_a_page_that_was_sent_small_anyway_is_halved_at_once():
    step = after_failure(failures.OUT_OF_MEMORY, replace(ALONE, sent_dpi=144))
    assert (step.dpi_cap, step.in_pieces) == (None, True)
    end = after_failure(failures.OUT_OF_MEMORY, replace(ALONE, sent_dpi=144, in_pieces=True))
    assert end.reason == "No host that could take this page has the memory for it, not even in halves."


@given(
    others=st.lists(st.integers(0, 4), max_size=40),
    sent=st.integers(72, 300),
    kinds=st.lists(st.booleans(), max_size=40),
)
def test_running_out_of_memory_or_length_ends_whatever_hosts_come_and_go(others, sent, kinds):
    """At most once at each backend it can avoid, once smaller, once in halves; then it fails."""
    avoided, cap, pieces, steps = set(), None, False, 0
    for number in range(100):
        up = others[number % len(others)] if others else 0
        backend = f"host{number % 5}"
        untried = {f"host{n}" for n in range(up)} - avoided - {backend} if backend not in avoided else set()
        long = kinds[number % len(kinds)] if kinds else False
        at = Situation(
            backend, 3, sent_dpi=min(sent, cap or sent), dpi_cap=cap, in_pieces=pieces,
            elsewhere=bool(untried), roomier=bool(untried),
        )  # fmt: skip
        step = after_failure(failures.TOO_LONG if long else failures.OUT_OF_MEMORY, at)
        steps += 1
        if step.status is PageStatus.FAILED:
            break
        avoided |= {backend} if step.avoid else set()
        cap, pieces = step.dpi_cap or cap, pieces or step.in_pieces
    assert steps <= 5 + 2 + 1


def test_what_is_too_long_goes_to_a_longer_context_and_past_the_others():
    step = after_failure(failures.TOO_LONG, replace(AT, roomier=True, tighter=("mini",)))
    assert (step.status, step.avoid, step.avoid_also) == (PageStatus.RENDERED, True, ("mini",))


def test_what_is_too_long_everywhere_is_halved_then_fails():
    assert after_failure(failures.TOO_LONG, AT).in_pieces
    end = after_failure(failures.TOO_LONG, replace(AT, in_pieces=True))
    assert (end.status, end.host_failure) == (PageStatus.FAILED, False)
    assert "halves" in end.reason


def test_present_at_one_engine_death_it_goes_elsewhere_and_is_not_put_off():
    step = after_failure(failures.ENGINE_DEAD, AT)
    assert (step.status, step.avoid, step.engine_death, step.host_failure) == (PageStatus.RENDERED, True, True, True)
    assert not step.on_budget


def test_present_at_two_it_is_quarantined_though_it_has_tries_left():
    step = after_failure(failures.ENGINE_DEAD, replace(AT, host_failures=1, engine_deaths=1, stopped=("spark",)))
    assert (step.status, step.reason) == (PageStatus.QUARANTINED, "Set aside: it stopped two hosts.")


def test_the_policys_count_of_deaths_is_obeyed():
    at = replace(AT, quarantine_deaths=3, engine_deaths=1, stopped=("spark",))
    assert after_failure(failures.ENGINE_DEAD, at).status == PageStatus.RENDERED
    assert after_failure(failures.ENGINE_DEAD, replace(at, quarantine_deaths=1)).status == PageStatus.QUARANTINED


@pytest.mark.parametrize(
    ("stopped", "words"),
    [
        (("calypso",), "Set aside: it stopped one host."),
        (("spark", "calypso"), "Set aside: it stopped two hosts."),
        (("calypso", "calypso"), "Set aside: it stopped one host twice."),
        (("calypso",) * 3, "Set aside: it stopped one host three times."),
        (("spark", "calypso", "spark"), "Set aside: it stopped two hosts, three times in all."),
        (("spark", "calypso", "mini"), "Set aside: it stopped three hosts."),
    ],
)
def test_the_sentence_of_a_quarantine_counts_hosts_and_deaths(stopped, words):
    assert attempts.set_aside(stopped) == words


def test_a_cancelled_call_changes_nothing():
    step = after_failure(failures.TRANSPORT[TransportFault.CANCELLED], replace(AT, host_failures=2))
    assert step == attempts.Step(PageStatus.RENDERED)


def test_every_row_of_the_failure_table_leads_somewhere_legal_and_says_why():
    rows = [row.failure for row in failures.TABLE] + list(failures.TRANSPORT.values())
    for failure in rows:
        for at in (AT, ALONE, replace(ALONE, host_failures=2, engine_deaths=1, dpi_cap=150, in_pieces=True)):
            step = after_failure(failure, at)
            assert step.status in {PageStatus.RENDERED, PageStatus.FAILED, PageStatus.QUARANTINED}
            assert step.reason.endswith(".") or failure is failures.TRANSPORT[TransportFault.CANCELLED]
            assert not (step.host_failure and failure.blame is not failures.Blame.HOST)


def test_three_dead_workers_fail_a_page_two_do_not():
    assert after_worker_death(MAX_CLAIMS - 1).status == PageStatus.RENDERED
    assert after_worker_death(MAX_CLAIMS).status == PageStatus.FAILED
    assert after_worker_death(1).claim
