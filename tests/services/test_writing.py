"""A page that no host could read, written by a person: what becomes of it, of its document, of search and exports."""

from __future__ import annotations

import pytest

from jobs import errors
from jobs.models import AuditEntry, Document
from jobs.services import documents, exporting, finding, readings, writing
from tests import builders

pytestmark = pytest.mark.django_db


def counters(document):
    document.refresh_from_db()
    return document.pages_done, document.pages_failed, document.status


@pytest.mark.parametrize("state", ["failed", "quarantined"])
def test_it_is_done_and_tells_by_whom(mira, state):
    document = builders.make_document(mira, pages=2, done=1, **{state: 1})
    reading = writing.save(document.pk, 2, "# Held\r\n\r\n41.8 m", base=None, by=mira)
    page = document.pages.get(number=2)
    assert (page.status, page.reading, page.reason, page.needs_review) == ("done", reading, "", False)
    assert (page.backend, reading.text) == ("", "# Held\n\n41.8 m")
    assert page.finished_at is not None
    (version,) = readings.versions(page)
    assert (version.author, version.backend, version.in_force) == ("mira", "", True)
    assert AuditEntry.objects.get(action="page.written").detail["page"] == 2


def test_the_document_follows_page_by_page(mira):
    document = builders.make_document(mira, pages=3, failed=2, quarantined=1)
    before = document.revision
    seen = []
    for number in (1, 2, 3):
        writing.save(document.pk, number, f"Page {number}", base=None, by=mira)
        seen.append(counters(document))
    assert seen == [(1, 2, "partial"), (2, 1, "partial"), (3, 0, "done")]
    assert document.revision >= before + 3


def test_a_document_that_is_under_way_stays_so(mira):
    document = builders.make_document(mira, pages=3, failed=1, running=1)
    writing.save(document.pk, 1, "By hand", base=None, by=mira)
    assert counters(document) == (1, 0, "processing")


def test_a_cancelled_document_stays_cancelled(mira):
    document = builders.make_document(mira, pages=2, failed=1, cancelled=1)
    writing.save(document.pk, 1, "By hand", base=None, by=mira)
    assert counters(document) == (1, 0, "cancelled")


def test_search_and_exports_have_the_text(mira):
    document = builders.make_document(mira, pages=1, failed=1, name="scan.pdf")
    writing.save(document.pk, 1, "The Zugspitze is high", base=None, by=mira)
    assert list(finding.documents(mira, finding.Filters(words="zugspitze"))) == [document]
    document.refresh_from_db()
    assert b"Zugspitze" in b"".join(exporting.export(document, "md")[2])


def test_retry_leaves_it_alone_and_reads_the_others(mira):
    document = builders.make_document(mira, pages=2, failed=2)
    writing.save(document.pk, 1, "By hand", base=None, by=mira)
    documents.retry(document.pk, by=mira)
    assert list(document.pages.order_by("number").values_list("status", flat=True)) == ["done", "pending"]
    assert Document.objects.get(pk=document.pk).status == "processing"


def test_it_can_be_edited_afterwards_like_any_other(mira):
    document = builders.make_document(mira, pages=1, failed=1)
    first = writing.save(document.pk, 1, "By hand", base=None, by=mira)
    second = writing.save(document.pk, 1, "By a steady hand", base=first.pk, by=mira)
    assert (second.base, document.pages.get().reading) == (first, second)
    assert readings.raw_output(second) == ""


def test_who_comes_second_writes_over_nothing(mira):
    document = builders.make_document(mira, pages=1, failed=1)
    writing.save(document.pk, 1, "First", base=None, by=mira)
    with pytest.raises(readings.EditedMeanwhile):
        writing.save(document.pk, 1, "Second", base=None, by=mira)
    assert document.pages.get().reading.text == "First"


@pytest.mark.parametrize("state", ["pending", "rendered", "assigned", "running"])
def test_a_page_that_a_host_is_to_read_is_left_to_it(mira, state):
    document = builders.make_document(mira, pages=1, failed=1)
    document.pages.update(status=state)
    with pytest.raises(errors.NotReady):
        writing.save(document.pk, 1, "By hand", base=None, by=mira)
    assert document.pages.get().reading is None


def test_nothing_is_no_text(mira):
    document = builders.make_document(mira, pages=1, failed=1)
    with pytest.raises(errors.Invalid):
        writing.save(document.pk, 1, " \n", base=None, by=mira)
    assert counters(document) == (0, 1, "failed")


def test_others_pages_do_not_exist(mira):
    document = builders.make_document(mira, pages=1, failed=1)
    with pytest.raises(errors.NotFound):
        writing.save(document.pk, 1, "By hand", base=None, by=builders.make_user("okafor"))
