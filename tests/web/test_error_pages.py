"""What is shown when something is wrong."""

from __future__ import annotations

import uuid

import pytest
from django.db import InterfaceError, OperationalError, ProgrammingError
from django.template.loader import render_to_string
from django.test import Client

from jobs import errors
from jobs.services import finding


@pytest.mark.django_db
def test_what_is_not_there_says_so(client):
    response = client.get(f"/documents/{uuid.uuid4()}/")
    assert response.status_code == 404
    assert "There is nothing here" in response.content.decode()


@pytest.mark.django_db
def test_a_form_without_its_token_says_what_to_do(mira):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(mira)
    response = strict.post("/documents/actions", {})
    assert response.status_code == 403
    assert "This form was open for too long" in response.content.decode()


@pytest.mark.django_db
def test_what_one_may_not_see_says_so(client):
    assert "This is not for you" in client.get("/backends/").content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (OperationalError("secret: no route to db"), 503, "cannot work just now"),
        (InterfaceError("secret: connection already closed"), 503, "cannot work just now"),
        (errors.Unavailable("secret: the disk is away"), 503, "cannot work just now"),
        (ProgrammingError("secret: no such column"), 500, "Something broke on our side"),
        (RuntimeError("secret"), 500, "Something broke on our side"),
    ],
)
def test_what_is_away_is_told_from_what_is_broken(mira, monkeypatch, error, status, words):
    """Q17."""

    def fails(*_):
        raise error

    monkeypatch.setattr(finding, "documents", fails)
    client = Client(raise_request_exception=False)
    client.force_login(mira)
    response = client.get("/documents/")
    assert response.status_code == status
    assert words in response.content.decode()
    assert "secret" not in response.content.decode()
    assert ("Retry-After" in response.headers) == (status == 503)


@pytest.mark.parametrize("name", ["400.html", "403.html", "403_csrf.html", "404.html", "500.html", "503.html"])
def test_error_pages_need_neither_database_nor_request(name):
    # Without django_db any query would fail the test.
    page = render_to_string(name)
    assert "<h1>" in page
    assert "css/tokens.css" in page


def test_browsers_find_the_icon_where_they_look_for_it(client: Client) -> None:
    answer = client.get("/favicon.ico")
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/static/img/icon")
