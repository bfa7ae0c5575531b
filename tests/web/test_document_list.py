"""The list of documents and its polls."""

from __future__ import annotations

import re
from datetime import timedelta
from urllib.parse import parse_qsl

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from jobs.models import Document
from jobs.services import tagging
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
    return client.get("/documents/live", dict(parse_qsl(query)) | {"seen": seen, "have": have})


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


def test_it_is_searched_by_what_stands_on_its_pages(client, mira, outline):
    lease = builders.make_document(mira, name="lease.pdf", pages=5, done=4)
    for page in lease.pages.filter(status="done"):
        builders.make_reading(page, text=f"Clause {page.number}: the <b>deposit</b> is 1 < 2")
    builders.make_document(mira, name="other.pdf", done=3)
    response = client.get("/documents/?q=deposit")
    html = response.content.decode()
    assert names(response) == ["lease.pdf"]
    assert html.count("<mark>deposit</mark>") == 3
    assert "is 1 &lt; 2" in html
    assert f'href="/documents/{lease.pk}/pages/2/?q=deposit"' in html
    assert "1 more page" in outline(response).words
    assert f'href="/documents/{lease.pk}/search?q=deposit"' in html


def test_a_text_cannot_inject_markup_into_the_results(client, mira):
    document = builders.make_document(mira, pages=1)
    builders.make_reading(document.pages.get(), text='quokka <img src=x onerror="alert(1)"><script>alert(2)</script>')
    html = client.get("/documents/?q=quokka").content.decode()
    assert "<mark>quokka</mark>" in html
    assert "<img src=x" not in html
    assert "<script>alert" not in html


def test_a_search_without_a_result_offers_what_begins_so(client, mira, outline):
    document = builders.make_document(mira, name="a.pdf", pages=1)
    builders.make_reading(document.pages.get(), text="The invoices")
    nothing = client.get("/documents/?q=invoic")
    assert "Look for invoic*" in outline(nothing).words
    assert 'href="?q=invoic%2A"' in nothing.content.decode()
    assert names(client.get("/documents/?q=invoic*")) == ["a.pdf"]


@pytest.mark.parametrize("typed", ["%00", "%22", "*", "-", "%27%22%28", "a" * 300, "%F0%9F%99%82"])
def test_nothing_a_person_types_breaks_it(client, mira, typed):
    builders.make_document(mira, done=3)
    assert client.get(f"/documents/?q={typed}").status_code == 200


def test_twenty_results_stand_on_a_page(client, mira):
    for number in range(23):
        builders.make_document(mira, name=f"{number:02}.pdf", pages=1, done=1, age_seconds=1000 - number)
    assert len(names(client.get("/documents/?q=stands"))) == 20
    assert names(client.get("/documents/?q=stands&page=2")) == ["02.pdf", "01.pdf", "00.pdf"]


def test_a_poll_of_a_search_keeps_the_pieces_found(client, mira):
    builders.make_document(mira, name="still.pdf", pages=5, done=2)
    before = client.get("/documents/?q=stands")
    builders.make_document(mira, name="new.pdf", pages=5, done=2)
    response = poll(client, before, "q=stands")
    assert names(response) == ["new.pdf"]
    assert len(re.findall(r'<tr id="h[^"]+"[^>]*data-kept></tr>', response.content.decode())) == 1


def narrowed(client, **query) -> list[str]:
    return names(client.get("/documents/", query))


def test_it_is_narrowed_by_backend_day_tag_and_need_for_review(client, mira):
    builders.make_document(mira, name="old", done=3, age_seconds=10 * 86_400)
    tagged = builders.make_document(mira, name="tagged", done=3, review=1, age_seconds=50)
    builders.make_document(mira, name="spark", done=3, backend="spark", age_seconds=40)
    tagging.add(tagged.pk, "Contracts 2025", by=mira)
    day = (timezone.now() - timedelta(days=5)).date().isoformat()
    assert narrowed(client, since=day) == ["spark", "tagged"]
    assert narrowed(client, until=day) == ["old"]
    assert narrowed(client, backend="spark") == ["spark"]
    assert narrowed(client, tag="contracts 2025") == ["tagged"]
    assert narrowed(client, review="1") == ["tagged"]
    assert narrowed(client, review="1", backend="spark") == []
    assert narrowed(client, since="nonsense", q="spark") == ["spark"]


def test_a_day_is_whole_at_both_ends(client, mira):
    builders.make_document(mira, name="today", done=3, age_seconds=0)
    today = timezone.now().date().isoformat()
    assert narrowed(client, since=today, until=today) == ["today"]


def test_administrators_narrow_it_by_owner_and_nobody_sees_more_by_it(client, admin, mira, outline):
    builders.make_document(mira, name="hers", done=3)
    builders.make_document(builders.make_user("okafor"), name="his", done=3)
    assert narrowed(admin, owner="mira") == ["hers"]
    assert narrowed(client, owner="okafor") == []
    assert 'name="owner"' in admin.get("/documents/filter").content.decode()
    assert 'name="owner"' not in client.get("/documents/filter").content.decode()


def test_each_filter_that_is_on_is_a_chip_that_takes_it_off(client, mira, outline):
    builders.make_document(mira, name="a.pdf", done=3)
    html = client.get("/documents/?q=a&backend=calypso&since=2026-01-02&state=done").content.decode()
    assert 'aria-label="Remove the filter backend: calypso"' in html
    assert 'href="?q=a&amp;state=done&amp;since=2026-01-02"' in html
    assert "from 2 Jan 2026" in html
    assert '<input type="hidden" name="backend" value="calypso">' in html  # a new search keeps it


def test_the_filters_are_a_page_and_for_a_script_a_form_alone(client, mira):
    builders.make_document(mira, done=3)
    whole = client.get("/documents/filter?q=lease&backend=calypso").content.decode()
    part = client.get("/documents/filter?q=lease&backend=calypso", headers={"HX-Request": "true"}).content.decode()
    assert "<html" in whole
    assert "<html" not in part
    for html in (whole, part):
        assert "<option selected>calypso</option>" in html
        assert '<input type="hidden" name="q" value="lease">' in html


def test_all_pages_of_one_document_that_answer_are_listed(client, stranger, mira, outline):
    document = builders.make_document(mira, pages=60, done=60)
    first = client.get(f"/documents/{document.pk}/search?q=stands")
    assert first.content.decode().count("<mark>stands</mark>") == 50
    further = client.get(f"/documents/{document.pk}/search?q=stands&after=50")
    assert further.content.decode().count("<mark>stands</mark>") == 10
    assert "Nothing matches" in outline(client.get(f"/documents/{document.pk}/search?q=nowhere")).words
    assert client.get(f"/documents/{document.pk}/search").status_code == 200
    assert stranger.get(f"/documents/{document.pk}/search?q=stands").status_code == 404


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


def test_a_search_counts_every_state_and_shows_the_one_that_is_on(client, mira, outline):
    for number in range(25):
        builders.make_document(mira, name=f"lease {number:02}", pages=1, done=1, age_seconds=100 - number)
    builders.make_document(mira, name="lease failed", pages=2, done=1, failed=1, age_seconds=1)
    builders.make_document(mira, name="invoice", pages=1, done=1)
    first = client.get("/documents/?q=lease")
    assert names(first) == ["lease failed"] + [f"lease {n:02}" for n in range(24, 5, -1)]
    assert {"Done 25", "Failed pages 1"} <= set(re.findall(r"(?:Done|Failed pages) \d+", outline(first).words))
    assert names(client.get("/documents/?q=lease&page=2")) == [f"lease {n:02}" for n in range(5, -1, -1)]
    assert names(client.get("/documents/?q=lease&page=9")) == [f"lease {n:02}" for n in range(5, -1, -1)]
    assert names(client.get("/documents/?q=lease&state=failed")) == ["lease failed"]
    assert names(client.get("/documents/?q=lease&state=failed&page=2")) == ["lease failed"]
    assert names(client.get("/documents/?q=lease&state=done&page=2")) == [f"lease {n:02}" for n in range(4, -1, -1)]
    nothing = client.get("/documents/?q=lease&state=cancelled")
    assert names(nothing) == []
    assert "Done 25" in outline(nothing).words


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


def test_sixteen_documents_cost_as_many_queries_as_four(client, mira):
    def queries() -> list[int]:
        each = []
        for address in ("/documents/", "/documents/?q=stands&tag=blue"):
            with CaptureQueriesContext(connection) as captured:
                client.get(address)
            each.append(len(captured))
        return each

    for _ in range(4):
        tagging.add(builders.make_document(mira, done=1, running=1).pk, "blue", by=mira)
    few = queries()
    for _ in range(12):
        tagging.add(builders.make_document(mira, done=1, running=1).pk, "blue", by=mira)
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
