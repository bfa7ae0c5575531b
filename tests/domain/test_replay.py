"""A policy against the past: the same documents, the same facts, another table of rules."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.domain import policies, presets, replay
from jobs.domain.replay import Host, Past
from jobs.domain.routing import BackendSnapshot, Facts

NAMES = ["calypso", "cpu", "spark"]
HYBRID = policies.parse(presets.POLICIES["hybrid"], NAMES)
TREE = policies.parse(presets.POLICIES["decision_tree"], NAMES)
PLAIN = policies.Policy("calypso", ("calypso", "spark"), spread="off")


def host(name, slots=1, seconds=1.0, **seen):
    return Host(BackendSnapshot(name, **seen), slots, seconds)


BOTH = [host("calypso", 4, 2.0), host("spark", 16, 1.0)]


def past(key, at=0.0, pages=1, **facts):
    return Past(str(key), at, pages, Facts(pages, **facts))


def with_threshold(policy, threshold):
    first = replace(policy.rules[0], threshold=threshold)
    return replace(policy, rules=(first, *policy.rules[1:]))


def test_a_lower_threshold_moves_the_documents_between():
    documents = [past(pages, at=pages * 1000.0, pages=pages) for pages in (5, 15, 18, 20, 21, 60)]
    before = replay.replay(documents, HYBRID, BOTH)
    after = replay.replay(documents, with_threshold(HYBRID, 14), BOTH)
    assert replay.moves(documents, before, after) == [replay.Move("calypso", "spark", 3, 53)]
    assert [(was.rule, becomes.rule) for _, was, becomes in replay.moved(documents, before, after)] == [
        (None, "Large document")
    ] * 3


def test_pages_share_the_slots_of_their_backend():
    found = replay.replay([past("a", pages=10)], PLAIN, [host("calypso", 4, 2.0)])
    assert found.outcomes[0].finished_seconds == 6.0  # 4, 4 and 2 pages, two seconds each
    assert found.finished_seconds == {"calypso": 6.0}


def test_urgent_documents_go_first_and_others_in_order_of_arrival():
    documents = [past("a"), past("b", at=0.1), past("low", at=0.2, priority="low"), past("c", at=0.3)]
    documents += [past("urgent", at=0.4, priority="high")]
    found = {one.key: one.finished_seconds for one in replay.replay(documents, PLAIN, [host("calypso")]).outcomes}
    assert sorted(found, key=lambda key: found[key]) == ["a", "urgent", "b", "c", "low"]


def test_documents_of_the_day_before_count_for_rules_on_volume():
    quiet = policies.Rule("Low volume", "documents_per_day_under", "calypso", threshold=3)
    policy = replace(PLAIN, default_backend="spark", rules=(quiet,))
    documents = [past("a", at=86_400.0), past("b", at=86_401.0)]
    assert [one.backend for one in replay.replay(documents, policy, BOTH).outcomes] == ["calypso", "calypso"]
    counted = replay.replay(documents, policy, BOTH, earlier_seconds=[0.0, 50_000.0])  # the first is a day old
    assert [one.backend for one in counted.outcomes] == ["calypso", "spark"]


def test_a_document_ends_before_it_counts_as_in_progress_for_the_next():
    busy = policies.Rule("Many at once", "documents_in_progress_over", "spark", threshold=1)
    policy = replace(PLAIN, rules=(busy,))
    documents = [past("a"), past("b", at=0.5), past("c", at=9.0)]
    found = replay.replay(documents, policy, [host("calypso"), host("spark")])
    assert [one.backend for one in found.outcomes] == ["calypso", "spark", "calypso"]


def overloading(spread, release=2.0, hold_seconds=30.0):
    rule = policies.Rule("Overloaded", "queue_depth_over", "spark", 5.0, release=release, hold_seconds=hold_seconds)
    return replace(PLAIN, spread=spread, rules=(rule,))


def test_a_documents_own_pages_never_overload_its_backend():
    for spread in ("off", "overload"):
        found = replay.replay([past("a", pages=60)], overloading(spread), BOTH)
        assert (found.pages, found.spilled_pages) == ({"calypso": 60}, 0)


def test_a_newcomer_leaves_an_overloaded_backend_and_waiting_pages_only_when_told_to_spread():
    documents = [past("a", pages=60), past("b", at=0.5, pages=3)]
    found = replay.replay(documents, overloading("off"), BOTH)
    assert [one.backend for one in found.outcomes] == ["calypso", "spark"]
    waiting = [past("a", pages=5), past("b", pages=10), past("c", pages=5, at=0.1)]  # b comes with one page ahead of it
    assert replay.replay(waiting, overloading("off"), BOTH).spilled_pages == 0


def test_waiting_pages_leave_while_the_overload_holds_and_everything_when_spread_freely():
    urgent = [past("low", pages=4), past("b", pages=6, priority="low"), past("c", at=0.1, pages=60, priority="high")]
    kept = replay.replay(urgent, overloading("off"), BOTH)
    relieved = replay.replay(urgent, overloading("overload"), BOTH)
    free = replay.replay(urgent, overloading("free"), BOTH)
    assert [one.backend for one in kept.outcomes] == ["calypso"] * 3
    assert (kept.spilled_pages, relieved.spilled_pages) == (0, 6)  # the urgent one's pages go before b's
    assert free.spilled_pages > 6
    assert free.finished_seconds["calypso"] < kept.finished_seconds["calypso"]


def test_a_planned_backends_documents_go_where_the_fallback_order_says():
    hosts = [host("calypso", 4, 2.0), host("spark", 16, 1.0, lifecycle="planned")]
    (found,) = replay.replay([past("a", pages=30)], HYBRID, hosts).outcomes
    assert (found.backend, found.rule) == ("calypso", "Large document")


def test_with_no_backend_in_use_documents_wait_where_they_are_wanted():
    hosts = [host("calypso", lifecycle="planned")]
    found = replay.replay([past("a", pages=3)], HYBRID, hosts)
    assert (found.outcomes[0].backend, found.outcomes[0].finished_seconds) == ("calypso", None)
    assert (found.pages, found.finished_seconds) == ({}, {})


def test_many_pages_are_simulated_in_bundles_and_none_is_lost(monkeypatch):
    documents = [past(n, at=n / 10, pages=37) for n in range(20)]
    exact = replay.replay(documents, HYBRID, BOTH)
    monkeypatch.setattr(replay, "MOST_STEPS", 100)
    bundled = replay.replay(documents, HYBRID, BOTH)
    assert sum(bundled.pages.values()) == sum(exact.pages.values()) == 740
    assert bundled.finished_seconds["spark"] == pytest.approx(exact.finished_seconds["spark"], rel=0.2)


@st.composite
def pasts(draw):
    rows = draw(
        st.lists(
            st.tuples(st.floats(0, 200), st.integers(0, 40), st.sampled_from(["low", "normal", "high"]), st.booleans()),
            max_size=25,
        )
    )
    return [past(n, at, pages, priority=word, sla=sla) for n, (at, pages, word, sla) in enumerate(rows)]


POLICIES = st.builds(
    lambda policy, spread, threshold: with_threshold(replace(policy, spread=spread), threshold),
    st.sampled_from([HYBRID, overloading("off"), TREE]),
    st.sampled_from(["off", "overload", "free"]),
    st.integers(1, 30),
).filter(lambda policy: policy.rules[0].when != "purpose_is") | st.just(TREE)
HOSTS = st.lists(
    st.tuples(st.sampled_from(NAMES), st.integers(1, 4), st.floats(0.1, 5)), max_size=3, unique_by=lambda row: row[0]
).map(lambda rows: [host(*row, kind="cpu" if row[0] == "cpu" else "gpu") for row in rows])


@given(pasts(), POLICIES, HOSTS)
def test_the_same_policy_moves_nothing(documents, policy, hosts):
    before = replay.replay(documents, policy, hosts)
    after = replay.replay(documents, policy, hosts)
    assert before == after
    assert replay.moves(documents, before, after) == []


@given(pasts(), POLICIES, HOSTS)
def test_every_page_is_read_once_and_every_document_ends_after_it_came(documents, policy, hosts):
    found = replay.replay(documents, policy, hosts)
    assert [one.key for one in found.outcomes] == [one.key for one in documents]
    ended = [(one, of) for one, of in zip(documents, found.outcomes, strict=True) if of.finished_seconds is not None]
    assert sum(found.pages.values()) == sum(one.pages for one, _ in ended)
    fastest = min((one.seconds_per_page for one in hosts), default=0)
    assert all(of.finished_seconds >= one.arrived_seconds + fastest * 0.999 for one, of in ended)
    assert max((of.finished_seconds for _, of in ended), default=0) == max(found.finished_seconds.values(), default=0)
    in_use = {one.snapshot.name for one in hosts}
    assert all(
        (of.finished_seconds is not None) == (of.backend in in_use)
        for of in found.outcomes
        if of.key and pages_of(documents, of)
    )


def pages_of(documents, outcome):
    return documents[int(outcome.key)].pages


@given(pasts(), POLICIES, POLICIES, HOSTS)
def test_moves_add_up_to_the_documents_whose_backend_differs(documents, before, after, hosts):
    was, becomes = replay.replay(documents, before, hosts), replay.replay(documents, after, hosts)
    found = replay.moves(documents, was, becomes)
    moved = list(replay.moved(documents, was, becomes))
    assert sum(one.documents for one in found) == len(moved)
    assert sum(one.pages for one in found) == sum(one.pages for one, _, _ in moved)
    assert all(one.origin != one.target for one in found)
