"""Documents: list, look, steer, delete; and that others' documents are not there."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from jobs.models import Document
from jobs.services import tagging
from tests import builders
from tests.api.conftest import ApiClient

Code = Callable[[Any], str]


def ids(response: Any) -> list[str]:
    assert response.status_code == 200
    return [item["id"] for item in response.json()["items"]]


def test_a_document_shows_how_far_it_is(api: ApiClient, staff: Any) -> None:
    document = builders.make_document(staff, pages=9, done=3, failed=1, quarantined=1, running=0, cancelled=1, review=2)
    body = api.get(f"/documents/{document.pk}").json()
    assert body["pages"] == {"done": 3, "running": 0, "waiting": 3, "failed": 2, "cancelled": 1}
    assert (body["page_count"], body["needs_review"], body["status"]) == (9, 2, "processing")
    assert body["decision"] == builders.make_decision()
    assert body["eta_seconds"] > 0
    assert (body["error"], body["duplicate_of"], body["finished_at"]) == (None, None, None)


def test_the_five_counters_add_up_while_pages_run(api: ApiClient, staff: Any) -> None:
    backend = builders.make_backend()
    document = builders.make_document(staff, pages=5, done=1, running=2, rendered=1)
    for page in document.pages.filter(status="running"):
        builders.make_lease(page, backend)
    pages = api.get(f"/documents/{document.pk}").json()["pages"]
    assert pages == {"done": 1, "running": 2, "waiting": 2, "failed": 0, "cancelled": 0}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", ""),
        ("get", "/pages"),
        ("get", "/pages/1"),
        ("get", "/pages/1/image"),
        ("get", "/result"),
        ("post", "/cancel"),
        ("post", "/pause"),
        ("post", "/resume"),
        ("post", "/retry"),
        ("delete", ""),
    ],
)
def test_others_documents_are_not_there(
    api: ApiClient, other: ApiClient, method: str, path: str, code_of: Code
) -> None:
    document = builders.make_document(other.user, pages=2, done=1)
    for key in (document.pk, uuid.uuid4()):
        response = api(method, f"/documents/{key}{path}", {} if method == "post" else None)
        assert (response.status_code, code_of(response)) == (404, "not_found")
    assert Document.objects.filter(pk=document.pk, status=document.status).exists()


def test_an_administrator_sees_everybodys(admin: ApiClient, staff: Any) -> None:
    document = builders.make_document(staff)
    assert ids(admin.get("/documents")) == [str(document.pk)]
    assert admin.get(f"/documents/{document.pk}").json()["owner"] == "mira"


class TestTheList:
    def test_is_newest_first_and_ones_own(self, api: ApiClient, staff: Any, other: ApiClient) -> None:
        old = builders.make_document(staff, age_seconds=300)
        new = builders.make_document(staff, age_seconds=10)
        builders.make_document(other.user)
        assert ids(api.get("/documents")) == [str(new.pk), str(old.pk)]

    def test_holds_still_between_its_pages(self, api: ApiClient, staff: Any) -> None:
        rows = [builders.make_document(staff, pages=1) for _ in range(5)]
        moment = timezone.now() - timedelta(minutes=5)
        Document.objects.update(created_at=moment)  # all at once: the id decides
        seen: list[str] = []
        cursor = ""
        while True:
            answer = api.get(f"/documents?limit=2&cursor={cursor}").json()
            seen += [item["id"] for item in answer["items"]]
            builders.make_document(staff, pages=1)  # newer ones do not push others onto the next page
            cursor = answer["next_cursor"]
            if cursor is None:
                break
        assert seen == sorted((str(row.pk) for row in rows), reverse=True)

    def test_is_narrowed_down(self, api: ApiClient, staff: Any) -> None:
        done = builders.make_document(staff, pages=1, done=1, name="Invoice 7.pdf", age_seconds=30)
        waiting = builders.make_document(staff, pages=2, done=1, backend="spark", age_seconds=20)
        builders.make_document(staff, pages=1, name="letter.pdf", age_seconds=7200)
        page = waiting.pages.get(number=1)
        builders.make_reading(page, text="the word quokka stands here")
        assert ids(api.get("/documents?status=done")) == [str(done.pk)]
        assert ids(api.get("/documents?q=invoice")) == [str(done.pk)]
        assert ids(api.get("/documents?q=QUOKKA")) == [str(waiting.pk)]
        assert ids(api.get("/documents?backend=spark")) == [str(waiting.pk)]
        since = (timezone.now() - timedelta(hours=1)).isoformat().replace("+", "%2B")
        assert ids(api.get(f"/documents?since={since}")) == [str(waiting.pk), str(done.pk)]
        assert ids(api.get("/documents?status=done&q=letter")) == []
        until = since
        assert ids(api.get(f"/documents?until={until}&q=letter")) != []
        assert ids(api.get(f"/documents?until={until}&q=invoice")) == []

    def test_is_narrowed_by_tag_review_and_owner(self, api: ApiClient, admin: ApiClient, staff: Any) -> None:
        seen = builders.make_document(staff, pages=2, done=2, review=1, age_seconds=30)
        fine = builders.make_document(staff, pages=2, done=2, age_seconds=20)
        theirs = builders.make_document(admin.user, pages=2, done=2, age_seconds=10)
        tagging.add(fine.pk, "Blue", by=staff)
        assert ids(api.get("/documents?tag=blue")) == [str(fine.pk)]
        assert ids(api.get("/documents?needs_review=true")) == [str(seen.pk)]
        assert ids(api.get("/documents?needs_review=false")) == [str(fine.pk)]
        assert ids(admin.get("/documents?owner=mira")) == [str(fine.pk), str(seen.pk)]
        assert ids(admin.get(f"/documents?owner={admin.user.username}")) == [str(theirs.pk)]
        assert ids(api.get(f"/documents?owner={admin.user.username}")) == []

    @pytest.mark.parametrize("query", ["q=%00", "tag=%00", "backend=%00", "owner=%00", "q=%22(", "q=*", "q=-"])
    def test_finds_nothing_under_nonsense(self, api: ApiClient, staff: Any, query: str) -> None:
        builders.make_document(staff, pages=1, done=1)
        assert ids(api.get(f"/documents?{query}")) == []

    def test_does_not_find_texts_that_are_not_in_force(self, api: ApiClient, staff: Any) -> None:
        document = builders.make_document(staff, pages=1, done=1)
        builders.make_reading(document.pages.get(), text="superseded", in_force=False)
        assert ids(api.get("/documents?q=superseded")) == []

    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ("limit=0", "limit"),
            ("limit=501", "limit"),
            ("limit=many", "limit"),
            ("status=lost", "status"),
            ("since=yesterday", "since"),
            ("since=2026-01-31T12:00:00", "since"),
            ("cursor=nonsense", "cursor"),
            ("cursor=AAAA", "cursor"),
            ("cursor=%C3%A9", "cursor"),
        ],
    )
    def test_says_which_field_is_wrong(self, api: ApiClient, query: str, field: str, code_of: Code) -> None:
        response = api.get(f"/documents?{query}")
        assert (response.status_code, code_of(response)) == (422, "invalid")
        assert set(response.json()["error"]["fields"]) == {field}

    def test_costs_the_same_number_of_queries_however_long_it_is(
        self, api: ApiClient, staff: Any, django_assert_max_num_queries: Any
    ) -> None:
        for _ in range(12):
            builders.make_document(staff, pages=2, running=1)
        api.get("/me")
        with django_assert_max_num_queries(5):
            assert len(ids(api.get("/documents"))) == 12


class TestSteering:
    def test_cancel_pause_and_resume_answer_with_the_document(
        self, api: ApiClient, staff: Any, sent: list[Any], django_capture_on_commit_callbacks: Any
    ) -> None:
        document = builders.make_document(staff, pages=3)
        for action, status in (
            ("pause", "paused"),
            ("pause", "paused"),
            ("resume", "processing"),
            ("cancel", "cancelled"),
        ):
            with django_capture_on_commit_callbacks(execute=True):
                response = api.post(f"/documents/{document.pk}/{action}")
            assert (response.status_code, response.json()["status"]) == (200, status)
        assert response.json()["pages"]["cancelled"] == 3
        assert api.post(f"/documents/{document.pk}/cancel").status_code == 200
        assert ("dispatch",) in sent

    def test_retry_takes_the_failed_pages(self, api: ApiClient, staff: Any) -> None:
        document = builders.make_document(staff, pages=3, done=1, failed=1, quarantined=1)
        response = api.post(f"/documents/{document.pk}/retry")
        assert (response.status_code, response.json()["status"]) == (200, "processing")
        assert response.json()["pages"] == {"done": 1, "running": 0, "waiting": 2, "failed": 0, "cancelled": 0}

    @pytest.mark.parametrize("action", ["pause", "resume", "cancel", "retry"])
    def test_what_makes_no_sense_is_a_conflict(self, api: ApiClient, staff: Any, action: str, code_of: Code) -> None:
        document = builders.make_document(staff, pages=1, done=1)
        response = api.post(f"/documents/{document.pk}/{action}")
        assert (response.status_code, code_of(response)) == (409, "conflict")

    def test_what_is_deleted_is_not_there_any_more(self, api: ApiClient, staff: Any) -> None:
        document = builders.make_document(staff, pages=2, running=1)
        response = api("delete", f"/documents/{document.pk}")
        assert (response.status_code, response.content) == (204, b"")
        assert api("delete", f"/documents/{document.pk}").status_code == 404
        assert api.get("/documents").json()["items"] == []
