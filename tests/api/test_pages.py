"""A document's pages and its result."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import pytest

from jobs import actors
from jobs.gateways import storage
from jobs.models import AuditEntry
from tests import builders
from tests.api.conftest import ApiClient
from tests.files import numbered_pdf

Code = Callable[[Any], str]


def test_the_list_goes_by_number_and_leaves_texts_out(api: ApiClient, staff: Any) -> None:
    document = builders.make_document(staff, pages=5, done=2, failed=1)
    answer = api.get(f"/documents/{document.pk}/pages?limit=3").json()
    assert [item["number"] for item in answer["items"]] == [1, 2, 3]
    assert not {"text", "blocks"} & set(answer["items"][0])
    assert answer["items"][2]["attempts"][0]["outcome"] == "timeout"
    rest = api.get(f"/documents/{document.pk}/pages?limit=3&cursor={answer['next_cursor']}").json()
    assert ([item["number"] for item in rest["items"]], rest["next_cursor"]) == ([4, 5], None)
    assert rest["items"][0]["image"] is None


def test_the_list_is_empty_before_the_document_is_prepared(api: ApiClient, staff: Any) -> None:
    document = builders.make_document(staff, prepared=False)
    assert api.get(f"/documents/{document.pk}/pages").json() == {"items": [], "next_cursor": None}
    assert api.get(f"/documents/{document.pk}/pages/1").status_code == 404


def test_a_cursor_that_is_none_is_refused(api: ApiClient, staff: Any) -> None:
    document = builders.make_document(staff)
    response = api.get(f"/documents/{document.pk}/pages?cursor=LTE")
    assert (response.status_code, set(response.json()["error"]["fields"])) == (422, {"cursor"})


def test_a_page_shows_the_reading_in_force(api: ApiClient, staff: Any) -> None:
    document = builders.make_document(staff, pages=1, done=1, review=1)
    page = document.pages.get()
    blocks = [{"label": "title", "boxes": [[1, 2, 3, 4]], "body": "# Corrected"}]
    builders.make_reading(page, text="# Corrected", source="edit", blocks=blocks)
    builders.make_reading(page, text="not in force", in_force=False)
    body = api.get(f"/documents/{document.pk}/pages/1").json()
    assert body | {"attempts": []} == {
        "number": 1,
        "status": "done",
        "backend": "calypso",
        "text": "# Corrected",
        "blocks": blocks,
        "needs_review": True,
        "reason": "",
        "image": {"width_px": 1654, "height_px": 2339},
        "claims": 0,
        "host_failures": 0,
        "quality_tries": 0,
        "attempts": [],
        "reading": document.pages.get(number=1).reading_id,
        "proposed": None,
        "rerun_error": None,
        "approved_by": None,
        "approved_at": None,
    }
    assert set(body["attempts"][0]) == {
        "backend", "outcome", "reason", "rule", "rung", "dpi", "seconds", "prompt_tokens", "completion_tokens",
        "finish_reason", "started_at",
    }  # fmt: skip
    assert "raw" not in body


def test_what_a_host_said_is_not_shown(api: ApiClient, staff: Any) -> None:
    document = builders.make_document(staff, pages=1, failed=1)
    page = document.pages.get()
    builders.make_attempt(page, outcome="refused", reason="The host refused it.", detail="/srv/model at 10.0.0.7 broke")
    assert "10.0.0.7" not in api.get(f"/documents/{document.pk}/pages/1").content.decode()


class TestTheImage:
    def test_is_a_private_jpeg(self, api: ApiClient, staff: Any) -> None:
        document = builders.make_document(staff, pages=1, done=1)
        data = builders.make_page_image(document.pages.get())
        response = api.get(f"/documents/{document.pk}/pages/1/image")
        assert (response.status_code, response["Content-Type"]) == (200, "image/jpeg")
        assert response.content == data
        assert response["X-Content-Type-Options"] == "nosniff"
        assert "no-store" in response["Cache-Control"]
        assert "sandbox" in response["Content-Security-Policy"]

    def test_is_not_ready_before_it_is_drawn(self, api: ApiClient, staff: Any, code_of: Code) -> None:
        document = builders.make_document(staff, pages=1)
        response = api.get(f"/documents/{document.pk}/pages/1/image")
        assert (response.status_code, code_of(response)) == (409, "not_ready")

    def test_is_drawn_again_where_it_is_not_kept_any_more(self, api: ApiClient, staff: Any, tmp_path: Any) -> None:
        document = builders.make_document(staff, pages=1, done=1)
        storage.save_path(document.original_key, numbered_pdf(tmp_path / "a.pdf", 1))
        response = api.get(f"/documents/{document.pk}/pages/1/image")
        assert (response.status_code, response["Content-Type"]) == (200, "image/jpeg")
        assert storage.read_bytes(document.pages.get().image_key) == response.content

    def test_is_not_found_where_its_original_is_gone_too(self, api: ApiClient, staff: Any, code_of: Code) -> None:
        document = builders.make_document(staff, pages=1, done=1)
        response = api.get(f"/documents/{document.pk}/pages/1/image")
        assert (response.status_code, code_of(response)) == (404, "not_found")


class TestTheResult:
    @pytest.fixture
    def document(self, staff: Any) -> Any:
        return builders.make_document(staff, pages=4, done=2, failed=1, name="Bericht Müller.pdf", status="partial")

    def test_is_markdown_by_default(self, api: ApiClient, document: Any) -> None:
        response = api.get(f"/documents/{document.pk}/result")
        assert (response.status_code, response["Content-Type"]) == (200, "text/markdown; charset=utf-8")
        assert response["Content-Disposition"] == "attachment; filename*=utf-8''Bericht%20M%C3%BCller.md"
        text = b"".join(response.streaming_content).decode()
        assert text == (
            "<!-- page 1 -->\n# Page 1\n\nThis is what stands on page 1.\n\n"
            "<!-- page 2 -->\n# Page 2\n\nThis is what stands on page 2.\n\n"
            "<!-- page 3 -->\n<!-- [page 3: failed: No host could read it: three tries timed out.] -->\n\n"
            "<!-- page 4 -->\n<!-- [page 4: not read yet] -->\n"
        )

    def test_is_text_with_form_feeds(self, api: ApiClient, document: Any) -> None:
        response = api.get(f"/documents/{document.pk}/result?format=txt")
        assert response["Content-Type"] == "text/plain; charset=utf-8"
        pages = b"".join(response.streaming_content).decode().split("\f")
        assert len(pages) == 4
        assert pages[2] == "[page 3: failed: No host could read it: three tries timed out.]\n"

    def test_is_json_with_blocks_and_where_each_text_comes_from(self, api: ApiClient, document: Any) -> None:
        response = api.get(f"/documents/{document.pk}/result?format=json")
        assert response["Content-Type"] == "application/json"
        body = json.loads(b"".join(response.streaming_content))
        assert (body["id"], body["page_count"], len(body["pages"])) == (str(document.pk), 4, 4)
        first = body["pages"][0]
        assert first["provenance"]["backend"] == "calypso"
        assert first["text"].startswith("# Page 1")
        assert body["pages"][2]["missing"].startswith("[page 3: failed:")

    def test_is_not_ready_while_no_page_is_done(self, api: ApiClient, staff: Any, code_of: Code) -> None:
        document = builders.make_document(staff, pages=2, failed=1)
        response = api.get(f"/documents/{document.pk}/result?format=txt")
        assert (response.status_code, code_of(response)) == (409, "not_ready")

    def test_in_an_unknown_format_is_refused(self, api: ApiClient, document: Any) -> None:
        response = api.get(f"/documents/{document.pk}/result?format=exe")
        assert (response.status_code, set(response.json()["error"]["fields"])) == (422, {"format"})

    def test_is_noted_in_the_audit_log(self, api: ApiClient, document: Any) -> None:
        api.get(f"/documents/{document.pk}/result?format=txt")
        entry = AuditEntry.objects.get(action="document.downloaded")
        assert (entry.actor, entry.subject, entry.detail) == (api.user, str(document.pk), {"format": "txt"})

    @pytest.mark.parametrize(
        ("format", "media_type", "start"),
        [
            ("html", "text/html; charset=utf-8", b"<!doctype html>"),
            ("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", b"PK"),
            ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", b"PK"),
            ("zip", "application/zip", b"PK"),
        ],
    )
    def test_is_a_file_that_no_browser_runs(
        self, api: ApiClient, document: Any, format: str, media_type: str, start: bytes
    ) -> None:
        response = api.get(f"/documents/{document.pk}/result?format={format}")
        assert (response.status_code, response["Content-Type"]) == (200, media_type)
        assert response["Content-Disposition"] == f"attachment; filename*=utf-8''Bericht%20M%C3%BCller.{format}"
        assert "sandbox" in response["Content-Security-Policy"]
        assert b"".join(response.streaming_content).startswith(start)


class TestALongResult:
    @pytest.fixture
    def document(self, staff: Any) -> Any:
        return builders.make_document(staff, pages=51, done=51)

    def test_is_asked_for_again_until_it_is_made(
        self, api: ApiClient, document: Any, sent: Any, code_of: Code, django_capture_on_commit_callbacks: Any
    ) -> None:
        with django_capture_on_commit_callbacks(execute=True):
            response = api.get(f"/documents/{document.pk}/result?format=docx")
        assert (response.status_code, code_of(response), response["Retry-After"]) == (409, "not_ready", "5")
        assert sent == [("export", str(document.pk), "docx")]
        actors.export.fn(str(document.pk), "docx")
        assert api.get(f"/documents/{document.pk}/result?format=docx").status_code == 200


class TestManyResults:
    def test_come_as_one_zip(self, api: ApiClient, staff: Any) -> None:
        documents = [builders.make_document(staff, pages=1, done=1, name=f"{name}.pdf") for name in "ab"]
        response = api.post("/documents/export", {"ids": [str(d.pk) for d in documents], "format": "txt"})
        assert (response.status_code, response["Content-Type"]) == (200, "application/zip")
        with zipfile.ZipFile(io.BytesIO(b"".join(response.streaming_content))) as parts:
            assert parts.namelist() == ["a.txt", "b.txt"]
        assert AuditEntry.objects.filter(action="document.downloaded").count() == 2

    def test_of_somebody_else_are_not_there(self, api: ApiClient, other: ApiClient, staff: Any) -> None:
        document = builders.make_document(staff, pages=1, done=1)
        assert other.post("/documents/export", {"ids": [str(document.pk)], "format": "md"}).status_code == 404

    @pytest.mark.parametrize("body", [{"ids": []}, {"ids": ["x"]}, {}, {"ids": None, "format": "exe"}])
    def test_need_documents_and_a_format(self, api: ApiClient, body: Any) -> None:
        assert api.post("/documents/export", body).status_code == 422
