"""Tokens, roles and the audit log."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.utils import timezone

from jobs import errors
from jobs.models import ApiToken, AuditEntry
from jobs.services import access
from tests.builders import make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def mira() -> Any:
    return make_user("mira")


def token_of(user: Any, **fields: Any) -> tuple[ApiToken, str]:
    return access.create_token(user, **({"name": "laptop", "days": 30, "scope": "write"} | fields))


def test_a_token_is_known_by_its_text_and_kept_as_a_digest(mira: Any) -> None:
    token, plain = token_of(mira)
    assert access.user_for_token(plain) == token
    assert token.digest == hashlib.sha256(plain.encode()).hexdigest()
    assert plain.startswith(token.prefix) and len(plain) > 40
    assert plain not in str(list(ApiToken.objects.values())) + str(list(AuditEntry.objects.values()))


def test_no_two_tokens_are_alike(mira: Any) -> None:
    assert len({token_of(mira)[1] for _ in range(20)}) == 20


@pytest.mark.parametrize("plain", ["", "ocr_", "x" * 5000, "ocr_\u00e9", "\ud800"])
def test_another_text_is_no_token(mira: Any, plain: str) -> None:
    token_of(mira)
    assert access.user_for_token(plain) is None


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"revoked_at": timezone.now()}, "revoked"),
        ({"expires_at": timezone.now() - timedelta(seconds=1)}, "expired"),
    ],
)
def test_one_that_stopped_working_is_refused_and_noted_once_a_minute(mira: Any, change: Any, why: str) -> None:
    token, plain = token_of(mira)
    ApiToken.objects.filter(pk=token.pk).update(**change)
    assert [access.user_for_token(plain) for _ in range(3)] == [None] * 3
    assert AuditEntry.objects.get(action="token.refused").detail == {"why": why}


def test_use_is_noted_once_a_minute(mira: Any, django_assert_num_queries: Any) -> None:
    token, plain = token_of(mira)
    access.user_for_token(plain)
    first = ApiToken.objects.get(pk=token.pk).last_used_at
    access.user_for_token(plain)
    assert first is not None and ApiToken.objects.get(pk=token.pk).last_used_at == first
    ApiToken.objects.update(last_used_at=timezone.now() - timedelta(minutes=2))
    access.user_for_token(plain)
    assert ApiToken.objects.get(pk=token.pk).last_used_at > first


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"scope": "admin"}, "scope"),
        ({"scope": "root"}, "scope"),
        ({"days": 0}, "days"),
        ({"days": 100_000}, "days"),
        ({"name": "  "}, "name"),
        ({"name": "x" * 101}, "name"),
    ],
)
def test_what_a_token_may_not_be_is_named(mira: Any, fields: Any, wrong: str) -> None:
    with pytest.raises(errors.Invalid) as caught:
        token_of(mira, **fields)
    assert set(caught.value.fields) == {wrong}
    assert not ApiToken.objects.exists()


def test_a_scope_never_exceeds_the_role(mira: Any) -> None:
    ada = make_user("ada", admin=True)
    token, _ = token_of(ada, scope="admin")
    assert (access.role(ada), access.effective_scope(token)) == ("admin", "admin")
    ada.is_superuser = False
    token.user = ada
    assert (access.role(ada), access.effective_scope(token)) == ("staff", "write")


@pytest.mark.parametrize(
    ("has", "needed", "covers"),
    [("read", "read", True), ("read", "write", False), ("write", "admin", False), ("admin", "read", True)],
)
def test_a_wider_scope_covers_a_narrower_one(has: str, needed: str, covers: bool) -> None:
    assert access.scope_covers(has, needed) is covers


def test_tokens_are_revoked_by_their_owner_or_an_administrator(mira: Any) -> None:
    (first, _), (second, plain) = token_of(mira), token_of(mira)
    noor, ada = make_user("noor"), make_user("ada", admin=True)
    with pytest.raises(errors.NotFound):
        access.revoke_token(first.pk, by=noor)
    assert access.revoke_token(first.pk, by=mira).revoked_at is not None
    moment = access.revoke_token(second.pk, by=ada).revoked_at
    assert access.revoke_token(second.pk, by=ada).revoked_at == moment
    assert access.user_for_token(plain) is None
    assert AuditEntry.objects.filter(action="token.revoked").count() == 2


def test_ones_own_tokens_are_listed(mira: Any) -> None:
    token, _ = token_of(mira)
    token_of(make_user("noor"))
    assert access.tokens_of(mira) == [token]


@pytest.mark.parametrize("by", [None, AnonymousUser()])
def test_what_nobody_did_is_noted_without_a_name(by: Any) -> None:
    entry = access.audit("clock.started", by=by, subject="x" * 500)
    assert (entry.actor, len(entry.subject), entry.detail) == (None, 200, {})
