"""The migrations fit the models, and can be undone, on whichever database the tests run."""

from __future__ import annotations

import io

import pytest
from django.core.management import call_command
from django.db import connection


def our_tables() -> set[str]:
    return {name for name in connection.introspection.table_names() if name.startswith("jobs_")}


@pytest.mark.django_db
def test_the_models_need_no_further_migration() -> None:
    said = io.StringIO()
    try:
        call_command("makemigrations", "--check", "--dry-run", stdout=said)
    except SystemExit:
        pytest.fail(f"Run manage.py makemigrations: {said.getvalue()}")


@pytest.mark.django_db(transaction=True)
def test_the_migrations_can_be_undone_and_done_again() -> None:
    before = our_tables()
    assert "jobs_document" in before
    try:
        call_command("migrate", "jobs", "zero", verbosity=0)
        left = our_tables()
    finally:
        call_command("migrate", verbosity=0)
    assert left == set()
    assert our_tables() == before
