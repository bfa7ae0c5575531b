"""A draft of the policy over the documents of the last hours."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from jobs import errors
from jobs.domain import presets
from jobs.models import Backend, BackendHealth, PolicyVersion, RoutingRule
from jobs.services import replaying, routing
from tests import builders

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def site() -> None:
    """Both machines in use, the hybrid policy in force."""
    expected = {fields["name"]: fields["expected"] for fields in presets.BACKENDS}
    builders.make_backend("calypso", slots=4, expected=expected["calypso"])
    builders.make_backend("spark", slots=16, expected=expected["spark"])
    builders.make_policy("hybrid")


def draft(threshold: int) -> dict[str, Any]:
    policy = copy.deepcopy(presets.POLICIES["hybrid"])
    policy["rules"][0]["threshold"] = threshold
    return policy


def test_a_draft_tells_what_would_have_moved_and_changes_nothing(mira: Any) -> None:
    for hours, pages in enumerate((5, 18, 60)):
        builders.make_document(mira, pages=pages, name=f"{pages}.pdf", age_seconds=3600 * (3 - hours), prepared=False)
    found = replaying.replay(draft(14), hours=24)
    assert (found["documents"], found["pages"]) == (3, 83)
    assert found["moved"] == {"documents": 1, "pages": 18}
    assert found["moves"] == [{"from": "calypso", "to": "spark", "documents": 1, "pages": 18}]
    (item,) = found["items"]
    assert (item["name"], item["rule_before"], item["rule_after"]) == ("18.pdf", None, "Large document")
    # Four slots of 13 s a page against sixteen of 12.5 s: the operator's expected figures.
    assert (item["seconds_before"], item["seconds_after"]) == (65.0, 25.0)
    assert found["finish"]["after"]["mean_seconds"] < found["finish"]["before"]["mean_seconds"]
    assert routing.current()["rules"][0]["threshold"] == 20
    assert not PolicyVersion.objects.exists()


def test_the_policy_in_force_moves_nothing_against_itself(mira: Any) -> None:
    for pages in (5, 18, 60):
        builders.make_document(mira, pages=pages, prepared=False)
    found = replaying.replay(routing.current(), hours=1)
    assert (found["moves"], found["items"]) == ([], [])
    assert found["finish"]["before"] == found["finish"]["after"]


def test_only_documents_of_the_window_count_and_earlier_ones_for_volume_alone(mira: Any) -> None:
    policy = draft(20)
    policy["rules"] = [{"name": "Volume", "when": "documents_per_day_over", "threshold": 2, "backend": "spark"}]
    for hours in (30, 5, 4, 0.5):
        builders.make_document(mira, pages=1, age_seconds=3600 * hours, prepared=False)
    found = replaying.replay(policy, hours=1)
    assert found["documents"] == 1
    assert found["items"][0]["rule_after"] == "Volume"  # the third within its 24 hours
    assert replaying.replay(policy, hours=3)["moved"]["documents"] == 1


def test_cancelled_pages_are_not_read_again(mira: Any) -> None:
    builders.make_document(mira, pages=10, done=4, cancelled=6)
    assert replaying.replay(routing.current(), hours=1)["pages"] == 4


def test_nothing_to_replay_is_told_as_nothing() -> None:
    found = replaying.replay(draft(14), hours=1)
    assert (found["documents"], found["moved"]) == (0, {"documents": 0, "pages": 0})
    assert found["finish"]["after"] == {"seconds": None, "backends": {}, "mean_seconds": None, "p95_seconds": None}


def test_speeds_are_measured_where_pages_were_read_else_expected(mira: Any) -> None:
    document = builders.make_document(mira, pages=2, done=2)
    for page in document.pages.all():
        page.attempts.update(seconds=2.5)
        builders.make_attempt(page, outcome="timeout", seconds=300.0)
    assert replaying.replay(draft(14), hours=1)["estimated_from"] == (
        "calypso: 2.5 s a page, measured over 2 pages; spark: 12.5 s a page, from its expected figures"
    )


def test_a_speed_measured_before_the_window_counts_more_than_a_guess() -> None:
    BackendHealth.objects.filter(backend__name="calypso").update(seconds_per_page=3.2)
    Backend.objects.filter(name="spark").update(expected={"seconds_10_pages": ["fast"]})
    assert replaying.replay(draft(14), hours=1)["estimated_from"] == (
        "calypso: 3.2 s a page, measured earlier; spark: 5.0 s a page, a guess: nothing is known of it"
    )


def test_a_host_that_is_out_of_order_now_was_not_so_then_but_a_planned_one_was(mira: Any) -> None:
    builders.make_document(mira, pages=60, prepared=False)
    BackendHealth.objects.filter(backend__name="spark").update(state="down")
    assert list(replaying.replay(draft(14), hours=1)["finish"]["after"]["backends"]) == ["spark"]
    Backend.objects.filter(name="spark").update(lifecycle="planned")
    found = replaying.replay(draft(14), hours=1)
    assert list(found["finish"]["after"]["backends"]) == ["calypso"]
    assert "spark" not in found["estimated_from"]


def test_documents_that_no_backend_would_take_are_warned_of(mira: Any) -> None:
    builders.make_document(mira, pages=60, prepared=False)
    Backend.objects.update(lifecycle="planned")
    found = replaying.replay(draft(14), hours=1)
    assert found["warnings"] == ["1 document would wait: no backend that may take their pages is in use."]
    assert found["estimated_from"] == "no backend is in use"


def test_the_drafts_shadows_are_warned_of() -> None:
    policy = draft(14)
    policy["rules"].append({"name": "Huge", "when": "page_count_over", "threshold": 100, "backend": "calypso"})
    assert any("“Huge” can never match" in warning for warning in replaying.replay(policy, hours=1)["warnings"])


def test_of_too_many_documents_the_newest_are_kept(mira: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replaying, "MAX_DOCUMENTS", 2)
    for minutes in (50, 40, 30):
        builders.make_document(mira, pages=minutes, age_seconds=minutes * 60, prepared=False)
    found = replaying.replay(draft(14), hours=1)
    assert (found["documents"], found["pages"]) == (2, 70)
    assert found["warnings"] == ["Only the newest 2 documents were replayed."]


@pytest.mark.parametrize("hours", [0, 721, 1.5, True, "24"])
def test_a_window_that_makes_no_sense_is_refused(hours: Any) -> None:
    with pytest.raises(errors.Invalid) as caught:
        replaying.replay(draft(14), hours=hours)
    assert "hours" in caught.value.fields


def test_a_draft_with_an_error_is_refused_by_its_fields() -> None:
    with pytest.raises(errors.Invalid) as caught:
        replaying.replay(draft(-1), hours=1)
    assert list(caught.value.fields) == ["rules[0].threshold"]
    assert RoutingRule.objects.get(position=0).threshold == 20


def test_the_number_of_queries_does_not_grow_with_the_documents(mira: Any, django_assert_max_num_queries: Any) -> None:
    for _ in range(30):
        builders.make_document(mira, pages=3, prepared=False)
    with django_assert_max_num_queries(6):
        replaying.replay(draft(2), hours=24)
