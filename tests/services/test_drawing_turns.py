"""Whose pages are drawn next, from the database."""

from __future__ import annotations

import pytest

from jobs.services import preparing
from tests import builders

pytestmark = pytest.mark.django_db


def test_many_documents_of_a_host_that_is_down_do_not_hide_one_of_another_host():
    builders.make_policy()
    builders.make_backend("calypso", state="down")
    builders.make_backend("spark", slots=16)
    person = builders.make_user()
    for _ in range(210):
        builders.make_document(person, pages=3, rendered=1, age_seconds=900)
    document = builders.make_document(person, pages=3, rendered=1, backend="spark", age_seconds=1)
    assert preparing._choose()[0] == document.pk.hex
