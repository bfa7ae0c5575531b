"""`manage.py createtoken`."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management import CommandError, call_command

from jobs.services import access
from tests.builders import make_user

pytestmark = pytest.mark.django_db


def test_it_prints_the_token_alone(capsys: Any) -> None:
    make_user("mira")
    call_command("createtoken", "mira", "--name", "cron", "--days", "7")
    printed = capsys.readouterr().out
    token = access.user_for_token(printed.strip())
    assert printed == printed.strip() + "\n"
    assert token is not None and (token.name, token.scope) == ("cron", "write")


def test_a_scope_beyond_the_role_is_refused() -> None:
    make_user("mira")
    with pytest.raises(CommandError, match="administrator"):
        call_command("createtoken", "mira", "--scope", "admin")


def test_an_unknown_person_is_told() -> None:
    with pytest.raises(CommandError, match="nobody called “noor”"):
        call_command("createtoken", "noor")
