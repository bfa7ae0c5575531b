"""What a page costs the database does not grow with what was read before it.

SQLite counts its steps; without statistics, as it is by itself, and with them. A plan that walks through all pages or
all documents there ever were shows here as a multiple.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest
from django.db import connection

from jobs import actors, clock
from jobs.models import Document, Page
from jobs.services import dispatching, intake, preparing, recognizing, trash
from tests import builders, files, pipeline
from tests.sqlite_steps import gather_statistics, steps

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor != "sqlite", reason="only SQLite counts what it does; bin/test runs on it first"
    ),
]
PAGES = 20  # of an archived document
FEW, MORE = 20, 280  # archived documents
MOST = 2.0  # times the steps, of fifteen times the archive; a plan that walks through it takes six times and more
SLACK = 20  # for duties of a step or two


@pytest.fixture
def site(db, host, monkeypatch):
    monkeypatch.setattr(actors, "send", lambda actor, *args: True)
    pipeline.take_into_use(host)
    return host


def archive(documents: int) -> None:
    """Documents that were read long ago, all in one go."""
    owner = builders.make_user(f"archivist-{documents}")
    row = {"owner": owner, "size_bytes": 1, "media_type": "application/pdf", "status": "done", "prepared": True}
    row |= {"page_count": PAGES, "pages_done": PAGES}
    made = Document.objects.bulk_create(Document(name=f"{n}.pdf", sha256=f"{n:064}", **row) for n in range(documents))
    Document.objects.filter(owner=owner).update(created_at="2026-01-01T00:00:00Z")
    Page.objects.bulk_create(
        Page(document=document, number=n, status="done", width_pt=595.0, height_pt=842.0)
        for document in made
        for n in range(1, PAGES + 1)
    )


def one_document(tmp_path, word: str) -> Counter[str]:
    """A document's way from the upload to its last page; the steps of each part, and of what the clock does beside."""
    counted: Counter[str] = Counter()
    leases: list[int] = []

    def count(what: str, work: Callable[[], object]) -> None:
        counted[what] += steps(work)

    path = files.numbered_pdf(tmp_path / f"{word}.pdf", 8, word=word)
    owner = builders.make_user(f"reader-of-{word}")
    document = intake.accept(path.open("rb"), name=path.name, owner=owner, options=intake.Options())
    count("prepare", lambda: preparing.prepare(document.pk))
    count("is there something to draw", preparing.something_to_draw)
    while document.status != "done":
        count("draw", preparing.draw_next)
        count("dispatch", lambda: dispatching.dispatch(leases.append))
        for duty in (clock.take_back, clock.send_again, clock.fill_slots, trash.something_to_remove):
            count(duty.__name__, duty)
        while leases:
            count("read", lambda: recognizing.recognize(leases.pop()))
        document.refresh_from_db()
    return counted


def test_a_page_costs_the_same_beside_three_hundred_documents_as_beside_twenty(site, tmp_path):
    archive(FEW)
    one_document(tmp_path, "first")  # what is read but once
    few = one_document(tmp_path, "few")
    archive(MORE)
    many = one_document(tmp_path, "many")
    gather_statistics()
    planned = one_document(tmp_path, "planned")

    most = {what: MOST * count + SLACK for what, count in few.items()}
    assert {what: count for what, count in many.items() if count > most[what]} == {}
    assert {what: count for what, count in planned.items() if count > most[what]} == {}
