"""What is a rule, and what it says."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from jobs import errors
from jobs.domain import retention
from jobs.domain.retention import Rule


def test_a_rule_is_off_and_of_any_ended_document_unless_it_says_otherwise() -> None:
    assert retention.checked([{"age_days": 30, "what": "images"}]) == [Rule(30, "images", "ended", enabled=False)]


@pytest.mark.parametrize(
    ("rule", "states"),
    [(Rule(1, "images"), ["cancelled", "done", "failed", "partial"]), (Rule(1, "images", "done"), ["done"])],
)
def test_nothing_under_way_is_ever_taken(rule: Rule, states: list[str]) -> None:
    assert rule.states == states


@pytest.mark.parametrize(
    ("told", "where"),
    [
        ({"age_days": -1, "what": "images"}, "rules.0.age_days"),
        ({"age_days": "90", "what": "images"}, "rules.0.age_days"),
        ({"age_days": True, "what": "images"}, "rules.0.age_days"),
        ({"what": "images"}, "rules.0.age_days"),
        ({"age_days": float("nan"), "what": "images"}, "rules.0.age_days"),
        ({"age_days": 1}, "rules.0.what"),
        ({"age_days": 1, "what": "texts"}, "rules.0.what"),
        ({"age_days": 1, "what": "images", "status": "processing"}, "rules.0.status"),
        ({"age_days": 1, "what": "images", "enabled": "yes"}, "rules.0.enabled"),
        ({"age_days": 1, "what": "images", "owner": "mira"}, "rules.0.owner"),
        ("images", "rules.0"),
    ],
)
def test_what_is_wrong_is_named(told: Any, where: str) -> None:
    with pytest.raises(errors.Invalid) as refusal:
        retention.checked([told])
    assert list(refusal.value.fields) == [where]


def test_too_many_are_refused() -> None:
    with pytest.raises(errors.Invalid, match="at most 50"):
        retention.checked([{"age_days": 1, "what": "images"}] * 51)


def test_it_is_said_in_words() -> None:
    assert Rule(90, "images", "done").words == "done for 90 days: the page images"
    assert Rule(1, "original").words == "ended for 1 day: the uploaded file"
    at = datetime(2026, 5, 3, tzinfo=UTC)
    assert retention.let_go("The page image", at) == "The page image was deleted on 3 May 2026 by the retention rule."
    assert retention.let_go("The page images", at).startswith("The page images were deleted")
    assert retention.let_go("The page image", None) == ""
