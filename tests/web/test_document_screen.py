"""One document: its wall, its decision, the tries of a page, and polls of all that."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from jobs.models import Document, Page
from tests import builders

pytestmark = pytest.mark.django_db


def screen(client, document, query=""):
    return client.get(f"/documents/{document.pk}/{query}")


def poll(client, document, response):
    html = response.content.decode()
    asked = {
        "seen": re.search(r'data-seen="(\w+)"', html)[1],
        "cells": re.search(r'data-cells="([^"]+)"', html)[1],
    }
    return client.get(f"/documents/{document.pk}/live", asked)


@pytest.mark.parametrize("path", ["", "live", "download", "original", "pages/1/", "pages/1/image", "card/1"])
def test_another_persons_document_does_not_exist(stranger, mira, path):
    document = builders.make_document(mira, done=3)
    assert stranger.get(f"/documents/{document.pk}/{path}").status_code == 404


def test_every_page_is_a_leaf_of_the_wall_with_its_state_in_words(client, mira):
    document = builders.make_document(mira, pages=7, done=2, failed=1, quarantined=1, running=1, review=1)
    html = screen(client, document).content.decode()
    leaves = re.findall(
        rf'<a id="p(\d+)" class="(\w)" href="/documents/{document.pk}/pages/(\d+)/" aria-label="([^"]+)"', html
    )
    assert [(number, letter, said) for number, letter, _, said in leaves] == [
        ("1", "v", "Page 1, needs a look"),
        ("2", "d", "Page 2, read"),
        ("3", "f", "Page 3, failed"),
        ("4", "q", "Page 4, set aside"),
        ("5", "r", "Page 5, being read"),
        ("6", "w", "Page 6, waiting"),
        ("7", "w", "Page 7, waiting"),
    ]


def test_the_wall_in_short_spells_the_same(client, mira):
    document = builders.make_document(mira, pages=7, done=3, failed=1, review=1)
    Page.objects.filter(document=document, number=3).update(host_failures=1)
    assert 'data-states="1v1d1D1f3w"' in screen(client, document).content.decode()


def test_a_reason_on_the_wall_cannot_inject_markup(client, mira):
    document = builders.make_document(mira, failed=1)
    document.pages.filter(number=1).update(reason='"><script>alert(1)</script>')
    assert "<script>alert" not in screen(client, document).content.decode()


def test_it_says_why_it_went_where_it_went(client, mira, outline):
    decision = builders.make_decision(
        "spark",
        rule="Large document",
        reason="25 pages, over 20",
        considered=[{"backend": "calypso", "verdict": "default, but a rule matched"}],
    )
    words = outline(screen(client, builders.make_document(mira, decision=decision))).words
    assert "Why spark" in words
    assert "25 pages, over 20" in words
    assert "Large document" in words
    assert "default, but a rule matched" in words


def test_it_says_which_resolution_it_gets_and_why_not_the_one_asked_for(client, mira, outline):
    decision = builders.make_decision(
        words="default, nothing ahead → calypso",
        resolution={"dpi": 200, "words": "300 dpi asked for; calypso takes 200"},
    )
    words = outline(screen(client, builders.make_document(mira, decision=decision))).words
    assert "default, nothing ahead → calypso" in words
    assert "300 dpi asked for; calypso takes 200" in words
    plain = builders.make_decision(resolution={"dpi": 200, "words": ""})
    assert "Resolution" not in outline(screen(client, builders.make_document(mira, decision=plain))).words


def test_before_it_is_prepared_its_leaves_lead_nowhere(client, mira, outline):
    document = builders.make_document(mira, pages=4, prepared=False)
    page = outline(screen(client, document))
    assert "Decided in a moment" in page.words
    assert "p1" not in page.ids()
    assert page.with_id("wall-frame")["data-cells"] == "4?"


def test_the_page_that_wants_looking_at_is_shown_beside_the_wall(client, mira, outline):
    document = builders.make_document(mira, pages=5, done=3, failed=1)
    page = outline(screen(client, document))
    assert "Page 4 failed" in page.words
    assert "calypso · took too long after 2.4 s" in page.words


def test_any_other_page_is_shown_when_asked_for(client, mira, outline):
    document = builders.make_document(mira, pages=5, done=3, failed=1)
    assert "Page 2 read" in outline(screen(client, document, "?page=2")).words
    assert "Page 4 failed" in outline(screen(client, document, "?page=77")).words
    assert "Page 4 failed" in outline(screen(client, document, "?page=x")).words


def test_a_page_under_way_says_where_it_is_now(client, mira, outline):
    document = builders.make_document(mira, pages=2, running=1)
    builders.make_lease(document.pages.get(number=1), builders.make_backend("spark"))
    words = outline(client.get(f"/documents/{document.pk}/card/1")).words
    assert "1st try spark" in words


@pytest.mark.parametrize(
    ("pages", "offered"),
    [
        ({"done": 1}, {"do-pause", "do-cancel", "do-delete"}),
        ({"done": 3}, {"do-delete"}),
        ({"done": 2, "failed": 1}, {"do-retry", "do-delete"}),
        ({"done": 1, "status": "paused"}, {"do-resume", "do-cancel", "do-delete"}),
        ({"cancelled": 3}, {"do-delete"}),
    ],
)
def test_it_offers_what_can_be_done_now(client, mira, outline, pages, offered):
    ids = outline(screen(client, builders.make_document(mira, pages=3, **pages))).ids()
    assert ids & {"do-pause", "do-resume", "do-cancel", "do-retry", "do-delete"} == offered


def test_pages_that_need_a_look_are_pointed_at(client, mira, outline):
    document = builders.make_document(mira, pages=3, done=3, review=1)
    page = outline(screen(client, document))
    assert "1 page needs a look." in page.words
    assert any(e[1].get("href") == f"/documents/{document.pk}/pages/1/" for e in page.elements)


def test_a_poll_is_answered_with_nothing_while_nothing_changed(client, mira):
    document = builders.make_document(mira, done=1)
    assert poll(client, document, screen(client, document)).status_code == 204


def test_a_poll_brings_the_wall_in_short_and_not_its_leaves(client, mira, outline):
    document = builders.make_document(mira, pages=4, done=1)
    before = screen(client, document)
    document.pages.filter(number=2).update(status="done")
    Document.objects.filter(pk=document.pk).update(revision=1, pages_done=2)
    after = outline(poll(client, document, before))
    assert after.with_id("wall-state")["data-states"] == "2d2w"
    assert "p1" not in after.ids()


def test_the_wall_comes_whole_once_its_pages_exist(client, mira, outline):
    document = builders.make_document(mira, pages=2, prepared=False)
    before = screen(client, document)
    for number in (1, 2):
        builders.make_page(document, number, status="pending")
    Document.objects.filter(pk=document.pk).update(prepared=True, revision=1, decision=builders.make_decision())
    assert {"p1", "p2", "wall-frame"} <= outline(poll(client, document, before)).ids()


def test_polling_ends_with_the_document(client, mira, outline):
    document = builders.make_document(mira, pages=2, done=1)
    assert "every 1s" in outline(screen(client, document)).with_id("poll")["hx-trigger"]
    done = builders.make_document(mira, pages=2, done=2)
    assert "every" not in outline(screen(client, done)).with_id("poll")["hx-trigger"]


def test_a_thousand_pages_cost_as_many_queries_as_three(client, mira):
    def queries(document) -> int:
        with CaptureQueriesContext(connection) as captured:
            screen(client, document)
        return len(captured)

    small = builders.make_document(mira, pages=3)
    large = builders.make_document(mira, pages=2, prepared=True)
    Page.objects.filter(document=large).delete()
    Page.objects.bulk_create(
        Page(document=large, number=n, status="pending", width_pt=595, height_pt=842) for n in range(1, 1001)
    )
    Document.objects.filter(pk=large.pk).update(page_count=1000)
    assert queries(large) == queries(small)
    assert "wall dense" in screen(client, large).content.decode()
