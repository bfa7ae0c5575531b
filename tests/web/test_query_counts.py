"""What the screens that everybody keeps open ask of the database: few questions, however much there is."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext

from jobs.models import Backend, Document, Page
from jobs.services import tagging
from jobs.views.listing import Listing
from tests import builders
from tests.sqlite_steps import gather_statistics, steps

pytestmark = pytest.mark.django_db
MOST = 8
SMALL_BYTES = 1000


def asked(client: Any, address: str) -> tuple[int, Any]:
    """How many queries an answer took, and the answer."""
    with CaptureQueriesContext(connection) as captured:
        response = client.get(address)
    return len(captured), response


def fill(owner: Any, documents: int) -> None:
    """Documents of every kind: read, being read, with a failed page, with pages to look at, and waiting."""
    kinds: tuple[dict[str, int], ...] = (
        {"pages": 3, "done": 3, "review": 1},
        {"pages": 4, "done": 1, "running": 1},
        {"pages": 3, "done": 2, "failed": 1},
        {"pages": 2},
    )
    calypso = Backend.objects.get(name="calypso")
    for number in range(documents):
        document = builders.make_document(owner, name=f"report {number}.pdf", **kinds[number % len(kinds)])
        tagging.add(document.pk, f"year {number}", by=owner)
        for page in document.pages.filter(status="running"):
            builders.make_lease(page, calypso)


def seen(response: Any) -> str:
    return re.search(r'data-seen="(\w+)"', response.content.decode())[1]


@pytest.mark.parametrize("outage", [False, True])
@pytest.mark.parametrize("query", ["", "q=stands", "state=done&backend=calypso", "q=stands&tag=year+1"])
def test_the_list_and_its_poll_ask_as_little_of_sixty_documents_as_of_four(client, mira, query, outage):
    if outage:
        Backend.objects.update(lifecycle="disabled")
    counts = []
    for more in (4, 56):
        fill(mira, more)
        whole, response = asked(client, f"/documents/?{query}")
        unchanged, nothing = asked(client, f"/documents/live?{query}&seen={seen(response)}")
        changed, _ = asked(client, f"/documents/live?{query}&seen=other")
        assert nothing.status_code == 204
        assert len(nothing.content) <= SMALL_BYTES
        counts.append((whole, unchanged, changed))
    assert counts[0] == counts[1]
    assert max(counts[0]) <= MOST


@pytest.mark.parametrize("outage", [False, True])
def test_a_document_and_its_poll_ask_as_little_of_sixty_pages_as_of_four(client, mira, outage):
    if outage:
        Backend.objects.update(lifecycle="disabled")
    counts = []
    for pages in (4, 60):
        document = builders.make_document(mira, pages=pages, done=2, running=1, review=1)
        builders.make_lease(document.pages.get(status="running"), Backend.objects.get(name="calypso"))
        tagging.add(document.pk, "lease", by=mira)
        address = f"/documents/{document.pk}/"
        whole, response = asked(client, address)
        live = f"{address}live?cells={pages}&seen="
        unchanged, nothing = asked(client, live + seen(response))
        changed, _ = asked(client, f"{live}other")
        card, _ = asked(client, f"{address}card/1")
        assert nothing.status_code == 204
        assert len(nothing.content) <= SMALL_BYTES
        counts.append((whole, unchanged, changed, card))
    assert counts[0] == counts[1]
    assert max(counts[0]) <= MOST


ROOM_MOST = 11  # the page's own rows, those around it, and where the keys lead


def test_a_page_in_the_reading_room_asks_as_little_among_sixty_as_among_four(client, mira):
    counts = []
    for pages in (4, 60):
        document = builders.make_document(mira, pages=pages, done=2, failed=1, running=1, review=1)
        for page in document.pages.filter(status="running"):
            builders.make_lease(page, Backend.objects.get(name="calypso"))
        address = f"/documents/{document.pk}/pages/1/"
        whole, response = asked(client, address)
        unchanged, nothing = asked(client, f"{address}live?seen={seen(response)}")
        changed, _ = asked(client, f"{address}live?seen=other")
        assert nothing.status_code == 204
        counts.append((whole, unchanged, changed))
    assert all(few <= ROOM_MOST for few in counts[0])
    # Where the last page is not among those shown, its number is asked for.
    assert [many - few for few, many in zip(*counts, strict=True)] == [1, 0, 1]
    assert counts[0][1] <= MOST


def test_the_line_above_the_list_counts_what_one_may_see_whatever_is_searched_for(client, mira, outline):
    fill(mira, 4)
    fill(builders.make_user("okafor"), 2)
    for query in ("", "?q=nowhere", "?q=stands", "?state=done"):
        response = client.get(f"/documents/{query}")
        own = response.context["listing"].own
        mine = Document.objects.filter(owner=mira)
        assert (own.documents, own.reading) == (4, mine.filter(status="processing").count())
        assert own.waiting_pages == 3 + 2  # of the one being read all that has not ended, and of the one that waits
        assert own.to_review == Page.objects.filter(document__owner=mira, needs_review=True).count() == 1
        assert "1 of 4 slots busy" not in outline(response).words  # two are: nobody's leases are left out
        assert "2 of 4 slots busy" in outline(response).words


def listing_of(person: Any) -> Listing:
    request = RequestFactory().get("/documents/")
    request.user = person
    return Listing(request)


@pytest.mark.skipif(connection.vendor != "sqlite", reason="only SQLite counts its steps; bin/test runs on both")
def test_what_is_told_of_each_document_is_counted_for_those_that_are_shown(mira):
    listed = []
    for more in (120, 120):
        fill(mira, more)
        gather_statistics()  # of one who has all the documents there are: sorting them all looks as good
        listing = listing_of(mira)
        assert listing.counts["all"] >= more  # asked first: to count them all takes a step or two for each
        listed.append(steps(lambda listing=listing: listing.documents))
    assert listed[1] <= 1.2 * listed[0]
