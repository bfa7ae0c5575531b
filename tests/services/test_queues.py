"""Queue depth, expected wait and overload, as the rules compare them."""

from __future__ import annotations

import pytest

from jobs.models import BackendHealth
from jobs.services import preparing, queues, routing
from tests import builders

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def calypso(db):
    builders.make_policy()
    builders.make_backend("spark", slots=16)
    return builders.make_backend("calypso", queue_ahead=1)


@pytest.fixture
def person(db):
    return builders.make_user()


def depth(document):
    return queues.depth_of(document, "calypso")


def test_a_documents_own_pages_never_count(calypso, person):
    assert depth(builders.make_document(person, pages=20)) == 0


def test_pages_of_others_that_go_first_count_and_those_behind_do_not(calypso, person):
    older = builders.make_document(person, pages=9, done=2, age_seconds=300)
    newer = builders.make_document(person, pages=4, age_seconds=100)
    urgent = builders.make_document(person, pages=3, priority="high", age_seconds=5)
    low = builders.make_document(person, pages=1, priority="low", age_seconds=900)
    assert [depth(d) for d in (urgent, older, newer, low)] == [0, 3, 3 + 7, 3 + 7 + 4]


def test_what_is_at_a_host_already_and_what_is_paused_or_elsewhere_is_not_ahead(calypso, person):
    running = builders.make_document(person, pages=5, running=2, age_seconds=300)
    for page in running.pages.filter(status="running"):
        builders.make_lease(page, calypso)
    builders.make_document(person, pages=50, status="paused", age_seconds=300)
    builders.make_document(person, pages=50, backend="spark", age_seconds=300)
    assert depth(builders.make_document(person, pages=1)) == 3


def test_low_priority_that_has_grown_old_goes_first(calypso, person):
    builders.make_document(person, pages=8, priority="low", age_seconds=4000)
    assert depth(builders.make_document(person, pages=1, age_seconds=1)) == 8


@pytest.mark.parametrize(("waiting", "expected"), [(0, 0), (1, 0), (4, 3)])
def test_what_the_host_reports_waiting_beyond_what_we_send_ahead_counts(calypso, person, waiting, expected):
    BackendHealth.objects.filter(backend=calypso).update(waiting=waiting)
    assert depth(builders.make_document(person, pages=2)) == expected


def test_a_thousand_documents_are_one_query(calypso, person, django_assert_num_queries):
    for _ in range(30):
        builders.make_document(person, pages=1)
    with django_assert_num_queries(1):
        assert len(queues.open_documents()) == 30


def test_the_expected_wait_is_the_work_ahead_at_the_measured_speed(calypso, person):
    builders.make_document(person, pages=10, age_seconds=300)
    document = builders.make_document(person, pages=1)
    policy = routing.in_force()
    assert routing.facts_of(document, policy).expected_wait_seconds == 0.0
    BackendHealth.objects.filter(backend=calypso).update(seconds_per_page=8.0)
    facts = routing.facts_of(document, policy)
    assert (facts.queue_depth, facts.expected_wait_seconds) == (10, 20.0)


def test_a_decision_takes_the_former_overload_and_the_look_at_the_queue_comes_afterwards(calypso, person, monkeypatch):
    monkeypatch.setattr(preparing, "_boxes", lambda document: [[595.0, 842.0]] * document.page_count)
    builders.make_document(person, pages=8, age_seconds=300)
    first, second = (
        builders.make_document(person, pages=1, prepared=False, age_seconds=age, status="queued") for age in (20, 10)
    )
    assert not routing.facts_of(first, routing.in_force()).was_overloaded
    assert preparing.prepare(first.pk)
    first.refresh_from_db()
    assert (first.backend, first.decision["rule"]) == ("spark", "Default overloaded")
    assert routing.facts_of(second, routing.in_force()).was_overloaded


def test_overload_lets_go_after_the_hold_and_not_before(calypso, person):
    policy = routing.in_force()
    document = builders.make_document(person, pages=8, age_seconds=300)
    builders.make_document(person, pages=1)
    assert queues.look(policy).on
    document.delete()
    held = queues.look(policy)
    assert held.on
    calypso.refresh_from_db()
    since = held.calm_since - 31
    BackendHealth.objects.filter(backend=calypso).update(overload={**held.as_json(), "calm_since": since})
    assert not queues.look(policy).on
    assert queues.was_overloaded("calypso") is False
