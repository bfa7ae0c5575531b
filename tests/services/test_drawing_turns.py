"""Whose pages are drawn next, from the database."""

from __future__ import annotations

import pytest

from jobs.domain import scheduling
from jobs.models import RoutingPolicy
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


def test_what_paused_documents_have_drawn_does_not_keep_others_from_being_drawn_ahead():
    builders.make_policy()
    builders.make_backend("calypso", slots=4)
    person = builders.make_user()
    builders.make_document(person, pages=60, rendered=60, age_seconds=900, status="paused")
    document = builders.make_document(person, pages=60, rendered=2, age_seconds=1)
    assert preparing._choose() == (document.pk.hex, scheduling.CHUNK_PAGES)


def test_where_pages_spread_freely_enough_is_drawn_ahead_for_all_hosts_together():
    """What is enough for one host is soon taken by all of them."""
    builders.make_backend("calypso", slots=4, queue_ahead=1)
    builders.make_backend("spark", slots=16, queue_ahead=2)
    document = builders.make_document(builders.make_user(), pages=100, rendered=46)
    builders.make_policy(spread="overload")
    assert preparing._choose() is None
    RoutingPolicy.objects.update(spread="free")
    assert preparing._choose() == (document.pk.hex, 23)  # of four and sixteen slots, one and two requests more
    builders.make_document(document.owner, pages=1, rendered=1)
    assert preparing._choose() is None


def test_once_its_first_pages_run_a_document_is_drawn_in_whole_chunks():
    """Its text appears soon enough then; pages drawn two by two would keep slots waiting until the first is read."""
    builders.make_policy()
    calypso = builders.make_backend("calypso", slots=16)
    document = builders.make_document(builders.make_user(), pages=60)
    assert preparing._choose() == (document.pk.hex, scheduling.FIRST_CHUNK_PAGES)
    for page in document.pages.filter(number__lte=2):
        builders.make_lease(page, calypso)
    document.pages.filter(number__lte=2).update(status="running")
    assert preparing._choose() == (document.pk.hex, scheduling.CHUNK_PAGES)
