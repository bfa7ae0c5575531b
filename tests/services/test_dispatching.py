"""Slots given to pages: why and where is kept with the lease; limits, suspects, overload, busy hosts, fairness."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone
from structlog.testing import capture_logs

from jobs import errors
from jobs.domain.circuit import Circuit
from jobs.models import Backend, BackendHealth, Page, RoutingPolicy, SlotLease
from jobs.services import dispatching, slots
from tests import builders

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def person(db):
    return builders.make_user()


@pytest.fixture
def hosts(db):
    builders.make_policy()
    return {
        "calypso": builders.make_backend("calypso", queue_ahead=1),
        "spark": builders.make_backend("spark", slots=16, queue_ahead=2),
    }


def drawn(person, pages, **fields):
    return builders.make_document(person, pages=pages, rendered=pages, **fields)


def by_backend():
    found = SlotLease.objects.filter(page__isnull=False).values_list("backend__name", "page__document__name")
    return sorted(found)


def fill_up(hosts, person, backend="calypso"):
    """Every slot of a host taken by pages of a document of its own."""
    capacity = hosts[backend].capacity
    document = builders.make_document(person, pages=capacity, running=capacity, backend=backend, name="running.pdf")
    for page in document.pages.all():
        builders.make_lease(page, hosts[backend])
    return document


def test_the_lease_says_where_why_and_what_else_was_considered(hosts, person):
    decision = builders.make_decision("spark", rule="Large document", reason="25 pages, over 20")
    drawn(person, 1, backend="spark", decision=decision)
    assert len(dispatching.assign_slots().leases) == 1
    lease = SlotLease.objects.get()
    assert (lease.backend.name, lease.rule) == ("spark", "Large document")
    assert lease.reason == "25 pages, over 20 → spark"
    assert lease.decision == {
        "backend": "spark",
        "wanted": "spark",
        "rule": "Large document",
        "reason": "25 pages, over 20 → spark",
        "considered": [{"backend": "calypso", "verdict": "not needed"}, {"backend": "spark", "verdict": "chosen"}],
    }


def test_one_line_in_the_log_says_it_too(hosts, person):
    document = drawn(person, 1)
    with capture_logs() as lines:
        dispatching.assign_slots()
    (line,) = [line for line in lines if line["event"] == "page.assigned"]
    assert (line["document"], line["reason"]) == (str(document.pk), "default, nothing ahead → calypso")


def test_in_flight_never_exceeds_slots_and_queue_ahead_whoever_calls(hosts, person):
    leases = [slots.take(hosts["calypso"], "canary", 60.0) for _ in range(2)]
    builders.make_lease(None, hosts["calypso"], kind="page")  # a call that a paused worker may still have
    drawn(person, 9)
    assert len(dispatching.assign_slots().leases) == 2
    assert dispatching.assign_slots().leases == ()
    slots.give_back(leases[0])
    assert len(dispatching.assign_slots().leases) == 1


def test_slow_start_gives_a_share_of_the_slots(hosts, person):
    BackendHealth.objects.filter(backend__name="spark").update(circuit=Circuit(step=0).as_json(), state="slow_start")
    drawn(person, 20, backend="spark")
    assert len(dispatching.assign_slots().leases) == 4


def test_a_host_that_asked_to_be_tried_later_gets_nothing_and_its_pages_go_elsewhere(hosts, person):
    BackendHealth.objects.filter(backend__name="calypso").update(busy_until=timezone.now() + timedelta(minutes=1))
    drawn(person, 1)
    dispatching.assign_slots()
    lease = SlotLease.objects.get()
    assert (lease.backend.name, lease.reason) == ("spark", "calypso asked to be tried later → spark")
    BackendHealth.objects.filter(backend__name="calypso").update(busy_until=timezone.now())
    drawn(person, 1)
    dispatching.assign_slots()
    assert SlotLease.objects.filter(backend__name="calypso").count() == 1


def test_a_page_that_failed_somewhere_goes_elsewhere_and_says_why(hosts, person):
    page = drawn(person, 1).pages.get()
    Page.objects.filter(pk=page.pk).update(avoid=["calypso"])
    builders.make_attempt(page, outcome="out_of_memory")
    dispatching.assign_slots()
    assert SlotLease.objects.get().reason == "page ran calypso out of memory → spark"


def test_a_page_that_may_not_run_now_hides_none_behind_it(hosts, person):
    document = drawn(person, 6)
    Page.objects.filter(document=document, number__lte=5).update(avoid=["calypso"])
    BackendHealth.objects.filter(backend__name="spark").update(circuit=Circuit(state="open").as_json())
    hosts["calypso"].slots, hosts["calypso"].queue_ahead = 1, 0
    hosts["calypso"].save()
    dispatching.assign_slots()
    assert SlotLease.objects.get().page.number == 6


def test_of_many_waiting_documents_the_newest_persons_two_pages_are_not_overlooked(hosts, person):
    for number in range(60):
        drawn(person, 2, name=f"old {number}.pdf", age_seconds=1000 - number)
    fill_up(hosts, person)
    drawn(builders.make_user("ines"), 2, name="new.pdf", age_seconds=1)
    SlotLease.objects.filter(page__number=1, page__document__name="running.pdf").delete()
    dispatching.assign_slots()
    assert ("calypso", "new.pdf") in by_backend()


def test_a_large_file_does_not_keep_the_same_persons_small_one_waiting(hosts, person):
    fill_up(hosts, person)
    drawn(person, 2, name="small.pdf", age_seconds=5)
    large = SlotLease.objects.first().page.document
    builders.make_page(large, 99, status="rendered")
    SlotLease.objects.first().delete()
    dispatching.assign_slots()
    assert [name for _, name in by_backend()].count("small.pdf") == 1


# Suspects.


def suspect(document, number, **fields):
    page = document.pages.get(number=number)
    Page.objects.filter(pk=page.pk).update(**({"engine_deaths": 1} | fields))
    return builders.make_attempt(page, outcome="host_down", started_at=timezone.now())


def test_an_urgent_page_gets_the_next_free_slot_before_a_thousand_that_are_not(hosts, person):
    """Q16."""
    Backend.objects.filter(name="spark").update(lifecycle="disabled")
    drawn(person, 1000, priority="low", name="low.pdf")
    assert len(dispatching.assign_slots().leases) == hosts["calypso"].capacity
    drawn(person, 1, priority="high", name="urgent.pdf", age_seconds=1)
    assert not dispatching.assign_slots().leases
    SlotLease.objects.filter(page__document__name="low.pdf").first().delete()
    assert len(dispatching.assign_slots().leases) == 1
    assert ("calypso", "urgent.pdf") in by_backend()


def test_a_page_present_at_a_death_runs_alone_at_its_host(hosts, person):
    document = drawn(person, 3)
    suspect(document, 1)
    dispatching.assign_slots()
    assert sorted(SlotLease.objects.values_list("page__number", flat=True)) == [2, 3]
    SlotLease.objects.all().delete()
    Page.objects.filter(document=document, number__gt=1).update(status="done")
    dispatching.assign_slots()
    assert SlotLease.objects.get().page.number == 1
    drawn(person, 3)
    assert dispatching.assign_slots().leases == ()  # nothing beside it


def test_of_two_suspects_one_runs_though_another_host_is_empty(hosts, person):
    first, second = drawn(person, 1), drawn(person, 1, backend="spark")
    suspect(first, 1)
    suspect(second, 1, engine_deaths=0, claims=1)
    assert len(dispatching.assign_slots().leases) == 1
    assert dispatching.assign_slots().leases == ()


def test_a_host_is_emptied_for_a_suspect_that_waited_for_long(hosts, person):
    fill_up(hosts, person)
    document = drawn(person, 2)
    attempt = suspect(document, 1)
    attempt.started_at -= timedelta(minutes=2)
    attempt.save()
    SlotLease.objects.first().delete()
    BackendHealth.objects.filter(backend__name="spark").update(circuit=Circuit(state="open").as_json())
    assert dispatching.assign_slots().leases == ()
    SlotLease.objects.all().delete()
    dispatching.assign_slots()
    assert SlotLease.objects.get().page.number == 1


def test_no_canary_is_sent_beside_a_suspect(hosts, person):
    suspect(drawn(person, 1), 1)
    dispatching.assign_slots()
    with pytest.raises(errors.Conflict, match="alone"):
        slots.take(hosts["calypso"], "canary", 60.0)


# Overload.


def test_waiting_pages_of_others_leave_an_overloaded_default_and_a_documents_own_do_not(hosts, person):
    first = drawn(person, 12, name="first.pdf", age_seconds=100)
    dispatching.assign_slots()
    assert {name for name, _ in by_backend()} == {"calypso"}
    assert SlotLease.objects.count() == 5
    assert first.pages.filter(status="rendered").count() == 7
    drawn(builders.make_user("ines"), 1, name="second.pdf", age_seconds=10)
    dispatching.assign_slots()
    lease = SlotLease.objects.get(backend__name="spark")
    assert (lease.page.document.name, lease.rule) == ("second.pdf", "Default overloaded")
    assert lease.reason == "7 pages of others ahead at calypso, over 5 → spark"
    assert BackendHealth.objects.get(backend__name="calypso").overload["on"] is True


def test_the_default_is_filled_before_anybody_leaves_and_both_in_one_round(hosts, person):
    drawn(person, 9, name="first.pdf", age_seconds=100)
    drawn(builders.make_user("ines"), 9, name="second.pdf", age_seconds=10)
    dispatching.assign_slots()
    names = by_backend()
    assert sum(backend == "calypso" for backend, _ in names) == 5
    assert {document for backend, document in names if backend == "spark"} == {"second.pdf"}


def test_spread_off_keeps_documents_where_they_are(hosts, person):
    RoutingPolicy.objects.update(spread="off")
    drawn(person, 12, age_seconds=100)
    drawn(builders.make_user("ines"), 1)
    dispatching.assign_slots()
    assert {name for name, _ in by_backend()} == {"calypso"}


def test_free_spread_shares_by_free_capacity(hosts, person):
    RoutingPolicy.objects.update(spread="free")
    drawn(person, 10)
    dispatching.assign_slots()
    names = [name for name, _ in by_backend()]
    assert (names.count("calypso"), names.count("spark")) == (2, 8)


def test_dispatchers_that_run_at_once_give_no_slot_twice(hosts, person):
    drawn(person, 30)

    def one(_):
        try:
            return dispatching.assign_slots().leases
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=6) as pool:
        given = [lease for leases in pool.map(one, range(12)) for lease in leases]
    assert len(given) == len(set(given)) == 5
    assert SlotLease.objects.count() == 5


def test_canaries_and_pages_that_come_at_once_stay_within_capacity(hosts, person):
    drawn(person, 30)

    def one(number):
        try:
            if number % 2:
                return len(dispatching.assign_slots().leases)
            slots.take(hosts["calypso"], "canary", 60.0)
            return 1
        except errors.Conflict:
            return 0
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=8) as pool:
        assert sum(pool.map(one, range(16))) == 5
    assert SlotLease.objects.count() == 5
