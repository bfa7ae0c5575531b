"""What a page costs in figures that do not depend on the machine: statements, messages, calls, bytes.

A change that makes a page dearer shows here, on any machine; seconds are measured by `python -m bench`.
"""

from __future__ import annotations

import json
from collections import Counter

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from jobs.gateways import storage
from jobs.models import Document
from jobs.services import dispatching, intake, preparing, recognizing
from tests import builders, files, pipeline

pytestmark = pytest.mark.django_db(transaction=True)

# What they are now, BEGIN and COMMIT among them. A smaller figure is welcome: then this one follows it.
READING_STATEMENTS = 18  # claim 4, what is needed to send it 4, its end with text, index and the call's count 10
DISPATCH_STATEMENTS = 10  # a round that gives one slot to one page
SLACK = 11  # rounds that find no page to give, at the end of a document, are of both lengths alike but for one
MORE_BYTES = 1200  # of a request beside the picture
LONG, SHORT = 12, 4


@pytest.fixture
def site(db, host):
    pipeline.take_into_use(host)
    return host


def accepted(tmp_path, pages: int) -> Document:
    path = files.numbered_pdf(tmp_path / f"{pages}.pdf", pages)
    person = builders.make_user(f"reader-of-{pages}")
    return intake.accept(path.open("rb"), name=path.name, owner=person, options=intake.Options())


def drawn(tmp_path, pages: int) -> Document:
    document = accepted(tmp_path, pages)
    preparing.prepare(document.pk)
    while preparing.draw_next():
        pass
    return document


def read(document: Document) -> Counter[str]:
    """Reads all its pages one after the other, as a worker does; how many statements and messages it took."""
    counts: Counter[str] = Counter()
    leases: list[int] = []
    while document.status != "done":
        with CaptureQueriesContext(connection) as dispatched:
            dispatching.dispatch(leases.append)
        with CaptureQueriesContext(connection) as recognized:
            assert recognizing.recognize(leases[counts["messages"]])
        counts["messages"] += 1
        counts["dispatching"] += len(dispatched)
        counts["reading"] += len(recognized)
        document.refresh_from_db()
    assert len(leases) == counts["messages"]
    return counts


def test_a_page_costs_so_many_statements_and_no_more_however_long_its_document(site, tmp_path):
    short, long = read(drawn(tmp_path, SHORT)), read(drawn(tmp_path, LONG))
    more = LONG - SHORT
    assert long["reading"] - short["reading"] <= READING_STATEMENTS * more
    assert long["dispatching"] - short["dispatching"] <= DISPATCH_STATEMENTS * more + SLACK


def test_the_pages_of_a_long_document_are_made_in_two_statements(site, tmp_path):
    pages = preparing.BATCH_ROWS
    document = accepted(tmp_path, pages)
    with CaptureQueriesContext(connection) as statements:
        assert preparing.prepare(document.pk)
    assert sum(one["sql"].startswith("INSERT INTO") for one in statements) == 2
    assert list(document.pages.order_by("pk").values_list("number", flat=True)) == list(range(1, pages + 1))


def test_a_page_is_one_message_at_most_and_one_call(site, tmp_path):
    counts = read(drawn(tmp_path, LONG))
    assert counts["messages"] == LONG
    assert len(site.calls) == LONG


def test_what_is_sent_of_a_page_is_its_picture_and_little_more(site, tmp_path):
    document = drawn(tmp_path, SHORT)
    read(document)
    pictures = [len(storage.read_bytes(page.image_key)) for page in document.pages.all()]
    sent = [len(json.dumps(call.body)) for call in site.calls]
    assert sum(sent) <= sum(pictures) * 4 / 3 + MORE_BYTES * SHORT
