"""The trash by the API."""

from __future__ import annotations

from typing import Any

import pytest

from jobs.gateways import storage
from jobs.services import trash
from tests import builders
from tests.api.conftest import ApiClient


@pytest.fixture
def trashed(staff: Any) -> Any:
    document = builders.make_document(staff, pages=2, done=2)
    storage.save_bytes(document.original_key, b"0123456789")
    return trash.put(document.pk, by=staff)


def test_it_is_listed_with_when_it_goes(api: ApiClient, trashed: Any, other: ApiClient) -> None:
    [item] = api.get("/trash").json()["items"]
    assert item["document"]["id"] == str(trashed.pk)
    assert item["trashed_at"] < item["goes_at"]
    assert other.get("/trash").json() == {"items": [], "next_cursor": None}


def test_it_is_restored(api: ApiClient, trashed: Any) -> None:
    assert api.post(f"/trash/{trashed.pk}/restore").json()["status"] == "done"
    assert api.get(f"/documents/{trashed.pk}").status_code == 200
    assert api.post(f"/trash/{trashed.pk}/restore").status_code == 404


def test_it_is_deleted_for_good(
    api: ApiClient, trashed: Any, sent: list[Any], django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        response = api("delete", f"/trash/{trashed.pk}")
    assert (response.status_code, response.json()) == (202, {"files": 1, "bytes": 10})
    assert ("clear_trash",) in sent
    assert api("delete", f"/trash/{trashed.pk}").status_code == 404
    assert api.get("/trash").json()["items"] == []


@pytest.mark.parametrize(("method", "what"), [("post", "/restore"), ("delete", "")])
def test_others_do_not_reach_it(other: ApiClient, trashed: Any, method: str, what: str) -> None:
    assert other(method, f"/trash/{trashed.pk}{what}").status_code == 404


def test_what_a_copy_doubles_is_not_named_while_it_lies_there(api: ApiClient, staff: Any, trashed: Any) -> None:
    copy = builders.make_document(staff, pages=1, done=1, duplicate_of=trashed)
    assert api.get(f"/documents/{copy.pk}").json()["duplicate_of"] is None
    trash.restore(trashed.pk, by=staff)
    assert api.get(f"/documents/{copy.pk}").json()["duplicate_of"] == str(trashed.pk)
