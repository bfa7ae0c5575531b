"""Legal moves, and how a document's state follows from its pages'."""

import pytest

from jobs.domain import statuses
from jobs.domain.statuses import DocumentStatus, PageCounts, PageStatus


def test_a_page_that_ended_well_or_was_cancelled_moves_again_by_a_rerun_alone():
    for status in (PageStatus.DONE, PageStatus.CANCELLED):
        assert statuses.PAGE_MOVES[status] == frozenset()
        assert statuses.RERUN_MOVES[status] == {PageStatus.PENDING, PageStatus.RENDERED}


def test_a_document_that_ended_begins_again_and_does_nothing_else():
    for status in statuses.ENDED_DOCUMENTS:
        assert statuses.DOCUMENT_MOVES[status] == {DocumentStatus.PROCESSING}


def test_a_rerun_that_is_called_off_leads_back_to_done_from_wherever_the_page_is():
    assert statuses.rerun_sources(PageStatus.DONE) == sorted(statuses.OPEN_PAGES)


def test_only_what_failed_can_be_written_by_a_person():
    assert statuses.written_sources(PageStatus.DONE) == sorted(statuses.FAILED_PAGES)
    assert all(statuses.written_sources(s) == [] for s in PageStatus if s is not PageStatus.DONE)
    assert set(statuses.WRITTEN_DOCUMENT_MOVES) == {DocumentStatus.FAILED, DocumentStatus.PARTIAL}


def test_every_state_has_its_moves_and_every_state_can_be_reached():
    assert set(statuses.PAGE_MOVES) == set(PageStatus)
    assert set(statuses.DOCUMENT_MOVES) == set(DocumentStatus)
    assert all(statuses.page_sources(s) for s in PageStatus)
    assert all(statuses.document_sources(s) for s in DocumentStatus if s is not DocumentStatus.QUEUED)


def test_only_a_page_that_holds_a_slot_can_run():
    assert statuses.page_sources(PageStatus.RUNNING) == ["assigned"]
    assert statuses.page_sources(PageStatus.ASSIGNED) == ["rendered"]


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        (PageCounts(total=3, done=2), None),
        (PageCounts(total=3, done=2, running=1), None),
        (PageCounts(total=3, done=3), DocumentStatus.DONE),
        (PageCounts(total=3, done=2, failed=1), DocumentStatus.PARTIAL),
        (PageCounts(total=3, failed=3), DocumentStatus.FAILED),
        (PageCounts(total=3, done=2, cancelled=1), DocumentStatus.CANCELLED),
    ],
)
def test_a_document_ends_as_its_pages_did(counts: PageCounts, expected: DocumentStatus | None):
    assert statuses.ended_status(counts) == expected


def test_the_five_counters_add_up_to_the_total():
    counts = PageCounts(total=25, done=7, failed=1, cancelled=2, running=4)
    assert counts.done + counts.running + counts.waiting + counts.failed + counts.cancelled == 25
