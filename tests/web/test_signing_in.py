"""Signing in and out."""

from __future__ import annotations

import pytest
from django.test import Client

from tests import builders

pytestmark = pytest.mark.django_db


@pytest.fixture
def visitor(mira):
    return Client()


@pytest.mark.parametrize("path", ["/", "/documents/", "/documents/live", "/account/", "/backends/", "/upload"])
def test_whoever_is_not_signed_in_is_asked_to(visitor, path):
    response = visitor.get(path)
    assert response.status_code == 302
    assert response.headers["Location"] == f"/sign-in?next={path}"


def test_signing_in_leads_where_one_wanted_to_go(visitor):
    response = visitor.post("/sign-in", {"username": "mira", "password": builders.PASSWORD, "next": "/account/"})
    assert response.headers["Location"] == "/account/"


def test_signing_in_leads_to_the_documents_when_nothing_was_wanted(visitor):
    response = visitor.post("/sign-in", {"username": "mira", "password": builders.PASSWORD, "next": ""})
    assert response.headers["Location"] == "/documents/"


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"])
def test_signing_in_never_leads_off_the_site(visitor, elsewhere):
    response = visitor.post("/sign-in", {"username": "mira", "password": builders.PASSWORD, "next": elsewhere})
    assert response.headers["Location"] == "/documents/"


def test_a_wrong_password_is_told_next_to_its_field_and_keeps_the_name(visitor, outline):
    page = outline(visitor.post("/sign-in", {"username": "mira", "password": "wrong", "next": "/account/"}))
    assert "do not go together" in page.words
    assert page.with_id("id_password")["aria-describedby"] == "sign-in-error"
    assert page.with_id("id_username")["value"] == "mira"
    assert ("input", {"type": "hidden", "name": "next", "value": "/account/"}) in page.elements


def test_an_unknown_name_is_told_the_same_as_a_wrong_password(visitor, outline):
    wrong = outline(visitor.post("/sign-in", {"username": "mira", "password": "wrong"}))
    unknown = outline(visitor.post("/sign-in", {"username": "nobody", "password": "wrong"}))
    assert wrong.words == unknown.words


def test_signing_out_needs_a_post(client):
    assert client.get("/sign-out").status_code == 405
    assert client.post("/sign-out").headers["Location"] == "/sign-in"
    assert client.get("/documents/").status_code == 302


def test_a_poll_of_somebody_whose_session_ended_reloads_the_whole_page(visitor):
    response = visitor.get("/documents/live", headers={"HX-Request": "true"}, follow=True)
    assert response.headers["HX-Refresh"] == "true"
    assert b"Sign in" not in response.content
