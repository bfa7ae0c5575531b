"""The texts of a page through the API."""

from __future__ import annotations

import pytest

from tests import builders

pytestmark = pytest.mark.django_db


@pytest.fixture
def document(staff):
    builders.make_policy()
    builders.make_backend("calypso")
    return builders.make_document(staff, pages=3, done=3, review=1)


@pytest.fixture
def at(document):
    return lambda number, rest="": f"/documents/{document.pk}/pages/{number}{rest}"


@pytest.fixture
def proposal(document):
    page = document.pages.get(number=2)
    reading = builders.make_reading(
        page, text="New", in_force=False, source="rerun", attempt=builders.make_attempt(page, backend="spark")
    )
    document.pages.filter(number=2).update(proposed=reading)
    return reading


def test_an_edit_with_the_reading_it_began_with_is_put_in_force(api, at):
    before = api.get(at(1)).json()
    answer = api("put", at(1, "/text"), {"text": "Corrected", "base": before["reading"]})
    assert answer.status_code == 200
    body = answer.json()
    assert (body["text"], body["needs_review"]) == ("Corrected", False)
    assert body["reading"] != before["reading"]


def test_a_page_that_failed_is_done_with_the_text_a_person_writes(api, staff, code_of):
    document = builders.make_document(staff, pages=2, done=1, failed=1)
    at = f"/documents/{document.pk}/pages/2"
    answer = api("put", f"{at}/text", {"text": "By hand", "base": None})
    assert answer.status_code == 200
    assert (answer.json()["status"], answer.json()["text"], answer.json()["reason"]) == ("done", "By hand", "")
    (written,) = api.get(f"{at}/readings").json()["items"]
    assert (written["source"], written["author"], written["in_force"], written["base"]) == ("edit", "mira", True, None)
    assert api.get(f"/documents/{document.pk}").json()["status"] == "done"
    late = api("put", f"{at}/text", {"text": "Another hand", "base": None})
    assert (late.status_code, code_of(late)) == (409, "conflict")


def test_an_edit_of_a_text_that_changed_meanwhile_is_a_conflict(api, at, code_of):
    base = api.get(at(1)).json()["reading"]
    api("put", at(1, "/text"), {"text": "First", "base": base})
    answer = api("put", at(1, "/text"), {"text": "Second", "base": base})
    assert (answer.status_code, code_of(answer)) == (409, "conflict")
    assert api.get(at(1)).json()["text"] == "First"


def test_the_readings_say_where_they_come_from(api, at, proposal):
    base = api.get(at(2)).json()["reading"]
    api("put", at(2, "/text"), {"text": "By hand", "base": base})
    edit, new, first = api.get(at(2, "/readings")).json()["items"]
    assert (edit["source"], edit["author"], edit["in_force"], edit["base"]) == ("edit", "mira", True, base)
    assert (new["source"], new["backend"], new["proposed"], new["in_force"]) == ("rerun", "spark", True, False)
    assert (first["source"], first["backend"], first["settings"]["dpi"]) == ("recognized", "calypso", 200)
    assert first["settings"]["model"] == "deepseek-ai/DeepSeek-OCR"


def test_a_proposed_reading_is_accepted(api, at, proposal):
    assert api.get(at(2)).json()["proposed"] == proposal.pk
    body = api.post(at(2, "/accept"), {"reading": proposal.pk}).json()
    assert (body["text"], body["proposed"], body["backend"]) == ("New", None, "spark")


def test_a_proposed_reading_is_discarded_and_restored_later(api, at, proposal):
    body = api.post(at(2, "/discard"), {"reading": proposal.pk}).json()
    assert (body["proposed"], body["text"] == "New") == (None, False)
    assert api.post(at(2, "/restore"), {"reading": proposal.pk}).json()["text"] == "New"


def test_a_reading_that_is_not_proposed_cannot_be_accepted(api, at, code_of, proposal):
    in_force = api.get(at(2)).json()["reading"]
    answer = api.post(at(2, "/accept"), {"reading": in_force})
    assert (answer.status_code, code_of(answer)) == (409, "conflict")


def test_an_approved_page_says_by_whom(api, at, document):
    body = api.post(at(1, "/approve")).json()
    assert (body["needs_review"], body["approved_by"]) == (False, "mira")
    assert body["approved_at"]
    assert api.get(f"/documents/{document.pk}").json()["needs_review"] == 0


def test_a_rerun_sends_its_pages_and_goes_back_to_processing(api, document, sent):
    answer = api.post(f"/documents/{document.pk}/rerun", {"pages": "1,3", "mode": "text"})
    assert answer.status_code == 200
    body = answer.json()
    assert (body["status"], body["finished_at"]) == ("processing", None)
    assert body["pages"] == {"done": 1, "running": 0, "waiting": 2, "failed": 0, "cancelled": 0}


def test_a_backend_for_a_rerun_is_the_administrators_choice(api, admin, document, code_of):
    wish = {"backend": "calypso"}
    refused = api.post(f"/documents/{document.pk}/rerun", wish)
    assert (refused.status_code, code_of(refused)) == (403, "forbidden")
    assert admin.post(f"/documents/{document.pk}/rerun", wish).status_code == 200
    unknown = admin.post(f"/documents/{document.pk}/rerun", {"backend": "nowhere"})
    assert (unknown.status_code, code_of(unknown)) == (422, "invalid")


CALLS = [
    ("get", "/pages/1/readings", None),
    ("put", "/pages/1/text", {"text": "x", "base": 1}),
    ("post", "/pages/1/approve", {}),
    ("post", "/pages/1/accept", {"reading": 1}),
    ("post", "/pages/1/discard", {"reading": 1}),
    ("post", "/pages/1/restore", {"reading": 1}),
    ("post", "/rerun", {}),
]


@pytest.mark.parametrize(("method", "path", "body"), CALLS)
def test_others_documents_do_not_exist(other, document, code_of, method, path, body):
    answer = other(method, f"/documents/{document.pk}{path}", body)
    assert (answer.status_code, code_of(answer)) == (404, "not_found")


@pytest.mark.parametrize(("method", "path", "body"), CALLS[1:])
def test_a_token_that_may_only_read_changes_nothing(staff, document, code_of, method, path, body):
    from tests.api.conftest import ApiClient

    answer = ApiClient(staff, scope="read")(method, f"/documents/{document.pk}{path}", body)
    assert (answer.status_code, code_of(answer)) == (403, "forbidden")
