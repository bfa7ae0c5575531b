"""How many hosts there are to be: each advice under its cause, and not without it."""

from __future__ import annotations

from typing import Any

import pytest

from jobs.domain import host_advice, policies, presets
from jobs.domain.advice import Change, Given
from jobs.domain.host_advice import Load
from tests.domain.test_advice import host

POLICY = policies.parse(presets.POLICIES["hybrid"], {"calypso", "spark"})
DAY = 86_400.0
QUIET = Load(pages_a_day=1000, documents_a_day=100, first_pages_a_day=10_000, pays_off_from=900)
BUSY: dict[str, Any] = {"utilisation_while_waiting": 0.95, "queued_mean": 9.0}
PLANNED = host("spark", lifecycle="planned", pages=0)


def advised(*hosts: Any, load: Load = QUIET) -> Given:
    return host_advice.given(POLICY, hosts, load)


@pytest.mark.parametrize(
    ("calypso", "load", "needed"),
    [
        (host(), QUIET, False),
        (host(), Load(8001, 100, 10_000, 900), True),
        (host(), Load(1000, 900, 10_000, 900), True),
        (host(), Load(1000, 900), False),
        (host(**BUSY), QUIET, True),
        (host(**BUSY | {"queued_mean": 5.0}), QUIET, False),
        (host(**BUSY | {"utilisation_while_waiting": 0.7}), QUIET, False),
    ],
    ids=["quiet", "near its limit", "pays off", "costs unknown", "overloaded", "short queue", "slots free"],
)
def test_whether_todays_load_justifies_the_planned_host(calypso: Any, load: Load, needed: bool) -> None:
    wanted = "spark: today’s load justifies it" if needed else "spark: not needed yet"
    assert [one.what for one in advised(calypso, PLANNED, load=load).advices] == [wanted]


def test_it_says_by_which_figures() -> None:
    reason = advised(host(**BUSY), PLANNED).advices[0].reason
    assert reason == (
        "1,000 pages were read in the last 24 hours, of about 10,000 that calypso can read. 9.0 pages wait for calypso "
        "on the mean, 11 s each, with 95% of its slots in use while any wait. spark pays off from about 900 documents "
        "a day; 100 came."
    )
    unknown = advised(host(), PLANNED, load=Load(1000, 100)).advices[0].reason
    assert unknown == (
        "1,000 pages were read in the last 24 hours. No page waited for calypso. From when spark pays off is not "
        "known: enter what both hosts cost."
    )


def test_from_few_pages_it_is_not_judged() -> None:
    found = advised(host(pages=99), PLANNED)
    assert found.advices == []
    assert "calypso read 99, 100 of each are needed" in found.missing[0]


@pytest.mark.parametrize(
    "hosts",
    [
        (host(**BUSY), host("spark", 12)),
        (host(**BUSY), host("spark", lifecycle="disabled")),
        (host(lifecycle="planned"), PLANNED),
        (host(**BUSY), host("ganymede", lifecycle="planned"), host("spark", 12)),
    ],
    ids=["at work", "disabled", "none works", "another works"],
)
def test_nothing_is_said_of_a_second_host_where_there_is_none_to_come(hosts: Any) -> None:
    assert not [one for one in advised(*hosts).advices if one.key.startswith("second-host")]


def test_one_more_where_all_are_full_while_work_waits() -> None:
    found = advised(host(**BUSY), host("spark", 12, **BUSY | {"queued_mean": 20.0})).advices
    assert [one.what for one in found] == ["Add a host like spark"]
    assert "20.0 pages wait for spark on the mean, 15 s each, with 95% of its slots in use" in found[0].reason


@pytest.mark.parametrize(
    "hosts",
    [
        (host(**BUSY), host("spark", 12)),
        (host(**BUSY), host("spark", 12, **BUSY | {"utilisation_while_waiting": 0.8})),
        (host(**BUSY), host("spark", 12, **BUSY | {"queued_mean": 0.9})),
        (host(**BUSY), host("spark", 12, **BUSY | {"pages": 99})),
        (host("cpu", kind="cpu", **BUSY),),
        (),
    ],
    ids=["one has room", "at 80 %", "a passing queue", "too little measured", "no GPU", "none"],
)
def test_no_more_where_one_has_room(hosts: Any) -> None:
    assert advised(*hosts).advices == []


def idle(**fields: Any) -> Any:
    return host("spark", **{"pages": 3, "busy_seconds": 0.01 * 7 * DAY, "hours_watched": 100} | fields)


@pytest.mark.parametrize(
    ("calypso", "spark", "wanted"),
    [
        (host(), idle(), [("spark idles", None)]),
        (host(**BUSY), idle(), [("spark idles: let any free host take the next page", Change({"spread": "free"}))]),
        (host(), idle(busy_seconds=0.1 * 7 * DAY), []),
        (host(), idle(pages=200), []),
        (host(), idle(hours_watched=23), []),
        (host(pages=99), idle(), []),
    ],
    ids=["nothing waits", "while pages wait", "busy", "reads its part", "new", "nobody reads"],
)
def test_a_host_that_idles(calypso: Any, spark: Any, wanted: Any) -> None:
    working = host_advice.given(POLICY, [calypso, spark], QUIET).advices
    assert [(one.what, one.change) for one in working if one.backend == "spark"] == wanted


def test_where_pages_go_anywhere_already_it_only_tells() -> None:
    free = policies.parse(presets.POLICIES["hybrid"] | {"spread": "free"}, {"calypso", "spark"})
    found = host_advice.given(free, [host(**BUSY), idle()], QUIET).advices
    assert [(one.what, one.change) for one in found if one.backend == "spark"] == [("spark idles", None)]
