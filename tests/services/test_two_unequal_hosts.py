"""Documents of many sizes over a host of four slots and one of sixteen, counted at the hosts."""

from __future__ import annotations

from collections import Counter

import pytest

from jobs.models import Attempt, BackendHealth, Document, SlotLease
from jobs.services import health, routing
from tests import builders, pipeline
from tests.vllm_simulator import Simulator

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def calypso():
    with Simulator.start(slots=4, service_seconds=0.02, allowed_extra=1) as host:
        yield host


@pytest.fixture
def spark():
    with Simulator.start(slots=16, service_seconds=0.02, allowed_extra=2) as host:
        yield host


@pytest.fixture
def site(db, calypso, spark):
    builders.make_policy()
    builders.make_backend("calypso", base_url=calypso.base_url, slots=4, queue_ahead=1)
    builders.make_backend("spark", base_url=spark.base_url, slots=16, queue_ahead=2)


def waiting(person, pages, **options):
    """A document whose pages are drawn, decided as it would be."""
    document = builders.make_document(person, pages=pages, rendered=pages, name=f"{pages} pages.pdf", **options)
    decision = routing.decide(document, routing.in_force())
    Document.objects.filter(pk=document.pk).update(
        decision=decision.as_json(), wanted_backend=decision.wanted, backend=decision.backend
    )
    for page in document.pages.all():
        builders.make_page_image(page)
    return document


def run_until_nothing_moves(between=lambda round_: None):
    for round_ in range(60):
        between(round_)
        leases = pipeline.assign()
        if not leases:
            return
        pipeline.recognize_side_by_side(leases)
    raise AssertionError("still moving")


def test_all_pages_are_read_once_and_no_host_has_more_than_it_takes(site, calypso, spark):
    mira, ines = builders.make_user("mira"), builders.make_user("ines")
    documents = [waiting(mira, 20, age_seconds=400), waiting(mira, 5, age_seconds=300)]
    documents += [waiting(ines, 21, age_seconds=200), waiting(ines, 30, age_seconds=100)]
    documents.append(waiting(ines, 3, priority="high", age_seconds=10))
    run_until_nothing_moves()
    for document in documents:
        document.refresh_from_db()
    assert [d.status for d in documents] == ["done"] * 5
    assert [d.wanted_backend for d in documents] == ["calypso", "spark", "spark", "spark", "spark"]
    assert [d.decision["rule"] for d in documents[1:]] == ["Default overloaded"] + ["Large document"] * 2 + [
        "High priority"
    ]
    assert Counter(Attempt.objects.values_list("outcome", flat=True)) == {"ok": 79}
    assert (calypso.over_limit, spark.over_limit) == (0, 0)
    assert (calypso.max_in_flight <= 5, spark.max_in_flight <= 18) == (True, True)
    assert Attempt.objects.filter(backend="calypso").count() == 20
    assert not SlotLease.objects.exists()


def test_a_host_that_falls_in_the_middle_and_returns_loses_no_page(site, calypso, spark):
    document = waiting(builders.make_user(), 20)

    def trouble(round_):
        if round_ == 1:
            calypso.stop_listening(drop=True)
        if round_ == 3:
            calypso.listen_again()
            row = BackendHealth.objects.select_related("backend").get(backend__name="calypso")
            BackendHealth.objects.filter(pk=row.pk).update(circuit=row.circuit | {"retry_at": 0.0})
            health.probe(BackendHealth.objects.select_related("backend").get(pk=row.pk).backend)

    run_until_nothing_moves(trouble)
    document.refresh_from_db()
    assert (document.status, document.pages_done) == ("done", 20)
    assert Attempt.objects.filter(outcome="ok").count() == 20
    assert (calypso.over_limit, spark.over_limit) == (0, 0)
    assert "spark" in set(document.pages.values_list("backend", flat=True))
