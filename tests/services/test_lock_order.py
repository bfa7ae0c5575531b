"""People's acts and a page's end hold rows in one order: neither waits for the other until PostgreSQL refuses one."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from jobs.models import Document, Page, SlotLease
from jobs.services import documents
from tests import builders, patience

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one lock; bin/test runs on both"),
]


def settling(document: Document) -> list[Callable[[], object]]:
    """What it changes, in its order: the page ends, and its document counts it."""
    page = Page.objects.filter(document=document)
    return [lambda: page.update(reason="ends"), lambda: Document.objects.filter(pk=document.pk).update(pages_done=0)]


def claiming(document: Document) -> list[Callable[[], object]]:
    """As a worker takes what it was given: the lease, then the page."""
    lease = SlotLease.objects.filter(page__document=document)
    page = Page.objects.filter(document=document)
    return [lambda: lease.update(sends=2), lambda: page.update(reason="runs")]


def somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return bool(cursor.fetchone()[0])


@pytest.mark.parametrize("work", [settling, claiming])
@pytest.mark.parametrize("act", [documents.cancel, documents.pause])
def test_an_act_waits_for_what_is_under_way_and_holds_nothing_that_this_needs(act, work):
    person = builders.make_user()
    document = builders.make_document(person, pages=1, assigned=1)
    builders.make_lease(document.pages.get(), builders.make_backend(), holder="")

    def do() -> None:
        try:
            act(document.pk, by=person)
        finally:
            connection.close()

    first, second = work(document)
    with ThreadPoolExecutor(1) as another:
        with transaction.atomic():
            first()
            acting = another.submit(do)
            patience.until(somebody_waits, 30)
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL lock_timeout = '500ms'")  # less than until PostgreSQL looks for a deadlock
            second()
        acting.result(60)
    document.refresh_from_db()
    assert document.status in ("cancelled", "paused")
