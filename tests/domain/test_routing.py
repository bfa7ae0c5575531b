"""Where a document goes, and why: the operator's strategies as tables."""

import pytest

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
