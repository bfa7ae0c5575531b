"""The hosts as rows of slots, for administrators alone."""

from __future__ import annotations

import re

import pytest

from jobs.models import Backend
from tests import builders

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("path", ["/backends/", "/backends/live"])
def test_staff_may_not_see_them(client, path):
    assert client.get(path).status_code == 403


def test_staff_are_not_shown_the_way(client, admin):
    assert 'href="/backends/"' not in client.get("/documents/").content.decode()
    assert 'href="/backends/"' in admin.get("/documents/").content.decode()


def test_each_slot_is_a_cell_filled_with_what_it_reads(admin, mira):
    document = builders.make_document(mira, name="Lease 12.pdf", pages=3, running=1)
    builders.make_lease(document.pages.get(number=1), Backend.objects.get(name="calypso"))
    html = admin.get("/backends/").content.decode()
    assert html.count('<li class="busy"') == 1
    assert html.count('<li class="free"') == 3
    assert f'<a href="/documents/{document.pk}/pages/1/">Lease 12 1</a>' in html


def test_a_request_beyond_the_slots_is_told_apart(admin, mira):
    calypso = Backend.objects.get(name="calypso")
    document = builders.make_document(mira, pages=5, running=5)
    for page in document.pages.all():
        builders.make_lease(page, calypso)
    html = admin.get("/backends/").content.decode()
    assert html.count('<li class="busy"') == 4
    assert html.count('<li class="busy ahead"') == 1


def test_a_planned_one_is_explained_and_shows_no_slots(admin, outline):
    Backend.objects.update(lifecycle="planned")
    response = admin.get("/backends/")
    assert "nothing is ever sent to it" in outline(response).words
    assert 'class="slots' not in response.content.decode()


def test_a_host_that_is_down_says_why(admin, outline):
    builders.make_backend("spark", state="down", reason="It does not accept connections.")
    words = outline(admin.get("/backends/")).words
    assert "It does not accept connections." in words


def test_it_tells_how_to_add_a_host(admin, outline):
    words = outline(admin.get("/backends/")).words
    assert "manage.py check_backend NAME" in words
    assert "OCRSITE_BACKEND_ALLOWED_CIDRS" in words


def test_a_poll_is_answered_with_nothing_while_nothing_changed(admin):
    seen = re.search(r'data-seen="(\w+)"', admin.get("/backends/").content.decode())[1]
    assert admin.get("/backends/live", {"seen": seen}).status_code == 204
    Backend.objects.update(lifecycle="draining")
    assert b"draining" in admin.get("/backends/live", {"seen": seen}).content
