"""Where a document goes, and why: the operator's strategies as tables."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.domain import policies, presets, routing
from jobs.domain.routing import BackendSnapshot, Facts

NAMES = ["calypso", "cpu", "spark"]
HYBRID = policies.parse(presets.POLICIES["hybrid"], NAMES)
TREE = policies.parse(presets.POLICIES["decision_tree"], NAMES)


def hosts(calypso="active", spark="active", cpu="active", **states):
    return [
        BackendSnapshot("calypso", lifecycle=calypso, state=states.get("calypso_state", "up")),
        BackendSnapshot("cpu", kind="cpu", lifecycle=cpu),
        BackendSnapshot("spark", lifecycle=spark, state=states.get("spark_state", "up")),
    ]


@pytest.mark.parametrize(
    ("facts", "backend", "rule", "reason"),
    [
        (Facts(1), "calypso", None, "default, nothing ahead"),
        (Facts(20), "calypso", None, "default, nothing ahead"),
        (Facts(21), "spark", "Large document", "21 pages, over 20"),
        (Facts(1, priority="high"), "spark", "High priority", "urgent"),
        (Facts(1, priority="low"), "calypso", None, "default, nothing ahead"),
        (Facts(5, queue_depth=5), "calypso", None, "default, 5 pages ahead"),
        (Facts(5, queue_depth=6), "spark", "Default overloaded", "6 pages of others ahead at calypso, over 5"),
        (Facts(5, dpi=300), "calypso", None, "default, nothing ahead"),  # the rule is there, disabled
        (Facts(5, sla=True), "calypso", None, "default, nothing ahead"),
        (Facts(5, documents_per_day=5000), "calypso", None, "default, nothing ahead"),
    ],
)
def test_the_hybrid_strategy(facts, backend, rule, reason):
    decision = routing.decide(facts, HYBRID, hosts())
    assert (decision.backend, decision.wanted, decision.rule, decision.reason) == (backend, backend, rule, reason)


@pytest.mark.parametrize(
    ("facts", "backend", "rule"),
    [
        (Facts(50, purpose="development", documents_per_day=500), "calypso", "Development or testing"),
        (Facts(9, sla=True, documents_per_day=500), "calypso", "Small document"),
        (Facts(50, documents_per_day=99), "calypso", "Low volume"),
        (Facts(10, documents_per_day=100, documents_in_progress=6), "spark", "Many at once"),
        (Facts(31, documents_per_day=100), "spark", "Large document"),
        (Facts(30, documents_per_day=100, sla=True), "spark", "Under an SLA"),
        (Facts(30, documents_per_day=100), "calypso", None),
    ],
)
def test_the_decision_tree(facts, backend, rule):
    decision = routing.decide(facts, TREE, hosts())
    assert (decision.backend, decision.rule) == (backend, rule)


def test_a_planned_backend_falls_through_the_fallback_order_and_says_so():
    decision = routing.decide(Facts(25), HYBRID, hosts(spark="planned"))
    assert (decision.wanted, decision.backend) == ("spark", "calypso")
    assert decision.reason == "25 pages, over 20; spark is planned → calypso"


@pytest.mark.parametrize("state", ["down", "hung", "misconfigured"])
def test_a_host_out_of_order_falls_through_too(state):
    decision = routing.decide(Facts(25), HYBRID, hosts(spark_state=state))
    assert decision.backend == "calypso"
    assert f"spark is {state}" in decision.reason


def test_a_site_without_a_gpu_reads_with_the_cpu_backend():
    decision = routing.decide(Facts(3), HYBRID, hosts(calypso="planned", spark="planned"))
    assert (decision.wanted, decision.backend) == ("calypso", "cpu")


@pytest.mark.parametrize("lifecycle", ["active", "checking", "draining"])
def test_while_a_gpu_host_is_there_pages_wait_rather_than_become_the_cpus(lifecycle):
    seen = hosts(calypso=lifecycle, spark="planned", calypso_state="down")
    decision = routing.decide(Facts(3), HYBRID, seen)
    assert decision.backend == "calypso"
    assert "it waits" in decision.reason


def test_cpu_always_is_last_and_never_is_never():
    always = policies.parse({**presets.POLICIES["hybrid"], "cpu": "always"}, NAMES)
    never = policies.parse({**presets.POLICIES["hybrid"], "cpu": "never"}, NAMES)
    down = hosts(calypso_state="down", spark_state="down")
    assert routing.candidates("calypso", always, hosts())[-1] == "cpu"
    assert routing.decide(Facts(3), always, hosts()).backend == "calypso"
    assert routing.decide(Facts(3), always, down).backend == "cpu"
    assert routing.decide(Facts(3), never, hosts(calypso="planned", spark="planned")).backend == "calypso"


def test_every_backend_is_accounted_for():
    decision = routing.decide(Facts(25), HYBRID, hosts(calypso="draining"))
    assert {c.backend: c.verdict for c in decision.considered} == {
        "calypso": "is draining",
        "cpu": "serves only without a GPU host",
        "spark": "chosen",
    }


def test_every_rule_gives_its_verdict_also_the_disabled_ones():
    verdicts = {v.rule: v for v in routing.decide(Facts(25, sla=True), HYBRID, hosts()).verdicts}
    assert verdicts["Under an SLA"].matched
    assert not verdicts["Under an SLA"].enabled
    assert verdicts["Large document"].words == "25 pages, over 20"
    assert verdicts["High volume"].words == "1 document in 24 hours, not over 1000"


def test_an_overload_lets_go_only_at_its_release_level():
    between = Facts(5, queue_depth=4)
    assert routing.decide(between, HYBRID, hosts()).backend == "calypso"
    held = Facts(5, queue_depth=4, was_overloaded=True)
    assert routing.decide(held, HYBRID, hosts()).backend == "spark"


def test_an_overload_that_holds_says_so():
    held = routing.decide(Facts(5, queue_depth=4, was_overloaded=True), HYBRID, hosts())
    assert held.words == "4 pages of others ahead at calypso, still over 2 → spark"
    over = routing.decide(Facts(5, queue_depth=2, was_overloaded=True), HYBRID, hosts())
    assert over.backend == "calypso"


@pytest.mark.parametrize(
    ("facts", "seen", "words"),
    [
        (Facts(25), {}, "25 pages, over 20 → spark"),
        (Facts(1, priority="high"), {}, "urgent → spark"),
        (Facts(5, queue_depth=7), {}, "7 pages of others ahead at calypso, over 5 → spark"),
        (Facts(3), {}, "default, nothing ahead → calypso"),
        (Facts(25), {"spark": "planned"}, "25 pages, over 20; spark is planned → calypso"),
        (
            Facts(25),
            {"spark_state": "down", "calypso_state": "down"},
            "25 pages, over 20; spark is down, and no other can take work: it waits",
        ),
    ],
)
def test_a_decision_is_told_in_a_line(facts, seen, words):
    assert routing.decide(facts, HYBRID, hosts(**seen)).words == words


def test_a_wanted_backend_that_is_gone_is_said_to_be_gone():
    decision = routing.decide(Facts(25), HYBRID, hosts()[:2])
    assert decision.words == "25 pages, over 20; spark does not exist → calypso"


def test_a_decision_can_be_made_again_from_what_is_kept_of_it():
    facts = Facts(25, priority="low", sla=True, queue_depth=3, was_overloaded=True)
    decision = routing.decide(facts, HYBRID, hosts())
    kept = json.loads(json.dumps(decision.as_json()))
    assert routing.decide(Facts(**kept["facts"]), HYBRID, hosts()) == decision
    assert kept["words"] == "25 pages, over 20 → spark"


FACTS = st.builds(
    Facts,
    page_count=st.integers(1, 60),
    priority=st.sampled_from(["low", "normal", "high"]),
    purpose=st.sampled_from(["production", "development"]),
    sla=st.booleans(),
    dpi=st.sampled_from([72, 200, 300]),
    documents_per_day=st.integers(1, 2000),
    documents_in_progress=st.integers(1, 20),
    queue_depth=st.integers(0, 12),
    was_overloaded=st.booleans(),
)


@given(FACTS, st.sampled_from([HYBRID, TREE]))
def test_the_quick_way_to_a_rule_and_the_one_with_words_agree(facts, policy):
    rule = routing.first_match(facts, policy)
    decision = routing.decide(facts, policy, hosts())
    assert decision.rule == (rule.name if rule else None)
    assert decision.wanted == (rule.backend if rule else policy.default_backend)


def test_rules_on_the_site_tell_what_they_compare_now_and_those_on_the_document_cannot():
    facts = Facts(1, documents_per_day=12, queue_depth=6, expected_wait_seconds=41.6)
    wait = policies.Rule("Long wait", "expected_wait_over", "spark", threshold=60)
    told = {rule.when: routing.now(rule, facts, HYBRID) for rule in (*HYBRID.rules, wait)}
    assert told == {
        "page_count_over": ("depends on the document", None),
        "priority_is": ("depends on the document", None),
        "queue_depth_over": ("6 pages of others ahead at calypso", True),
        "documents_per_day_over": ("12 documents in 24 hours", False),
        "dpi_over": ("depends on the document", None),
        "sla_is": ("depends on the document", None),
        "expected_wait_over": ("about 42 s to wait at calypso", False),
    }


def test_an_overload_that_still_holds_below_its_threshold_says_what_it_compares_with():
    rule = next(rule for rule in HYBRID.rules if rule.when == "queue_depth_over")
    held = routing.now(rule, Facts(1, queue_depth=4, was_overloaded=True), HYBRID)
    assert held == ("4 pages of others ahead at calypso, still over 2", True)
    over = routing.now(rule, Facts(1, queue_depth=6, was_overloaded=True), HYBRID)
    assert over == ("6 pages of others ahead at calypso", True)


def test_every_kind_of_rule_can_be_compared():
    for when, values in policies.RULE_KINDS.items():
        rule = policies.Rule("Any", when, "spark", None if values else 0, values[0] if values else "")
        decision = routing.decide(Facts(3), replace(HYBRID, rules=(rule,)), hosts())
        assert len(decision.verdicts) == 1 and decision.verdicts[0].words, when
