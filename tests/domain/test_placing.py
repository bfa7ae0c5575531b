"""Where a page may run now, and why: each reason in its words."""

import pytest

from jobs.domain import placing
from jobs.domain.overload import Overload
from jobs.domain.placing import Choice, Site, place
from jobs.domain.policies import Policy, Rule
from jobs.domain.routing import BackendSnapshot

RULE = Rule("Default overloaded", "queue_depth_over", "spark", threshold=5, release=2, hold_seconds=30)
POLICY = Policy("calypso", ("calypso", "spark"), rules=(RULE,))
DEFAULT = Choice("calypso", None, "default, nothing ahead")
LARGE = Choice("spark", "Large document", "25 pages, over 20")


def site(*, spread="overload", free=(0, 4), on=False, calypso=None, spark=None):
    backends = [
        BackendSnapshot("calypso", **(calypso or {})),
        BackendSnapshot("spark", **(spark or {})),
        BackendSnapshot("cpu", kind="cpu"),
    ]
    policy = Policy("calypso", ("calypso", "spark"), spread=spread, rules=(RULE,))
    return Site(policy, backends, dict(zip(("calypso", "spark"), free, strict=True)) | {"cpu": 2}, Overload(on=on))


@pytest.mark.parametrize(
    ("choice", "where", "more", "expected"),
    [
        (DEFAULT, {}, {}, [("calypso", None, "default, nothing ahead → calypso")]),
        (LARGE, {}, {}, [("spark", "Large document", "25 pages, over 20 → spark")]),
        (DEFAULT, {"calypso": {"state": "down"}}, {}, [("spark", None, "calypso is down → spark")]),
        (
            LARGE,
            {"spark": {"lifecycle": "planned"}},
            {},
            [("calypso", "Large document", "25 pages, over 20; spark is planned → calypso")],
        ),
        (DEFAULT, {"calypso": {"busy": True}}, {}, [("spark", None, "calypso asked to be tried later → spark")]),
        (
            DEFAULT,
            {},
            {"avoided": {"calypso": "out_of_memory"}},
            [("spark", None, "page ran calypso out of memory → spark")],
        ),
        (
            DEFAULT,
            {},
            {"avoided": {"calypso": "host_down"}},
            [("spark", None, "calypso failed with this page → spark")],
        ),
        # Everything failed it: the wanted one again, rather than never.
        (
            DEFAULT,
            {},
            {"avoided": {"calypso": "timeout", "spark": "timeout"}},
            [("calypso", None, "default, nothing ahead → calypso")],
        ),
        # The other one will take it in a moment: not back to the one that failed it.
        (DEFAULT, {"spark": {"busy": True}}, {"avoided": {"calypso": "out_of_memory"}}, []),
        (DEFAULT, {"calypso": {"state": "down"}, "spark": {"state": "hung"}}, {}, []),
        (
            DEFAULT,
            {},
            {"depth": 7},
            [
                ("calypso", None, "default, nothing ahead → calypso"),
                ("spark", "Default overloaded", "7 pages of others ahead at calypso, over 5 → spark"),
            ],
        ),
        (DEFAULT, {}, {"depth": 5}, [("calypso", None, "default, nothing ahead → calypso")]),
        (
            DEFAULT,
            {"on": True},
            {"depth": 3},
            [
                ("calypso", None, "default, nothing ahead → calypso"),
                ("spark", "Default overloaded", "3 pages of others ahead at calypso, still over 2 → spark"),
            ],
        ),
        # Nowhere else to go: the row stays.
        (DEFAULT, {"spark": {"state": "down"}}, {"depth": 7}, [("calypso", None, "default, nothing ahead → calypso")]),
        (DEFAULT, {"spread": "off"}, {"depth": 70}, [("calypso", None, "default, nothing ahead → calypso")]),
        (
            DEFAULT,
            {"spread": "free"},
            {},
            [
                ("calypso", None, "default, nothing ahead → calypso"),
                ("spark", None, "spread is free, and spark has room → spark"),
            ],
        ),
        (
            DEFAULT,
            {"spread": "free"},
            {"avoided": {"spark": "garbage"}},
            [("calypso", None, "default, nothing ahead → calypso")],
        ),
    ],
)
def test_where_a_page_may_run_and_why(choice, where, more, expected):
    placement = place(choice, site(**where), **more)
    found = [(name, placement.rules[name], placement.reasons[name]) for name in placement.candidates]
    assert found == expected


def test_the_decision_says_of_each_backend_why_not():
    placement = place(DEFAULT, site(calypso={"state": "down"}, free=(0, 0)))
    assert placement.decision("spark") == {
        "backend": "spark",
        "wanted": "calypso",
        "rule": None,
        "reason": "calypso is down → spark",
        "considered": [
            {"backend": "calypso", "verdict": "is down"},
            {"backend": "spark", "verdict": "takes it for calypso"},
            {"backend": "cpu", "verdict": "serves only without a GPU host"},
        ],
    }


def test_only_free_spread_makes_all_candidates_equally_good():
    assert place(DEFAULT, site(spread="free")).spread
    assert not place(DEFAULT, site(), depth=7).spread


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        (None, Choice("spark")),
        ({"rule": None, "reason": "default, 3 pages ahead"}, Choice("spark", None, "default, 3 pages ahead")),
        (
            {"rule": "Large document", "reason": "25 pages, over 20; spark is planned → calypso"},
            Choice("spark", "Large document", "25 pages, over 20"),
        ),
    ],
)
def test_of_a_stored_decision_the_comparison_is_kept_and_what_became_of_it_is_not(stored, expected):
    assert placing.choice_of(stored, "spark") == expected
