"""`manage.py index_pages`."""

from __future__ import annotations

import io

import pytest
from django.core.management import call_command

from jobs.models import PageText
from tests import builders


@pytest.mark.django_db
def test_it_writes_the_index_anew() -> None:
    builders.make_document(builders.make_user(), pages=3, done=2)
    PageText.objects.all().delete()
    said = io.StringIO()
    call_command("index_pages", stdout=said)
    assert said.getvalue() == "3 pages looked at; the index holds what stands on them.\n"
    assert PageText.objects.count() == 2
