"""Ended calls are counted once each, in the database, whatever becomes of their documents."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import Count, Sum
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from jobs.domain.attempts import Step
from jobs.domain.failures import Outcome
from jobs.domain.ladder import Climb
from jobs.domain.statuses import PageStatus
from jobs.models import Attempt, CallTally, Page, SlotLease
from jobs.services import leases, settling, tallies, trash
from jobs.services.settling import AttemptRecord, ReadingRecord
from tests import builders

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def backend(db):
    return builders.make_backend("calypso")


@pytest.fixture
def person(db):
    return builders.make_user()


@pytest.fixture
def claim(backend, person):
    """claim(): a page that a worker of ours has in hand."""

    def one() -> settling.Claim:
        page = builders.make_document(person, pages=1, assigned=1).pages.get()
        lease = builders.make_lease(page, backend, holder="", claimed_at=None, expires_at=None)
        claimed = leases.claim(lease.pk)
        assert claimed is not None
        return claimed

    return one


def record(outcome: Outcome = Outcome.OK, **fields) -> AttemptRecord:
    values = {"backend": "calypso", "outcome": outcome, "started_at": timezone.now(), "seconds": 2.0}
    return AttemptRecord(**(values | fields))


READING = ReadingRecord(raw="Text.", text="Text.")


def calls() -> dict[tuple[str, str], int]:
    rows = CallTally.objects.filter(figure="call").values_list("backend", "outcome").annotate(n=Sum("calls"))
    return {(backend, outcome): n for backend, outcome, n in rows}


def attempts() -> dict[tuple[str, str], int]:
    rows = Attempt.objects.order_by().values_list("backend", "outcome").annotate(n=Count("id"))
    return {(backend, outcome): n for backend, outcome, n in rows}


def test_every_way_to_settle_a_page_counts_its_call_once(claim):
    settling.page_read(claim(), record(prompt_tokens=900, completion_tokens=640), READING)
    settling.page_read(claim(), record(seconds=7.0, prompt_tokens=900, completion_tokens=60), READING)
    settling.page_to_try_again(claim(), record(Outcome.LOOPING, completion_tokens=4000), READING, Climb())
    settling.page_not_read(claim(), record(Outcome.OUT_OF_MEMORY), Step(PageStatus.RENDERED, "no memory"))
    assert calls() == attempts()
    assert calls()["calypso", "out_of_memory"] == 1
    told = CallTally.objects.filter(figure="call", outcome="ok").order_by("up_to_ms")
    assert [(t.up_to_ms, t.calls, t.seconds, t.completion_tokens) for t in told] == [
        (2500, 1, 2.0, 640),
        (10_000, 1, 7.0, 60),
    ]
    assert CallTally.objects.aggregate(n=Sum("tried_again"))["n"] == 1
    assert CallTally.objects.filter(figure="dispatch").aggregate(n=Sum("calls"))["n"] == 4


def test_what_is_not_stored_is_not_counted(claim):
    late = claim()
    SlotLease.objects.all().delete()
    assert not settling.page_read(late, record(), READING)
    cancelled = claim()
    Page.objects.filter(pk=cancelled.page_id).update(status="cancelled")
    assert not settling.page_read(cancelled, record(), READING)
    assert calls() == attempts() == {}


def test_a_page_whose_worker_died_is_counted_as_lost(claim):
    held = claim()
    SlotLease.objects.filter(pk=held.lease_id).update(expires_at=timezone.now() - timedelta(seconds=1))
    assert leases.take_back_dead() == 1
    assert calls() == attempts() == {("calypso", "lost"): 1}


def test_counters_never_go_back_when_documents_are_deleted(claim, person):
    settling.page_read(claim(), record(), READING)
    before = calls()
    document = Page.objects.get().document_id
    trash.put(document, by=person)
    trash.delete_for_good(document, by=person)
    trash.finish()
    assert not Attempt.objects.exists()
    assert calls() == before == {("calypso", "ok"): 1}


def test_it_costs_one_statement_a_page_the_last_of_its_transaction(claim):
    settling.page_read(claim(), record(), READING)  # the rows are there from now on
    second = claim()
    with CaptureQueriesContext(connection) as captured:
        settling.page_read(second, record(), READING)
    told = [one["sql"] for one in captured if one["sql"] not in ("BEGIN", "BEGIN IMMEDIATE", "COMMIT")]
    assert ["jobs_calltally" in sql for sql in told] == [False] * (len(told) - 1) + [True]


def test_how_long_a_page_waited_for_a_worker_is_the_databases_time(claim):
    held = claim()
    since = timezone.now() - timedelta(seconds=100)
    SlotLease.objects.filter(pk=held.lease_id).update(assigned_at=since, claimed_at=since + timedelta(seconds=8))
    settling.page_read(held, record(), READING)
    waited = CallTally.objects.get(figure="dispatch")
    assert (waited.outcome, waited.up_to_ms, waited.calls) == ("", 10_000, 1)
    assert waited.seconds == pytest.approx(8.0, abs=0.01)


def test_many_workers_count_into_one_row_and_lose_none(backend):
    def some() -> None:
        try:
            for _ in range(25):
                tallies.add(backend="calypso", outcome="ok", seconds=1.0, completion_tokens=10, dispatch_seconds=0.01)
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=4) as pool:
        for done in [pool.submit(some) for _ in range(4)]:
            done.result()
    told = CallTally.objects.get(figure="call")
    assert (told.calls, told.seconds, told.completion_tokens) == (100, 100.0, 1000)
    assert CallTally.objects.get(figure="dispatch").calls == 100
