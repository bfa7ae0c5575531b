"""What is said of rules that hide each other: everything that is so, and nothing that is not."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.domain import policies, presets, routing, shadows
from jobs.domain.policies import Policy, Rule
from jobs.domain.routing import Facts

NAMES = ["calypso", "cpu", "spark"]


def said(*rules, default="calypso"):
    """The warnings about rules A, B, C…, given as (when, against, backend) or (…, release)."""
    made = []
    for name, (when, against, backend, *release) in zip("ABCDEFG", rules, strict=False):
        if isinstance(against, str):
            made.append(Rule(name, when, backend, value=against))
        else:
            made.append(Rule(name, when, backend, threshold=against, release=release[0] if release else None))
    return shadows.warnings(Policy(default, rules=tuple(made)))


def never(later, *earlier):
    if len(earlier) == 1:
        return f"Rule “{later}” can never match: “{earlier[0]}” comes first and always matches when it would."
    names = " and ".join(f"“{name}”" for name in earlier)
    return f"Rule “{later}” can never match: {names} come first, and one of them always matches when it would."


def partly(later, earlier):
    return f"Rule “{later}” sees only part of its documents: “{earlier}” comes first."


def idle(name):
    return f"Rule “{name}” changes nothing: it names the default backend, and no rule after it names another."


def test_the_hybrid_preset_shadows_nothing_and_the_decision_tree_says_what_it_shadows():
    assert shadows.warnings(policies.parse(presets.POLICIES["hybrid"], NAMES)) == []
    assert shadows.warnings(policies.parse(presets.POLICIES["decision_tree"], NAMES)) == [
        partly(name, "Low volume") for name in ("Many at once", "Large document", "Under an SLA")
    ]


def test_the_hybrid_preset_shadows_nothing_with_all_its_rules_enabled():
    hybrid = presets.POLICIES["hybrid"]
    policy = hybrid | {"rules": [rule | {"enabled": True} for rule in hybrid["rules"]]}
    assert shadows.warnings(policies.parse(policy, NAMES)) == []


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        # wholly, by one
        ([("page_count_over", 20, "spark"), ("page_count_over", 100, "cpu")], [never("B", "A")]),
        ([("page_count_under", 30, "spark"), ("page_count_under", 30, "cpu")], [never("B", "A")]),
        ([("priority_is", "high", "spark"), ("priority_is", "high", "cpu")], [never("B", "A")]),
        ([("page_count_over", 0, "spark"), ("sla_is", "true", "cpu")], [never("B", "A")]),
        # by several together
        ([("page_count_over", 20, "spark"), ("page_count_under", 21, "cpu"), ("sla_is", "true", "spark")],
         [never("C", "A", "B")]),
        ([("sla_is", "true", "spark"), ("sla_is", "false", "cpu"), ("dpi_over", 300, "spark")], [never("C", "A", "B")]),
        # nothing fits it
        ([("page_count_under", 1, "spark")], ["Rule “A” can never match: no document fits it."]),
        ([("documents_per_day_under", 1, "spark")], ["Rule “A” can never match: no document fits it."]),
        # in part
        ([("page_count_over", 20, "spark"), ("page_count_under", 30, "cpu")], [partly("B", "A")]),
        ([("documents_per_day_under", 100, "spark"), ("sla_is", "true", "cpu")], [partly("B", "A")]),
        ([("documents_per_day_over", 100, "spark"), ("sla_is", "true", "cpu")], [partly("B", "A")]),
        # an overload holds down to its release level
        ([("queue_depth_over", 5, "spark", 2), ("queue_depth_over", 7, "cpu")], [never("B", "A")]),
        ([("queue_depth_over", 5, "spark"), ("queue_depth_over", 7, "cpu", 1)], [partly("B", "A")]),
        # without effect
        ([("page_count_over", 20, "spark"), ("sla_is", "true", "calypso")], [idle("B")]),
        # as rules are meant to be written
        ([("page_count_over", 100, "cpu"), ("page_count_over", 20, "spark")], []),
        ([("page_count_under", 10, "cpu"), ("page_count_over", 30, "spark")], []),
        ([("page_count_under", 10, "cpu"), ("page_count_over", 9, "spark")], []),
        ([("page_count_over", 20, "spark"), ("page_count_under", 30, "spark")], []),
        ([("sla_is", "true", "calypso"), ("priority_is", "high", "spark")], []),
        ([("documents_per_day_under", 100, "spark"), ("documents_per_day_over", 1000, "cpu")], []),
        ([("expected_wait_over", 5.5, "spark"), ("expected_wait_over", 5.2, "cpu")], []),
        ([("priority_is", "low", "cpu"), ("priority_is", "high", "spark")], []),
    ],
)  # fmt: skip
def test_what_is_said_of_a_table_of_rules(rules, expected):
    assert said(*rules) == expected


def test_disabled_rules_hide_nothing():
    wide = Rule("A", "page_count_over", "spark", threshold=20, enabled=False)
    assert shadows.warnings(Policy("calypso", rules=(wide, Rule("B", "page_count_over", "cpu", threshold=100)))) == []


KINDS = st.sampled_from(["page_count_over", "page_count_under", "queue_depth_over", "sla_is"])


@st.composite
def tables(draw):
    rules = []
    for name in "ABCDE"[: draw(st.integers(1, 5))]:
        when, backend = draw(KINDS), draw(st.sampled_from(NAMES))
        if when == "sla_is":
            rules.append(Rule(name, when, backend, value=draw(st.sampled_from(["true", "false"]))))
        else:
            level = draw(st.integers(0, 6))
            release = draw(st.none() | st.integers(0, level)) if when == "queue_depth_over" else None
            rules.append(Rule(name, when, backend, threshold=level, release=release))
    return Policy(draw(st.sampled_from(NAMES)), rules=tuple(rules))


EVERY_DOCUMENT = [
    Facts(pages, queue_depth=depth, sla=sla, was_overloaded=held)
    for pages, depth, sla, held in product(range(1, 9), range(9), (False, True), (False, True))
]


@given(tables())
def test_a_rule_is_said_to_match_never_exactly_when_no_document_reaches_it(policy):
    winners = {rule.name for facts in EVERY_DOCUMENT if (rule := routing.first_match(facts, policy))}
    told = {rule.name for rule in policy.rules if any(f"“{rule.name}” can never match" in w for w in warned(policy))}
    assert told == {rule.name for rule in policy.rules} - winners


@given(tables())
def test_a_rule_said_to_change_nothing_can_go(policy):
    idle_names = {rule.name for rule in policy.rules if idle(rule.name) in warned(policy)}
    without = Policy(policy.default_backend, rules=tuple(r for r in policy.rules if r.name not in idle_names))
    for facts in EVERY_DOCUMENT:
        assert goes(facts, policy) == goes(facts, without)


def warned(policy):
    return shadows.warnings(policy)


def goes(facts, policy):
    rule = routing.first_match(facts, policy)
    return rule.backend if rule else policy.default_backend
