"""When an alert fires, when it is over, and that it does not come and go about its threshold."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.domain import alert_rules, alerts
from jobs.domain.alert_rules import KINDS, SHIPPED, Rule
from jobs.domain.alerts import FIRING, PENDING, QUIET, State

MEMORY = Rule("gpu_memory", "calypso", 22, 20, for_seconds=60, clear_seconds=120)
BUSY = Rule("utilization", "spark", 80, 85, for_seconds=60, clear_seconds=120)


def after(rule, *looks, state=None):
    """The phases after looks of (seconds, value)."""
    state, phases = state or State(), []
    for now, value in looks:
        state = alerts.observed(state, value, now, rule)
        phases.append(state.phase)
    return phases


@pytest.mark.parametrize(
    ("rule", "looks", "phases"),
    [
        (MEMORY, [(0, 21.9), (10, 22.0), (69, 23.0), (70, 22.0)], [QUIET, PENDING, PENDING, FIRING]),
        (MEMORY, [(0, 22.0), (30, 21.0), (31, 22.0), (90, 22.0)], [PENDING, QUIET, PENDING, PENDING]),
        (BUSY, [(0, 80.1), (10, 80.0), (70, 12.0)], [QUIET, PENDING, FIRING]),
        (replace(MEMORY, for_seconds=0), [(5, 22.0)], [FIRING]),
        (replace(MEMORY, threshold=None), [(0, 99.0), (99, 99.0)], [QUIET, QUIET]),
        (replace(MEMORY, enabled=False), [(0, 99.0), (99, 99.0)], [QUIET, QUIET]),
        (MEMORY, [(0, None), (99, None)], [QUIET, QUIET]),
        (Rule("out_of_memory", for_seconds=0, clear_seconds=0), [(0, 0), (1, 1), (2, 0)], [QUIET, FIRING, QUIET]),
        (Rule("queue_depth", "", 5, 2, 0, 0), [(0, 5), (1, 6), (2, 5), (3, 3), (4, 2)], [QUIET, *[FIRING] * 3, QUIET]),
    ],
)
def test_it_fires_after_its_time(rule, looks, phases):
    assert after(rule, *looks) == phases


@pytest.mark.parametrize(
    ("looks", "phases"),
    [
        ([(0, 20.0), (119, 3.0), (120, 3.0)], [FIRING, FIRING, QUIET]),
        ([(0, 20.0), (119, 20.1), (120, 20.0), (239, 20.0), (240, 20.0)], [FIRING] * 4 + [QUIET]),
        ([(0, None), (120, None)], [FIRING, QUIET]),
        ([(0, 21.0), (9999, 21.0)], [FIRING, FIRING]),
    ],
)
def test_it_is_over_once_it_was_back_long_enough(looks, phases):
    assert after(MEMORY, *looks, state=State(FIRING, 0)) == phases


@pytest.mark.parametrize("rule", [None, replace(MEMORY, enabled=False), replace(MEMORY, threshold=None)])
def test_a_rule_that_is_switched_off_ends_its_alert_at_once(rule):
    assert alerts.observed(State(FIRING, 0), 99.0, 1, rule) == State()


RULES = st.sampled_from([rule for rule in SHIPPED if rule.release is not None and rule.threshold is not None])


@settings(deadline=None)
@given(RULES, st.lists(st.tuples(st.floats(0, 1), st.floats(0.1, 500)), max_size=40), st.booleans())
def test_inside_the_band_nothing_ever_changes(rule, steps, fires):
    """Between threshold and release, on the good side of the threshold: what is quiet stays so, what fires goes on."""
    state, now = State(FIRING, 0) if fires else State(), 0.0
    for share, pause in steps:
        now += pause
        value = rule.threshold + (rule.release - rule.threshold) * (0.01 + 0.98 * share)
        state = alerts.observed(state, value, now, rule)
        assert state.phase == (FIRING if fires else QUIET)
        assert state.calm_since is None


@settings(deadline=None)
@given(RULES, st.lists(st.tuples(st.floats(0, 200), st.floats(0.1, 400)), min_size=1, max_size=60))
def test_two_changes_are_never_closer_than_the_rules_durations(rule, steps):
    state, now, fired_at, cleared_at = State(), 0.0, None, None
    for value, pause in steps:
        now += pause
        was, state = state, alerts.observed(state, value, now, rule)
        if was.phase != FIRING and state.phase == FIRING:
            assert rule.is_beyond(value)
            assert cleared_at is None or now - cleared_at >= rule.for_seconds
            fired_at = now
        if was.phase == FIRING and state.phase != FIRING:
            assert rule.is_calm(value)
            assert now - fired_at >= rule.clear_seconds
            cleared_at = now


@settings(deadline=None)
@given(RULES, st.floats(0.01, 1000))
def test_it_fires_when_it_stays_beyond_and_clears_when_it_stays_back(rule, far):
    low = rule.about.compare == alert_rules.AT_MOST
    bad, good = (max(0.0, rule.threshold - far), rule.release + far) if low else (rule.threshold + far, 0.0)
    state = alerts.observed(State(), bad, 0, rule)
    state = alerts.observed(state, bad, rule.for_seconds, rule)
    assert state.phase == FIRING
    state = alerts.observed(state, good, 10_000, rule)
    assert alerts.observed(state, good, 10_000 + rule.clear_seconds, rule).phase == QUIET


def test_every_kind_has_a_shipped_rule_that_can_be_used():
    assert {rule.kind for rule in SHIPPED} == set(KINDS)
    assert [alert_rules.problems(rule) for rule in SHIPPED] == [{}] * len(SHIPPED)


def test_the_operators_thresholds_ship():
    shipped = {rule.key: rule.threshold for rule in SHIPPED}
    assert shipped[("gpu_memory", "calypso")] == 22
    assert shipped[("out_of_memory", "")] == 0
    assert shipped[("queue_depth", "calypso")] == 5
    assert shipped[("utilization", "spark")] == 80
    assert shipped[("latency_p99", "spark")] == 60


def test_an_edited_rule_stands_in_for_the_shipped_one_and_an_added_one_comes_last():
    edited = replace(MEMORY, threshold=18.0, release=17.0)
    added = Rule("latency_p99", "calypso", 90)
    rules = alert_rules.in_force([added, edited])
    assert len(rules) == len(SHIPPED) + 1
    assert edited in rules and MEMORY not in rules and rules[-1] == added


def test_a_hosts_own_rule_goes_before_the_one_for_every_host():
    every, own = Rule("host_down"), Rule("host_down", "spark", severity="critical")
    assert alert_rules.rule_for([every, own], "host_down", "spark") == own
    assert alert_rules.rule_for([every, own], "host_down", "calypso") == every
    assert alert_rules.rule_for([own], "host_down", "calypso") is None


@pytest.mark.parametrize(
    ("rule", "field"),
    [
        (replace(MEMORY, release=23), "release"),
        (replace(BUSY, release=70), "release"),
        (replace(MEMORY, threshold=-1), "threshold"),
        (replace(MEMORY, threshold=float("nan")), "threshold"),
        (replace(MEMORY, release=float("nan")), "release"),
        (replace(MEMORY, for_seconds=-1), "for_seconds"),
        (replace(MEMORY, clear_seconds=1e9), "clear_seconds"),
        (replace(MEMORY, severity="loud"), "severity"),
    ],
)
def test_a_rule_that_would_come_and_go_is_refused(rule, field):
    assert list(alert_rules.problems(rule)) == [field]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (("host_down", "spark", 1.0, "It refused the connection."), "spark is down: It refused the connection."),
        (("gpu_memory", "calypso", 22.44), "calypso uses 22.4 GiB of GPU memory."),
        (("out_of_memory", "calypso", 1.0), "calypso ran out of memory once in 5 minutes."),
        (("queue_depth", "calypso", 6.0), "6 pages wait for calypso."),
        (("disk_free", "", 4.0), "The disk with the documents has 4 % free."),
    ],
)
def test_an_alert_is_a_sentence(said, words):
    assert alert_rules.sentence(*said) == words
