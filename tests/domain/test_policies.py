"""The policy's form: what is wrong is named, field by field, and nothing bad is ever made."""

import copy

import pytest

from jobs import errors
from jobs.domain import policies, policy_changes, presets

NAMES = ["calypso", "cpu", "spark"]
HYBRID = presets.POLICIES["hybrid"]


@pytest.mark.parametrize("name", presets.POLICIES)
def test_a_preset_survives_the_way_out_and_back(name):
    policy = policies.parse(presets.POLICIES[name], NAMES)
    assert policies.parse(policies.as_json(policy), NAMES) == policy


def changed(path, value):
    policy = copy.deepcopy(HYBRID)
    place = policy
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return policy


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        (["default_backend"], "nope", "default_backend"),
        (["default_backend"], 5, "default_backend"),
        (["fallback_order"], "calypso", "fallback_order"),
        (["fallback_order"], ["calypso", "calypso"], "fallback_order"),
        (["fallback_order"], ["nope"], "fallback_order[0]"),
        (["fallback_order"], ["nope", "calypso", "calypso"], "fallback_order"),
        (["spread"], "wild", "spread"),
        (["cpu"], "sometimes", "cpu"),
        (["surprise"], 1, "surprise"),
        (["rules"], {}, "rules"),
        (["rules", 0], "page_count_over", "rules[0]"),
        (["rules", 0, "when"], "moon_is_full", "rules[0].when"),
        (["rules", 0, "name"], " ", "rules[0].name"),
        (["rules", 0, "name"], "x" * 101, "rules[0].name"),
        (["rules", 0, "threshold"], None, "rules[0].threshold"),
        (["rules", 0, "threshold"], -1, "rules[0].threshold"),
        (["rules", 0, "threshold"], True, "rules[0].threshold"),
        (["rules", 0, "threshold"], float("nan"), "rules[0].threshold"),
        (["rules", 0, "backend"], "nope", "rules[0].backend"),
        (["rules", 0, "enabled"], "yes", "rules[0].enabled"),
        (["rules", 1, "value"], "urgent", "rules[1].value"),
        (["rules", 1, "name"], "large document ", "rules[1].name"),
        (["rules", 1, "name"], "two\nlines", "rules[1].name"),
        (["rules", 0, "release"], 2, "rules[0].release"),
        (["rules", 0, "hold_seconds"], 2, "rules[0].hold_seconds"),
        (["rules", 1, "threshold"], 2, "rules[1].threshold"),
        (["rules", 0, "value"], "high", "rules[0].value"),
        (["rules", 0, "threshold"], 10_000_001, "rules[0].threshold"),
        (["rules"], [HYBRID["rules"][0]] * 101, "rules"),
        (["rules", 2, "release"], 6, "rules[2].release"),
        (["rules", 2, "hold_seconds"], -1, "rules[2].hold_seconds"),
        (["failover", "max_attempts"], 0, "failover.max_attempts"),
        (["failover", "max_attempts"], 2.5, "failover.max_attempts"),
        (["failover", "oom_dpi"], 10_000, "failover.oom_dpi"),
        (["failover", "luck"], 1, "failover.luck"),
        (["failover", "breaker_max_seconds"], 5, "failover.breaker_max_seconds"),
        (["quality", "max_tries"], -1, "quality.max_tries"),
        (["quality"], [], "quality"),
        (["quality", "rungs"], "ngram", "quality.rungs"),
        (["quality", "rungs"], ["ngram", "ngram"], "quality.rungs"),
        (["quality", "rungs"], ["ngram", "prayer"], "quality.rungs[1]"),
    ],
)
def test_what_is_wrong_is_named(path, value, field):
    with pytest.raises(errors.Invalid) as caught:
        policies.parse(changed(path, value), NAMES)
    assert field in caught.value.fields
    assert caught.value.fields[field].endswith(".")


@pytest.mark.parametrize("payload", [None, [], "hybrid", 3])
def test_something_else_than_an_object_is_refused(payload):
    with pytest.raises(errors.Invalid):
        policies.parse(payload, NAMES)


def test_all_that_is_wrong_is_named_at_once():
    policy = changed(["spread"], "wild")
    policy["cpu"] = "sometimes"
    with pytest.raises(errors.Invalid) as caught:
        policies.parse(policy, NAMES)
    assert set(caught.value.fields) == {"spread", "cpu"}


def test_changes_are_told_in_sentences():
    before = policies.parse(HYBRID, NAMES)
    after = policies.parse(changed(["rules", 0, "threshold"], 14), NAMES)
    assert policy_changes.changes(before, after) == ["Rule “Large document”: threshold 20 → 14."]
    fewer = copy.deepcopy(HYBRID)
    fewer["rules"] = [fewer["rules"][1], fewer["rules"][0]]
    said = policy_changes.changes(before, policies.parse(fewer, NAMES))
    assert "Rule “High volume” removed." in said
    assert "Rules reordered." in said


def test_a_default_that_is_not_said_is_asked_for():
    policy = {name: value for name, value in HYBRID.items() if name != "default_backend"}
    with pytest.raises(errors.Invalid) as caught:
        policies.parse(policy, NAMES)
    assert caught.value.fields == {"default_backend": "Use one of calypso, cpu, spark."}


def test_the_rungs_of_the_quality_gate_have_a_default_an_order_and_words_when_they_change():
    before = policies.parse(changed(["quality"], {}), NAMES)
    assert before.quality.rungs == policies.RUNGS
    after = policies.parse(changed(["quality", "rungs"], ["halves", "ngram"]), NAMES)
    assert policies.as_json(after)["quality"]["rungs"] == ["halves", "ngram"]
    assert policy_changes.changes(before, after) == [
        "quality rungs: ngram, free_ocr, temperature, halves, other_backend → halves, ngram."
    ]
    none = policies.parse(changed(["quality", "rungs"], []), NAMES)
    assert policy_changes.changes(after, none) == ["quality rungs: halves, ngram → none."]
    assert policies.Quality(**policies.as_json(after)["quality"]) == after.quality


def test_fields_that_hold_nothing_count_as_left_out():
    policy = copy.deepcopy(HYBRID)
    policy["rules"][0] |= {"value": None, "release": None, "hold_seconds": None}
    policy["rules"][1] |= {"threshold": None}
    assert policies.parse(policy, NAMES) == policies.parse(HYBRID, NAMES)


def test_bounds_are_told_in_figures():
    with pytest.raises(errors.Invalid) as caught:
        policies.parse(changed(["rules", 0, "threshold"], -1), NAMES)
    assert caught.value.fields["rules[0].threshold"] == "Use a number from 0 to 10,000,000."


def test_the_presets_hold_what_the_operator_wrote_disabled_rules_included():
    def told(name):
        rules = presets.POLICIES[name]["rules"]
        return [(r["when"], r.get("threshold", r.get("value")), r["backend"], r["enabled"]) for r in rules]

    assert told("hybrid") == [
        ("page_count_over", 20, "spark", True),
        ("priority_is", "high", "spark", True),
        ("queue_depth_over", 5, "spark", True),
        ("documents_per_day_over", 1000, "spark", False),
        ("dpi_over", 200, "spark", False),
        ("sla_is", True, "spark", False),
    ]
    assert told("decision_tree") == [
        ("purpose_is", "development", "calypso", True),
        ("page_count_under", 10, "calypso", True),
        ("documents_per_day_under", 100, "calypso", True),
        ("documents_in_progress_over", 5, "spark", True),
        ("page_count_over", 30, "spark", True),
        ("sla_is", True, "spark", True),
    ]
