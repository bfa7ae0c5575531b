"""The audit log through the API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from jobs.models import AuditEntry
from jobs.services import access
from tests.api.conftest import ApiClient

Code = Callable[[Any], str]


@pytest.fixture
def lines(admin: ApiClient) -> list[int]:
    """Five lines and the one of the administrator's own token; their ids, newest first."""
    for number in range(4):
        access.audit("backend.changed", by=admin.user, subject=f"host {number}", detail={"slots": number})
    access.audit("routing.changed", by=None, subject="version 1")
    return list(AuditEntry.objects.order_by("-id").values_list("id", flat=True))


def test_the_newest_line_comes_first_and_says_who_did_what(admin: ApiClient, lines: list[int]) -> None:
    answer = admin.get("/audit").json()
    assert ([line["id"] for line in answer["items"]], answer["next_cursor"]) == (lines, None)
    first, second = answer["items"][:2]
    assert (first["actor"], first["action"], first["subject"], first["detail"]) == (
        None, "routing.changed", "version 1", {},
    )  # fmt: skip
    assert (second["actor"], second["detail"]) == ("ada", {"slots": 3})


def test_a_cursor_leads_through_all_lines_once_although_more_are_added(admin: ApiClient, lines: list[int]) -> None:
    seen: list[int] = []
    cursor = ""
    while cursor is not None:
        answer = admin.get(f"/audit?limit=2&cursor={cursor}").json()
        seen += [line["id"] for line in answer["items"]]
        cursor = answer["next_cursor"]
        access.audit("backend.changed", by=admin.user, subject="meanwhile")
    assert seen == lines


@pytest.mark.parametrize("query", ["limit=0", "limit=501", "cursor=x", "cursor=-1", "cursor=٣", "cursor=" + "9" * 19])
def test_what_is_no_place_in_the_log_is_refused(admin: ApiClient, query: str, code_of: Code) -> None:
    response = admin.get(f"/audit?{query}")
    assert (response.status_code, code_of(response)) == (422, "invalid")
