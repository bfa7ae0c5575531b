"""What hosts did, rolled up and read back: each attempt and each sample once, whatever happens in between."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from jobs import clock
from jobs.domain import tallies
from jobs.models import Attempt, Backend, HealthSample, Measurement
from jobs.services import measuring, queues, rolling_up
from tests import builders, seeded

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def page(db: None) -> Any:
    builders.make_backend("calypso")
    document = builders.make_document(builders.make_user(), pages=12, name="long.pdf")
    return document.pages.get(number=1)


def attempts(page: Any, *spans: tuple[float, float], at: datetime = NOON, **fields: Any) -> list[Attempt]:
    """One attempt for each (seconds after `at` when it began, seconds it took)."""
    values = {"backend": "calypso", "outcome": "ok", "completion_tokens": 600} | fields
    rows = [Attempt(page=page, started_at=at + timedelta(seconds=a), seconds=s, **values) for a, s in spans]
    return Attempt.objects.bulk_create(rows)


def stored() -> dict[tuple[str, str, datetime], Any]:
    return {
        (row.backend, row.span, row.begins_at): (tallies.from_json(row.tally), row.busy)
        for row in Measurement.objects.all()
    }


def test_measured_figures_are_what_the_host_was_set_to(page: Any) -> None:
    """A host with slots that take pages back to back, each of about the same time and length."""
    chance = seeded.source()
    slots, seconds, tokens = chance.randrange(1, 17), chance.uniform(0.8, 20.0), chance.randrange(100, 2000)
    rounds = 30
    for slot in range(slots):
        began = NOON + timedelta(seconds=seconds * slot / slots)
        attempts(page, *((n * seconds, seconds) for n in range(rounds)), at=began, completion_tokens=tokens)
    if chance.random() < 0.5:
        rolling_up.roll_up()
    end = NOON + timedelta(seconds=seconds * (rounds + 1) + 1)
    found = measuring.figures("calypso", timedelta(minutes=30), now=end)
    assert found.pages == slots * rounds
    assert found.pages_per_minute == pytest.approx(60 * slots / seconds, rel=0.1)
    assert found.tokens_per_second == pytest.approx(tokens * slots / seconds, rel=0.1)
    assert found.seconds and found.seconds.p50 == pytest.approx(seconds, rel=0.1)
    assert found.seconds_by_page_count["10-20"].p99 == pytest.approx(seconds, rel=0.1)
    assert found.at_once == pytest.approx(slots, rel=0.1)


def test_the_figures_are_the_same_before_and_after_they_are_rolled_up(page: Any) -> None:
    attempts(page, (0, 5), (3, 5), (50, 20))
    attempts(page, (61, 1), outcome="out_of_memory", completion_tokens=None)
    end = NOON + timedelta(minutes=5)
    fresh = measuring.figures("calypso", HOUR, now=end)
    assert rolling_up.roll_up() == 4
    assert measuring.figures("calypso", HOUR, now=end) == fresh
    assert (fresh.pages, fresh.out_of_memory, fresh.busy_seconds) == (3, 1, 28)
    attempts(page, (6, 6))  # half of it while another was under way
    assert measuring.figures("calypso", HOUR, now=end).busy_seconds == 32


def test_rolling_up_again_changes_nothing(page: Any) -> None:
    attempts(page, (0, 5), (100, 5))
    rolling_up.roll_up()
    before = stored()
    assert {span for _, span, _ in before} == {"minute", "hour", "day"}
    assert rolling_up.roll_up() == 0
    assert stored() == before


def test_killed_half_way_and_repeated_gives_the_same(page: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    attempts(page, *((n * 7, 6) for n in range(30)))
    store = rolling_up._store
    written: list[Any] = []

    def dies_at_the_day(rows: Any, added: Any) -> None:
        store(rows, added)
        written.append(rows)
        if len(written) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(rolling_up, "_store", dies_at_the_day)
    with pytest.raises(KeyboardInterrupt):
        rolling_up.roll_up()
    assert stored() == {}
    monkeypatch.setattr(rolling_up, "_store", store)
    rolling_up.roll_up()
    assert tallies.merged(tally for (_, span, _), (tally, _) in stored().items() if span == "day").pages == 30


def test_an_attempt_that_comes_late_goes_where_it_belongs(page: Any) -> None:
    attempts(page, (0, 10), (30, 10), (4000, 10))
    rolling_up.roll_up()
    attempts(page, (5, 10))
    rolling_up.roll_up()
    late = stored()
    Measurement.objects.all().delete()
    Attempt.objects.update(measured=False)
    rolling_up.roll_up()
    assert stored() == late
    assert late["calypso", "minute", NOON][0].busy_seconds == 25
    assert late["calypso", "hour", NOON][0].busy_seconds == 25
    assert late["calypso", "day", NOON.replace(hour=0)][0].busy_seconds == 35


def test_in_whatever_batches_the_sums_are_the_same(page: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = seeded.source()
    attempts(page, *((chance.randrange(900), chance.randrange(1, 300) / 10) for _ in range(60)))
    rolling_up.roll_up()
    at_once = stored()
    Measurement.objects.all().delete()
    Attempt.objects.update(measured=False)
    monkeypatch.setattr(rolling_up, "BATCH_ROWS", chance.randrange(8, 30))
    while rolling_up.roll_up():
        pass
    in_steps = stored()
    assert in_steps.keys() == at_once.keys()
    for key, (tally, busy) in in_steps.items():
        assert busy == at_once[key][1]
        assert (tally.outcomes, tally.seconds) == (at_once[key][0].outcomes, at_once[key][0].seconds)
        assert tally.busy_seconds == pytest.approx(at_once[key][0].busy_seconds)


def test_a_round_is_bounded(page: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rolling_up, "BATCH_ROWS", 5)
    monkeypatch.setattr(rolling_up, "BATCHES_A_ROUND", 3)
    attempts(page, *((n, 1) for n in range(40)))
    assert [rolling_up.roll_up() for _ in range(4)] == [15, 15, 10, 0]


def test_the_documents_may_be_deleted_afterwards(page: Any) -> None:
    attempts(page, (0, 5))
    rolling_up.roll_up()
    page.document.delete()
    assert measuring.figures("calypso", HOUR, now=NOON + HOUR).pages == 1


def test_samples_say_how_much_waited_and_how_full_the_slots_were(page: Any) -> None:
    for queued, in_flight in ((0, 0), (6, 4), (2, 2)):
        HealthSample.objects.create(backend=Backend.objects.get(), state="up", queued=queued, in_flight=in_flight)
    fresh = measuring.figures("calypso", HOUR)
    assert (fresh.queued_mean, fresh.queued_most, fresh.at_once_most) == (pytest.approx(8 / 3), 6, 4)
    assert fresh.utilisation_while_waiting == pytest.approx(0.75)
    rolling_up.roll_up()
    now = measuring.figures("calypso", HOUR)
    assert (now.queued_mean, now.utilisation_while_waiting) == (fresh.queued_mean, fresh.utilisation_while_waiting)


def test_minutes_and_hours_are_not_kept_for_ever(page: Any) -> None:
    now = rolling_up.hour_of(timezone.now())  # an attempt that crossed a minute would have two
    for age in (timedelta(hours=1), timedelta(days=3), timedelta(days=100)):
        attempts(page, (0, 5), at=now - age)
    rolling_up.roll_up()
    rolling_up.prune()
    kept = {span: Measurement.objects.filter(span=span).count() for span in ("minute", "hour", "day")}
    assert kept == {"minute": 1, "hour": 2, "day": 3}
    assert measuring.figures("calypso", timedelta(days=365)).pages == 3


@pytest.mark.parametrize("window", [timedelta(minutes=5), timedelta(hours=24), timedelta(days=400)])
def test_only_the_window_counts_and_it_says_since_when(page: Any, window: timedelta) -> None:
    attempts(page, (0, 2), (-2 * window.total_seconds() - 86_400, 2))
    rolling_up.roll_up()
    found = measuring.figures("calypso", window, now=NOON + timedelta(seconds=30))
    assert found.pages == 1
    assert NOON - window - timedelta(days=1) <= found.since <= NOON - window + timedelta(seconds=30)


def test_a_host_that_did_nothing_or_is_not_there_has_no_figures(page: Any) -> None:
    attempts(page, (0, 5), backend="spark")
    for name in ("calypso", "nobody"):
        found = measuring.figures(name, HOUR, now=NOON + HOUR)
        assert (found.pages, found.pages_per_minute, found.seconds) == (0, None, None)


def test_as_many_queries_whatever_there_is_to_read(page: Any, django_assert_max_num_queries: Any) -> None:
    attempts(page, *((n * 60, 5) for n in range(100)))
    rolling_up.roll_up()
    attempts(page, *((n * 60, 5) for n in range(100)))
    with django_assert_max_num_queries(4):
        measuring.figures("calypso", timedelta(hours=2), now=NOON + timedelta(hours=2))


def test_a_round_asks_as_often_for_many_as_for_few(page: Any, django_assert_max_num_queries: Any) -> None:
    attempts(page, *((n, 5) for n in range(400)))
    with django_assert_max_num_queries(24):
        assert rolling_up.roll_up() == 400


def test_what_waits_for_a_host_is_what_is_neither_ended_nor_at_a_host(page: Any) -> None:
    calypso = Backend.objects.get()
    document = builders.make_document(page.document.owner, pages=9, done=2, running=1, rendered=2)
    builders.make_lease(document.pages.get(status="running"), calypso)
    builders.make_document(page.document.owner, pages=5, backend="spark")
    builders.make_document(page.document.owner, pages=5, status="paused")
    assert queues.waiting_for(calypso, reported=0) == 12 + 6
    assert queues.waiting_for(calypso, reported=4) == 12 + 6 + 3


@pytest.mark.django_db(transaction=True)
def test_two_clocks_that_roll_up_at_once_count_each_attempt_once(page: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when a leader that was paused comes back."""
    monkeypatch.setattr(rolling_up, "BATCH_ROWS", 20)
    attempts(page, *((n % 90, 5) for n in range(200)))

    def one_clock(_: int) -> int:
        try:
            return sum(iter(rolling_up.roll_up, 0))
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=4) as pool:
        assert sum(pool.map(one_clock, range(4))) == 200
    assert {span: tally.pages for (_, span, _), (tally, _) in stored().items() if span != "minute"} == {
        "hour": 200,
        "day": 200,
    }
    assert measuring.figures("calypso", HOUR, now=NOON + timedelta(minutes=5)).pages == 200


def test_the_clock_rolls_up(page: Any) -> None:
    attempts(page, (0, 5))
    duty = next(duty for duty in clock.duties() if duty.work is clock.roll_up)
    duty.run_if_due(1.0)
    assert Measurement.objects.filter(span="day").count() == 1


@pytest.mark.parametrize("model", [Attempt, HealthSample])
def test_what_is_not_counted_yet_is_found_by_its_own_index(page: Any, model: Any) -> None:
    """However much the hosts ever did. PostgreSQL reads a table of a few rows as it is: there it proves nothing."""
    if connection.vendor == "sqlite":
        newest = rolling_up.uncounted(model).order_by("-pk")[: measuring.PENDING_ROWS]
        assert "_to_measure" in newest.explain()
        assert "TEMP B-TREE" not in newest.explain()
