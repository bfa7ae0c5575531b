"""Every refusal under /api/ has the one form, whatever goes wrong."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client

from jobs import errors
from jobs.services import access, finding
from tests.api.conftest import ApiClient

Code = Callable[[Any], str]


@pytest.mark.parametrize(
    "path",
    [
        "/api",
        "/api/",
        "/api/v1",
        "/api/v1/",
        "/api/v1/nothing",
        "/api/v2/documents",
        "/api/v1/documents/17",
        "/api/v1/me/",
    ],
)
def test_an_unknown_address_is_not_found(db: None, path: str, code_of: Code) -> None:
    for response in (Client().get(path), Client().post(path)):
        assert (response.status_code, code_of(response)) == (404, "not_found")


def test_a_wrong_method_is_told_the_right_ones(api: ApiClient, code_of: Code) -> None:
    response = api("delete", "/documents")
    assert (response.status_code, code_of(response)) == (405, "invalid")
    assert set(response["Allow"].split(", ")) == {"GET", "POST"}
    assert Client().post("/api/v1/openapi.json").status_code == 405


def test_a_fault_of_ours_shows_no_traceback(
    api: ApiClient, monkeypatch: pytest.MonkeyPatch, code_of: Code, caplog: Any, settings: Any
) -> None:
    def broken(*args: Any) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(finding, "documents", broken)
    for settings.DEBUG in (False, True):
        response = api.get("/documents")
        assert (response.status_code, code_of(response)) == (500, "unavailable")
        assert "secret detail" not in response.content.decode()
    assert "secret detail" in caplog.text


def test_a_database_that_is_away_is_told_as_unavailable(
    api: ApiClient, monkeypatch: pytest.MonkeyPatch, code_of: Code
) -> None:
    def away(plain: str) -> None:
        raise OperationalError("could not connect to server at 10.0.0.9")

    monkeypatch.setattr(access, "user_for_token", away)
    response = api.get("/documents")
    assert (response.status_code, code_of(response)) == (503, "unavailable")
    assert "10.0.0.9" not in response.content.decode()


def test_a_broken_body_is_refused(api: ApiClient, code_of: Code) -> None:
    response = api.client.post(
        "/api/v1/documents", b"broken", content_type="multipart/form-data", headers=api.authorized({})
    )
    assert (response.status_code, code_of(response)) == (422, "invalid")


def test_an_upload_that_was_cut_off_is_refused_and_leaves_nothing(
    api: ApiClient, code_of: Code, own_data_directory: Any
) -> None:
    body = (
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n'
        b"Content-Type: application/pdf\r\n\r\n%PDF-1.4 and then the line went dea"
    )
    response = api.client.post(
        "/api/v1/documents", body, content_type="multipart/form-data; boundary=x", headers=api.authorized({})
    )
    assert (response.status_code, code_of(response)) == (422, "invalid")
    assert not [path for path in own_data_directory.rglob("*") if path.is_file()]


def test_a_file_in_a_broken_body_is_gone_once_that_is_answered(api: ApiClient, own_data_directory: Path) -> None:
    """Not only once Python comes round to collecting what the error still holds."""
    file = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n%PDF-1.4 \r\n'
    gc.disable()
    try:
        response = api.client.post(
            "/api/v1/documents",
            file + b"--x" + b"no header ends here" * 1000,
            content_type="multipart/form-data; boundary=x",
            headers=api.authorized({}),
        )
        assert [path for path in own_data_directory.rglob("*") if path.is_file()] == []
    finally:
        gc.enable()
    assert response.status_code == 422


def test_fields_that_are_far_too_long_are_refused(api: ApiClient, code_of: Code, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    response = api.client.post("/api/v1/documents", {"prompt": "x" * 2000}, headers=api.authorized({}))
    assert (response.status_code, code_of(response)) == (413, "too_large")


@pytest.mark.parametrize(
    "path",
    [
        "/documents/01a20af3-ad05-75a6-bc41-b012fbf82fbf/pages/99999999999999999999999",
        "/documents?q=%00",
        "/documents?backend=%00&status=done",
        "/documents?since=0001-01-01T00:00:00%2B14:00",
        "/documents?since=9999-12-31T23:59:59-14:00",
    ],
)
def test_strange_values_are_no_fault_of_ours(api: ApiClient, path: str) -> None:
    assert api.get(path).status_code in {200, 404, 422}


def test_every_error_of_the_tree_has_a_status() -> None:
    from jobs.api.refusals import STATUS_OF_CODE

    def codes(kind: type[errors.OcrsiteError]) -> set[str]:
        return {kind.code}.union(*(codes(child) for child in kind.__subclasses__()))

    assert codes(errors.OcrsiteError) <= set(STATUS_OF_CODE)
