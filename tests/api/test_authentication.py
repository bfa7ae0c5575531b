"""Who may call: tokens with scopes, sessions with CSRF; and what everybody else is told."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from jobs.models import ApiToken, AuditEntry
from jobs.services import access
from tests.api.conftest import ApiClient
from tests.builders import PASSWORD, make_document, make_user
from tests.sample_files import pdf

Code = Callable[[Any], str]


def test_a_token_says_who_asks(api: ApiClient) -> None:
    answer = api.get("/me").json()
    assert answer == {
        "name": "mira",
        "role": "staff",
        "scope": "write",
        "quotas": {"max_upload_bytes": 1024 * 1024 * 1024, "max_pages": 10_000},
    }


def test_an_administrators_role_is_shown(admin: ApiClient) -> None:
    assert admin.get("/me").json() | {"quotas": None} == {
        "name": "ada",
        "role": "admin",
        "scope": "admin",
        "quotas": None,
    }


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Bearer wrong", "Basic bWlyYTpwdw==", "Bearer \u00e9"])
def test_without_a_token_that_works_the_answer_is_401(db: None, header: str, code_of: Code) -> None:
    response = Client().get("/api/v1/me", headers={"Authorization": header} if header else {})
    assert (response.status_code, code_of(response)) == (401, "unauthenticated")
    assert response["WWW-Authenticate"].startswith("Bearer")


def test_the_word_bearer_may_be_written_in_any_case(api: ApiClient) -> None:
    response = Client().get("/api/v1/me", headers={"Authorization": f"bearer {api.plain}"})
    assert response.status_code == 200


def test_a_revoked_token_stops_at_once_and_its_use_is_noted(api: ApiClient, code_of: Code) -> None:
    access.revoke_token(api.token.pk, by=api.user)
    response = api.get("/me")
    assert (response.status_code, code_of(response)) == (401, "unauthenticated")
    assert AuditEntry.objects.filter(action="token.refused", detail={"why": "revoked"}).count() == 1


def test_an_expired_token_is_refused(api: ApiClient) -> None:
    ApiToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert api.get("/me").status_code == 401


def test_the_token_of_somebody_who_may_not_sign_in_any_more_is_refused(api: ApiClient) -> None:
    api.user.is_active = False
    api.user.save()
    assert api.get("/me").status_code == 401


def test_a_wrong_token_is_not_mended_by_a_session(staff: Any) -> None:
    client = Client()
    client.force_login(staff)
    assert client.get("/api/v1/me", headers={"Authorization": "Bearer wrong"}).status_code == 401


def test_a_reading_token_changes_nothing(staff: Any, code_of: Code) -> None:
    document = make_document(staff)
    reader = ApiClient(staff, scope="read")
    assert reader.get(f"/documents/{document.pk}").status_code == 200
    for response in (
        reader.post(f"/documents/{document.pk}/cancel"),
        reader("delete", f"/documents/{document.pk}"),
        reader.upload(pdf_file()),
    ):
        assert (response.status_code, code_of(response)) == (403, "forbidden")
    document.refresh_from_db()
    assert document.status == "queued"


def pdf_file() -> Any:
    from django.core.files.uploadedfile import SimpleUploadedFile

    return SimpleUploadedFile("a.pdf", pdf())


ADMIN_ROUTES = [
    ("get", "/backends"),
    ("post", "/backends"),
    ("get", "/backends/calypso"),
    ("patch", "/backends/calypso"),
    ("delete", "/backends/calypso"),
    ("post", "/backends/calypso/drain"),
    ("post", "/backends/calypso/activate"),
    ("post", "/backends/calypso/disable"),
    ("post", "/backends/calypso/check"),
    ("get", "/routing/policy"),
    ("put", "/routing/policy"),
    ("get", "/routing/versions"),
    ("post", "/routing/versions/1/restore"),
    ("post", "/routing/presets/hybrid/load"),
    ("post", "/routing/explain"),
    ("get", "/routing/rules"),
    ("post", "/routing/replay"),
    ("get", "/audit"),
    ("get", "/alerts"),
    ("post", "/alerts/1/acknowledge"),
]


@pytest.mark.parametrize(("method", "path"), ADMIN_ROUTES)
def test_backends_and_routing_are_for_administrators(api: ApiClient, method: str, path: str, code_of: Code) -> None:
    response = api(method, path, {})
    assert (response.status_code, code_of(response)) == (403, "forbidden")


@pytest.mark.parametrize(("method", "path"), ADMIN_ROUTES[:1] + ADMIN_ROUTES[9:10])
def test_an_administrators_token_of_a_smaller_scope_does_not_administrate(db: None, method: str, path: str) -> None:
    clerk = ApiClient(make_user("ada", admin=True), scope="write")
    assert clerk(method, path).status_code == 403


def test_whoever_stops_being_an_administrator_loses_the_scope(admin: ApiClient) -> None:
    admin.user.is_superuser = False
    admin.user.save()
    assert admin.get("/me").json()["scope"] == "write"
    assert admin.get("/backends").status_code == 403


def signed_in(user: Any) -> Client:
    client = Client(enforce_csrf_checks=True)
    client.login(username=user.get_username(), password=PASSWORD)
    return client


def test_a_session_reads_without_a_csrf_token(staff: Any) -> None:
    assert signed_in(staff).get("/api/v1/me").json()["scope"] == "write"


def test_a_session_changes_nothing_without_a_csrf_token(staff: Any, code_of: Code) -> None:
    document = make_document(staff)
    response = signed_in(staff).post(f"/api/v1/documents/{document.pk}/cancel")
    assert (response.status_code, code_of(response)) == (403, "forbidden")
    upload = signed_in(staff).post("/api/v1/documents", {"file": pdf_file()})
    assert (upload.status_code, code_of(upload)) == (403, "forbidden")


def test_a_session_with_its_csrf_token_may_change_things(staff: Any, settings: Any) -> None:
    document = make_document(staff)
    client = signed_in(staff)
    client.get("/api/v1/docs")  # a page with a form hands the cookie out
    token = client.cookies[settings.CSRF_COOKIE_NAME].value
    response = client.post(f"/api/v1/documents/{document.pk}/cancel", headers={"X-CSRFToken": token})
    assert response.status_code == 200
    wrong = client.post(f"/api/v1/documents/{document.pk}/cancel", headers={"X-CSRFToken": "x" * 32})
    assert wrong.status_code == 403


def test_a_csrf_token_from_another_site_does_not_help(staff: Any, settings: Any, code_of: Code) -> None:
    document = make_document(staff)
    client = signed_in(staff)
    client.get("/api/v1/docs")
    token = client.cookies[settings.CSRF_COOKIE_NAME].value
    headers = {"X-CSRFToken": token, "Origin": "https://evil.example"}
    response = client.post(f"/api/v1/documents/{document.pk}/cancel", headers=headers)
    assert (response.status_code, code_of(response)) == (403, "forbidden")


def test_tokens_are_never_written_to_the_log_or_the_database(api: ApiClient, caplog: Any, settings: Any) -> None:
    settings.DEBUG = True
    with caplog.at_level(logging.DEBUG):
        api.get("/me")
        Client().get("/api/v1/me", headers={"Authorization": f"Token {api.plain}"})
    assert api.plain not in caplog.text
    for row in ApiToken.objects.values():
        assert api.plain not in str(row)
