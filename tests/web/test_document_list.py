"""The list of documents and its polls."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from jobs.models import Document
from tests import builders

pytestmark = pytest.mark.django_db
NAMED = re.compile(r'class="row-name" href="[^"]+">([^<]+)<')


def names(response) -> list[str]:
    return NAMED.findall(response.content.decode())


def poll(client, response, query=""):
    """The poll that the page of `response` would send."""
    html = response.content.decode()
    seen = re.search(r'data-seen="(\w+)"', html)[1]
    have = ",".join(re.findall(r'data-print="(\w+)"', html))
    return client.get(f"/documents/live{query}", {"seen": seen, "have": have})


def test_it_shows_ones_own_documents_newest_first(client, mira):
    builders.make_document(mira, name="older.pdf", age_seconds=500)
    builders.make_document(mira, name="newer.pdf", age_seconds=50)
    builders.make_document(builders.make_user("okafor"), name="theirs.pdf")
    assert names(client.get("/documents/")) == ["newer.pdf", "older.pdf"]


def test_an_administrator_sees_everybodys(admin, mira):
    builders.make_document(mira, name="hers.pdf")
    response = admin.get("/documents/")
    assert names(response) == ["hers.pdf"]
    assert "mira · " in response.content.decode()


def test_a_row_says_how_far_its_document_is_and_why_it_went_where_it_went(client, mira, outline):
    decision = builders.make_decision("spark", wanted="calypso", reason="page 4 ran calypso out of memory")
    builders.make_document(mira, name="plan.pdf", pages=9, done=8, failed=1, decision=decision)
    words = outline(client.get("/documents/")).words
    assert "Partial" in words
    assert "9 pages · 1 page failed" in words
    assert "calypso → spark" in words
    assert "page 4 ran calypso out of memory" in words


def test_names_cannot_inject_markup(client, mira):
    builders.make_document(mira, name='<img src=x onerror="alert(1)">.pdf')
    assert b"<img src=x" not in client.get("/documents/").content


def test_it_is_searched_by_name(client, mira):
    builders.make_document(mira, name="Lease Hafenstraße.pdf")
    builders.make_document(mira, name="Invoices.pdf")
    assert names(client.get("/documents/?q=lease")) == ["Lease Hafenstraße.pdf"]
    nothing = client.get("/documents/?q=nowhere")
    assert "Nothing matches" in nothing.content.decode()
    assert "Try a sample" not in nothing.content.decode()


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("reading", ["reading"]),
        ("waiting", ["waiting"]),
        ("paused", ["paused"]),
        ("review", ["review"]),
        ("failed", ["partial"]),
        ("done", ["done"]),
        ("cancelled", ["cancelled"]),
        ("nonsense", ["reading", "waiting", "paused", "review", "partial", "done", "cancelled"]),
    ],
)
def test_it_is_filtered_by_state(client, mira, state, expected):
    builders.make_document(mira, name="cancelled", cancelled=3, age_seconds=70)
    builders.make_document(mira, name="done", done=3, age_seconds=60)
    builders.make_document(mira, name="partial", done=2, failed=1, age_seconds=50)
    builders.make_document(mira, name="review", done=3, review=1, age_seconds=40)
    builders.make_document(mira, name="paused", done=1, status="paused", age_seconds=30)
    builders.make_document(mira, name="waiting", age_seconds=20)
    builders.make_document(mira, name="reading", done=1, age_seconds=10)
    assert names(client.get("/documents/", {"state": state})) == expected


def test_filters_say_how_many_they_would_show(client, mira, outline):
    for name in ("a.pdf", "b.pdf"):
        builders.make_document(mira, name=name, done=3)
    builders.make_document(mira, name="c.pdf", done=1)
    words = outline(client.get("/documents/")).words
    assert "Done 2" in words
    assert "Reading 1" in words
    assert "Cancelled" not in words


def test_fifty_stand_on_a_page_and_the_rest_on_the_next(client, mira):
    for number in range(53):
        builders.make_document(mira, name=f"{number:02}.pdf", pages=1, done=1, age_seconds=1000 - number)
    first = client.get("/documents/")
    assert names(first)[0] == "52.pdf"
    assert len(names(first)) == 50
    assert "page=2" in first.content.decode()
    assert names(client.get("/documents/?page=2")) == ["02.pdf", "01.pdf", "00.pdf"]
    assert names(client.get("/documents/?page=99")) == ["02.pdf", "01.pdf", "00.pdf"]


def test_an_empty_list_offers_a_sample(client):
    page = client.get("/documents/").content.decode()
    assert "Try a sample" in page
    assert 'action="/documents/sample"' in page


def test_forty_documents_cost_as_many_queries_as_four(client, mira):
    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            client.get("/documents/")
        return len(captured)

    for number in range(4):
        builders.make_document(mira, name=f"{number}.pdf", done=1, running=1)
    few = queries()
    for number in range(36):
        builders.make_document(mira, name=f"{number}.pdf", done=1, running=1)
    assert queries() == few


def test_a_poll_is_answered_with_nothing_while_nothing_changed(client, mira):
    builders.make_document(mira, done=1)
    response = poll(client, client.get("/documents/"))
    assert response.status_code == 204
    assert response.content == b""


def test_a_poll_brings_what_changed_and_only_names_the_rest(client, mira):
    still = builders.make_document(mira, name="still.pdf", pages=5, done=2)
    moving = builders.make_document(mira, name="moving.pdf", pages=5, done=2)
    before = client.get("/documents/")
    Document.objects.filter(pk=moving.pk).update(pages_done=3, revision=7)
    response = poll(client, before)
    assert response.status_code == 200
    assert names(response) == ["moving.pdf"]
    assert re.search(rf'<tr id="d{still.pk}"[^>]*data-kept></tr>', response.content.decode())


def test_a_new_document_reaches_a_page_that_polls(client, mira):
    builders.make_document(mira, name="first.pdf", done=1)
    before = client.get("/documents/")
    builders.make_document(mira, name="second.pdf", age_seconds=1)
    assert names(poll(client, before)) == ["second.pdf"]


def test_polling_goes_on_only_while_something_can_change(client, mira, outline):
    document = builders.make_document(mira, pages=2, done=1)
    before = client.get("/documents/")
    assert "every 2s" in outline(before).with_id("poll")["hx-trigger"]
    document.pages.filter(status="pending").update(status="done")
    builders.settle(document)
    assert "every" not in outline(poll(client, before)).with_id("poll")["hx-trigger"]


def test_a_poll_keeps_to_the_filters_of_its_page(client, mira):
    builders.make_document(mira, name="lease.pdf", done=1)
    builders.make_document(mira, name="invoice.pdf", done=1)
    response = client.get("/documents/live?q=lease", {"seen": "old"} | {"q": "lease"})
    assert names(response) == ["lease.pdf"]


def test_staff_are_told_when_nothing_can_take_work(client, mira, outline):
    from jobs.models import Backend

    Backend.objects.update(lifecycle="planned")
    builders.make_document(mira)
    assert "No host can read pages now" in outline(client.get("/documents/")).words
