"""One's own API tokens and password."""

from __future__ import annotations

import pytest

from jobs.models import ApiToken
from jobs.services import access
from tests import builders

pytestmark = pytest.mark.django_db


def make(client, **fields):
    return client.post("/account/tokens", {"name": "scanner", "scope": "write", "days": 30} | fields)


def test_a_new_token_is_shown_once_and_works(client, mira, outline):
    response = make(client)
    [token] = ApiToken.objects.all()
    plain = response.context["plain"]
    assert plain in outline(response).words
    assert access.user_for_token(plain).user == mira
    assert "no-store" in response.headers["Cache-Control"]
    again = client.get("/account/").content.decode()
    assert plain not in again
    assert token.prefix in again


def test_staff_are_not_offered_what_only_administrators_may(client, outline):
    assert ("option", {"value": "admin"}) not in outline(client.get("/account/")).elements
    assert make(client, scope="admin").status_code == 422
    assert not ApiToken.objects.exists()


def test_an_administrator_may_give_a_token_everything(admin):
    assert make(admin, scope="admin").status_code == 200
    assert ApiToken.objects.get().scope == "admin"


@pytest.mark.parametrize("fields", [{"name": ""}, {"days": 0}, {"days": "x"}, {"days": 99_999}, {"scope": "all"}])
def test_nonsense_makes_no_token(client, fields):
    assert make(client, **fields).status_code == 422
    assert not ApiToken.objects.exists()


def test_a_revoked_token_is_gone(client):
    make(client)
    [token] = ApiToken.objects.all()
    assert client.post(f"/account/tokens/{token.pk}/revoke").headers["Location"] == "/account/"
    token.refresh_from_db()
    assert token.revoked_at is not None
    assert token.prefix not in client.get("/account/").content.decode()


def test_nobody_revokes_another_persons_token(stranger, client):
    make(client)
    [token] = ApiToken.objects.all()
    stranger.post(f"/account/tokens/{token.pk}/revoke")
    token.refresh_from_db()
    assert token.revoked_at is None


def test_the_password_is_changed_by_who_knows_the_old_one(client, mira):
    new = "another long enough phrase"
    fields = {"old_password": "wrong", "new_password1": new, "new_password2": new}
    assert client.post("/account/password", fields).status_code == 200
    assert client.post("/account/password", fields | {"old_password": builders.PASSWORD}).status_code == 302
    mira.refresh_from_db()
    assert mira.check_password(new)
