"""The breaker: transitions as a table, time passed in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.domain import circuit
from jobs.domain.circuit import CLOSED, HALF_OPEN, OPEN, Circuit, Settings

SETTINGS = Settings(failures=3, seconds=15.0, max_seconds=300.0)


def fail(state, now, recent=(0, 0)):
    return circuit.failed(state, now, "It hangs.", SETTINGS, recent=recent, jitter=0.0)


def test_three_faults_in_a_row_open_it_two_do_not():
    twice = fail(fail(Circuit(), 1), 2)
    assert (twice.state, twice.failures) == (CLOSED, 2)
    thrice = fail(twice, 3)
    assert (thrice.state, thrice.retry_at, thrice.reason) == (OPEN, 18.0, "It hangs.")


def test_a_success_between_starts_the_count_again():
    state = circuit.succeeded(fail(fail(Circuit(), 1), 2), 3, slots=16)
    assert fail(state, 4).state == CLOSED


@pytest.mark.parametrize(("recent", "expected"), [((3, 6), OPEN), ((2, 6), CLOSED), ((3, 5), CLOSED), ((4, 8), OPEN)])
def test_half_of_at_least_six_calls_in_a_minute_open_it(recent, expected):
    assert fail(Circuit(), 1, recent).state == expected


def test_engine_death_opens_it_at_once():
    assert circuit.opened(Circuit(), 1, "Its engine died.", SETTINGS, jitter=0.0).state == OPEN


def test_it_half_opens_when_its_time_has_come_and_not_before():
    state = circuit.opened(Circuit(), 0, "x", SETTINGS, jitter=0.0)
    assert circuit.ticked(state, 14.9).state == OPEN
    assert circuit.ticked(state, 15.0).state == HALF_OPEN


def test_a_canary_read_closes_it_into_a_slow_start_by_slots():
    half = circuit.ticked(circuit.opened(Circuit(), 0, "x", SETTINGS, jitter=0.0), 15)
    assert circuit.open_slots(half, 16, 2) == 0
    quarter = circuit.canary_read(half, 16)
    assert circuit.open_slots(quarter, 16, 2) == 4
    half_way = circuit.ticked(quarter, 36)
    assert circuit.open_slots(half_way, 16, 2) == 8
    assert circuit.open_slots(circuit.ticked(half_way, 56), 16, 2) == 18


def test_good_pages_end_a_slow_start_sooner_than_time():
    state = circuit.canary_read(Circuit(state=HALF_OPEN, openings=1), 16)
    widths = []
    for _ in range(2 * 4 + 2 * 8):
        widths.append(circuit.open_slots(state, 16, 2))
        state = circuit.succeeded(state, 17, slots=16)
    assert widths == [4] * 8 + [8] * 16
    assert circuit.open_slots(state, 16, 2) == 18


def test_a_success_is_news_after_a_fault_in_slow_start_and_after_a_good_spell_alone():
    assert not circuit.learns(Circuit(), 1)
    assert circuit.learns(fail(Circuit(), 1), 2)
    well = circuit.canary_read(Circuit(state=HALF_OPEN, openings=1), 16)
    assert circuit.learns(well, 17)
    over = circuit.ticked(circuit.ticked(well, 36), 56)
    assert not circuit.learns(over, 57)
    assert circuit.learns(over, 16 + 600)


def test_a_fault_in_slow_start_opens_it_again_for_twice_as_long():
    half = circuit.ticked(circuit.opened(Circuit(), 0, "x", SETTINGS, jitter=0.0), 15)
    again = fail(circuit.canary_read(half, 16), 20)
    assert (again.state, again.retry_at) == (OPEN, 20 + 30)


def test_the_back_off_grows_to_its_limit_and_a_good_spell_forgives():
    state, now = Circuit(), 0.0
    waits = []
    for _ in range(7):
        state = circuit.opened(state, now, "x", SETTINGS, jitter=0.0)
        waits.append(state.retry_at - now)
        now = state.retry_at
        state = fail(circuit.ticked(state, now), now)
        assert state.state == OPEN
        waits.append(state.retry_at - now)
        now = state.retry_at
        state = circuit.ticked(state, now)
    assert waits == sorted(waits)
    assert waits[0] == 15.0
    assert waits[-1] == 300.0
    well = circuit.canary_read(state, now)
    assert circuit.succeeded(well, now + 599, slots=16).openings > 0
    assert circuit.succeeded(well, now + 601, slots=16).openings == 0


def test_a_late_answer_says_nothing_about_an_open_breaker():
    state = circuit.opened(Circuit(), 0, "x", SETTINGS, jitter=0.0)
    assert circuit.succeeded(state, 1, slots=16) == state


def test_a_backend_with_one_slot_starts_slowly_with_one():
    assert circuit.open_slots(Circuit(step=0), 1, 1) == 1


@given(st.lists(st.sampled_from(["ok", "fault", "death", "tick", "canary"]), max_size=60), st.floats(-1, 1))
def test_whatever_happens_slots_stay_in_bounds_and_json_round_trips(events, jitter):
    state, now = Circuit(), 0.0
    for event in events:
        now += 7.0
        if event == "ok":
            state = circuit.succeeded(state, now, slots=16)
        elif event == "fault":
            state = circuit.failed(state, now, "x", SETTINGS, recent=(0, 0), jitter=jitter)
        elif event == "death":
            state = circuit.opened(state, now, "x", SETTINGS, jitter=jitter)
        elif event == "tick":
            state = circuit.ticked(state, now)
        elif state.state == HALF_OPEN:
            state = circuit.canary_read(state, now)
        assert 0 <= circuit.open_slots(state, 16, 2) <= 18
        assert state.state in {CLOSED, OPEN, HALF_OPEN}
        assert circuit.from_json(state.as_json()) == state
        if state.state == OPEN:
            assert state.retry_at - state.changed_at <= 300.0


def test_a_hung_host_stays_hung_until_its_canary_is_read():
    hung = circuit.opened(Circuit(), 0, "It stands still.", SETTINGS, jitter=0.0, hung=True)
    half = circuit.ticked(hung, 15)
    assert (half.state, half.hung) == (HALF_OPEN, True)
    assert circuit.canary_read(half, 16).hung is False


def test_years_of_openings_are_no_overflow():
    assert circuit.opened(Circuit(openings=5000), 0, "x", SETTINGS, jitter=1.0).retry_at == 300.0
