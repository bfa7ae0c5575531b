"""Each advice fires under its cause, and not without it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs import errors
from jobs.domain import advice, histograms, policies, policy_changes, presets
from jobs.domain.advice import Change, Host
from jobs.domain.measured import Figures, Percentiles
from jobs.domain.tallies import Tally

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
POLICY = policies.parse(presets.POLICIES["hybrid"], {"calypso", "spark"})


def host(name: str = "calypso", seconds: float = 5.0, **fields: Any) -> Host:
    """A host that read enough, a page in so many seconds; `fields` are those of Host or of Figures."""
    own = {key: fields.pop(key) for key in list(fields) if key in Host.__dataclass_fields__}
    figures: dict[str, Any] = {"pages": 1000, "seconds": Percentiles(seconds, seconds, seconds)} | fields
    values: dict[str, Any] = {"lifecycle": "active", "slots": 4 if name == "calypso" else 16} | own
    return Host(name=name, figures=Figures(NOW - timedelta(days=7), NOW, **figures), **values)


def pages_of(seconds: float, count: int = 200) -> dict[int, int]:
    return {histograms.bucket_of(seconds): count}


LOADED = host("spark", 12, queued_mean=15.0)
FULL: dict[str, Any] = {"utilisation_while_waiting": 0.95, "calm": pages_of(5.0), "full": pages_of(5.5)}
FEWER_PAGES, FEWER_AHEAD = "“Large document”: 20 → 8 pages", "“Default overloaded”: 5 → 1 pages ahead"
# name, calypso, spark, what is advised
TABLE: list[tuple[str, Host, Host, list[str]]] = [
    ("slower from 9 pages on", host(seconds=5), host("spark", 12), ["“Large document”: 20 → 8 pages"]),
    ("slower from 21 pages on", host(seconds=2.6), host("spark", 15.2), []),
    ("slower from far on, as the other is loaded", host(seconds=5), LOADED, ["“Large document”: 20 → 36 pages"]),
    ("never slower", host(seconds=1), host("spark", 20), []),
    ("too few pages at one", host(seconds=5, pages=99), host("spark", 12), []),
    ("the other is planned", host(seconds=5), host("spark", 12, lifecycle="planned"), []),
    (
        "out of memory: not raised",
        host(seconds=5, out_of_memory=2, ran_out=2),
        LOADED,
        ["calypso: 4 → 3 slots"],
    ),
    (
        "one slot, out of memory",
        host(seconds=2.6, out_of_memory=2, ran_out=2, slots=1),
        host("spark", lifecycle="planned"),
        [],
    ),
    ("flat while work waits", host(seconds=2.6, **FULL), host("spark", 15.2), ["calypso: 4 → 5 slots"]),
    ("flat, nothing waits", host(seconds=2.6, **FULL | {"utilisation_while_waiting": None}), host("spark", 15.2), []),
    ("flat, slots free", host(seconds=2.6, **FULL | {"utilisation_while_waiting": 0.5}), host("spark", 15.2), []),
    ("slower when full", host(seconds=2.6, **FULL | {"full": pages_of(9.0)}), host("spark", 15.2), []),
    ("seldom full", host(seconds=2.6, **FULL | {"full": pages_of(5.0, 50)}), host("spark", 15.2), []),
    (
        "the other is quicker with more ahead",
        host(seconds=2.6, queued_most=30),
        host("spark", 15.2),
        ["“Default overloaded”: 5 → 19 pages ahead"],
    ),
    ("and with fewer", host(seconds=8, queued_most=3, slots=8), host("spark", 9), [FEWER_PAGES, FEWER_AHEAD]),
    ("so many never wait", host(seconds=2.6, queued_most=5), host("spark", 15.2), []),
    ("as it is set", host(seconds=5, queued_most=30), host("spark", 12), ["“Large document”: 20 → 8 pages"]),
    ("disabled", host(lifecycle="disabled", out_of_memory=2, ran_out=2), host("spark", 12), []),
]


@pytest.mark.parametrize(("name", "calypso", "spark", "wanted"), TABLE, ids=[row[0] for row in TABLE])
def test_what_is_advised(name: str, calypso: Host, spark: Host, wanted: list[str]) -> None:
    assert [found.what for found in advice.given(POLICY, [calypso, spark]).advices] == wanted


def test_the_reason_has_its_figures() -> None:
    found = advice.given(POLICY, [host(seconds=5, queued_mean=4.0), host("spark", 12)]).advices[0]
    assert found.reason == (
        "calypso is slower than spark would be from 5 pages on: a page takes 5.0 s at calypso, 4 at a time after "
        "5.0 s of waiting, and 12.0 s at spark, 16 at a time."
    )
    assert found.pages == 2000


def test_it_says_what_is_missing() -> None:
    few = advice.given(POLICY, [host(pages=99), host("spark", pages=3)])
    assert few.missing == [
        "Too few pages to advise on the rules between hosts: calypso read 99 and spark read 3, 100 of each are needed."
    ]
    seldom = advice.given(POLICY, [host(seconds=2.6, **FULL | {"calm": {}}), host("spark", 15.2)])
    assert seldom.missing == [
        "Too few pages to advise on the slots of calypso: 0 were read with few of its slots in use, 200 with nearly "
        "all, 100 of each are needed."
    ]


def test_documents_of_that_length_count_more_than_the_mean_of_all() -> None:
    measured = {"10-20": pages_of(1.0), "21-30": pages_of(5.0)}
    calypso = host(seconds=5, by_class=measured)
    spark = host("spark", 12, by_class={"10-20": pages_of(12.0), "21-30": pages_of(12.0)})
    assert advice.slower_over(host(seconds=5), host("spark", 12)) == 8
    assert advice.slower_over(calypso, spark) == 20
    # Few documents of that length say nothing.
    assert advice.slower_over(host(seconds=5, by_class={"10-20": pages_of(1.0, 99)}), spark) == 8


def test_a_host_that_was_started_for_fewer_is_to_be_started_anew_first() -> None:
    found = advice.slots(host(seconds=2.6, sequences=4, **FULL))
    assert isinstance(found, advice.Advice)
    assert "First start vLLM there with --max-num-seqs 5: it runs 4 at a time now." in found.reason
    enough = advice.slots(host(seconds=2.6, sequences=8, **FULL))
    assert isinstance(enough, advice.Advice)
    assert "vLLM" not in enough.reason


def test_the_change_is_one_of_the_draft_and_of_nothing_else() -> None:
    found = advice.given(POLICY, [host(seconds=5), host("spark", 12)]).advices[0]
    assert found.change
    after = policies.parse(advice.applied(policies.as_json(POLICY), found.change), {"calypso", "spark"})
    assert policy_changes.changes(POLICY, after) == ["Rule “Large document”: threshold 20 → 8."]


def test_the_release_level_is_never_over_the_threshold() -> None:
    found = advice.given(POLICY, [host(seconds=8, queued_most=3, slots=8), host("spark", 9)]).advices[1]
    assert found.change
    after = policies.parse(advice.applied(policies.as_json(POLICY), found.change), {"calypso", "spark"})
    assert after.overload_rule and (after.overload_rule.threshold, after.overload_rule.release) == (1, 1)


def test_a_rule_that_is_gone_or_a_field_of_the_policy() -> None:
    body = policies.as_json(POLICY)
    with pytest.raises(errors.Conflict, match="no rule “Gone” any more"):
        advice.applied(body, Change({"threshold": 3}, "Gone"))
    assert advice.applied(body, Change({"spread": "free"}))["spread"] == "free"


def test_hours_are_told_apart_by_how_full_they_were() -> None:
    def hour(at_once: float, seconds: float) -> Tally:
        return Tally(call_seconds=at_once * 100, busy_seconds=100, seconds={"1-9": pages_of(seconds, 10)})

    calm, full = advice.by_load([hour(1, 2), hour(2, 2), hour(3, 4), hour(3.3, 8), hour(5, 8), Tally()], slots=4)
    assert calm == pages_of(2, 20)
    assert full == pages_of(8, 20)


@pytest.mark.parametrize(
    ("now", "put_off"),
    [
        ({"old": 20, "new": 8}, True),
        ({"old": 20, "new": 9}, True),
        ({"old": 20, "new": 11}, False),
        ({"old": 20}, False),
    ],
)
def test_not_now_holds_until_the_figures_differ_by_a_good_deal(now: dict[str, float], put_off: bool) -> None:
    assert advice.still_put_off({"old": 20, "new": 8}, now) is put_off


SPEEDS = st.floats(0.2, 60.0)


@settings(max_examples=150, deadline=None)
@given(SPEEDS, SPEEDS, st.floats(1.0, 5.0), st.integers(1, 8), st.integers(1, 32))
def test_the_slower_the_default_host_the_lower_the_threshold(
    first: float, second: float, more: float, few: int, many: int
) -> None:
    def over(first: float, second: float) -> float:
        found = advice.slower_over(host(seconds=first, slots=few), host("spark", second, slots=many))
        return float("inf") if found is None else found

    assert over(first * more, second) <= over(first, second) <= over(first, second * more)
