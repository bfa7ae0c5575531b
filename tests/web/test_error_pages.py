"""What is shown when something is wrong."""

from __future__ import annotations

import uuid

import pytest
from django.db import OperationalError
from django.template.loader import render_to_string
from django.test import Client
from django.urls import get_resolver


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


@pytest.mark.parametrize("name", ["400.html", "403.html", "403_csrf.html", "404.html", "500.html", "503.html"])
def test_error_pages_need_neither_database_nor_request(name):
    # Without django_db any query would fail the test.
    page = render_to_string(name)
    assert "<h1>" in page
    assert "css/tokens.css" in page


@pytest.mark.parametrize(("error", "status"), [(OperationalError("gone"), 503), (ValueError("a mistake"), 500)])
def test_only_a_database_that_is_away_is_told_as_one(rf, error, status):
    """Q17."""
    tell = get_resolver().resolve_error_handler(500)
    try:
        raise error
    except (OperationalError, ValueError):
        answer = tell(rf.get("/documents/"))
    assert answer.status_code == status
    assert ("database cannot be reached" in answer.content.decode()) == (status == 503)


def test_browsers_find_the_icon_where_they_look_for_it(client: Client) -> None:
    answer = client.get("/favicon.ico")
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/static/img/icon")
