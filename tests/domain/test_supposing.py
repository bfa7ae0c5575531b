"""Facts that somebody tries: each that does not fit is named."""

from __future__ import annotations

from typing import Any

import pytest

from jobs import errors
from jobs.domain import supposing
from jobs.domain.routing import BackendSnapshot

NAMES = ["calypso", "spark"]


def test_what_is_given_is_kept_and_what_is_empty_left_out() -> None:
    payload = {"page_count": 25, "dpi": None, "sla": False, "expected_wait_seconds": 1.5, "backends": None}
    found = supposing.parse(payload, NAMES)
    assert found.facts == {"page_count": 25, "sla": False, "expected_wait_seconds": 1.5}
    assert found.backends == {}


def test_what_is_supposed_of_a_backend_replaces_that_and_nothing_else() -> None:
    found = supposing.parse({"page_count": 1, "backends": {"calypso": {"state": "down"}}}, NAMES)
    calypso, spark = BackendSnapshot("calypso", lifecycle="draining"), BackendSnapshot("spark")
    assert found.applied_to([calypso, spark]) == [
        BackendSnapshot("calypso", lifecycle="draining", state="down"),
        spark,
    ]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"page_count": 0}, "page_count"),
        ({"page_count": True}, "page_count"),
        ({"page_count": None}, "page_count"),
        ({"page_count": 2.5}, "page_count"),
        ({"dpi": 0}, "dpi"),
        ({"queue_depth": -1}, "queue_depth"),
        ({"expected_wait_seconds": float("nan")}, "expected_wait_seconds"),
        ({"expected_wait_seconds": "soon"}, "expected_wait_seconds"),
        ({"priority": "urgent"}, "priority"),
        ({"priority": ["high"]}, "priority"),
        ({"purpose": "fun"}, "purpose"),
        ({"sla": "yes"}, "sla"),
        ({"was_overloaded": 1}, "was_overloaded"),
        ({"pages": 3}, "pages"),
        ({"backends": ["calypso"]}, "backends"),
        ({"backends": {"nobody": {"state": "up"}}}, "backends.nobody"),
        ({"backends": {"calypso": "down"}}, "backends.calypso"),
        ({"backends": {"calypso": {"state": "tired"}}}, "backends.calypso.state"),
        ({"backends": {"calypso": {"state": ["up"]}}}, "backends.calypso.state"),
        ({"backends": {"calypso": {"lifecycle": "gone"}}}, "backends.calypso.lifecycle"),
        ({"backends": {"calypso": {"mood": "up"}}}, "backends.calypso.mood"),
    ],
)
def test_what_does_not_fit_is_named_and_told_in_a_sentence(change: dict[str, Any], field: str) -> None:
    with pytest.raises(errors.Invalid) as caught:
        supposing.parse({"page_count": 3} | change, NAMES)
    assert list(caught.value.fields) == [field]
    assert len(caught.value.fields[field].split()) > 2


def test_all_that_is_wrong_is_named_at_once() -> None:
    with pytest.raises(errors.Invalid) as caught:
        supposing.parse({"priority": "urgent", "backends": {"a": {}, "calypso": {"state": "x"}}}, NAMES)
    assert set(caught.value.fields) == {"priority", "page_count", "backends.a", "backends.calypso.state"}
