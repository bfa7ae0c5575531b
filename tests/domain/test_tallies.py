"""Sums of calls and looks: put together in whatever order, side by side counted once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from jobs.domain import measured, tallies
from jobs.domain.tallies import Call, Look
from tests import seeded

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def call(ends: float, seconds: float = 2.0, outcome: str = "ok", **more: object) -> Call:
    return Call(NOON + timedelta(seconds=ends), outcome, seconds, **more)  # type: ignore[arg-type]


def whole(calls: list[Call]) -> tallies.Tally:
    return tallies.merged(minute.beside(0) for minute in tallies.by_minute(calls).values())


@pytest.mark.parametrize(
    ("pages", "name"), [(0, "1-9"), (9, "1-9"), (10, "10-20"), (20, "10-20"), (21, "21-30"), (30, "21-30"), (31, "31+")]
)
def test_a_document_belongs_to_one_class(pages: int, name: str) -> None:
    assert tallies.class_of(pages) == name


def test_calls_side_by_side_keep_a_host_busy_once() -> None:
    assert whole([call(10, 10), call(10, 10), call(12, 4)]).busy_seconds == 12
    assert whole([call(10, 10), call(30, 10)]).busy_seconds == 20


def test_a_call_is_busy_in_each_minute_it_touches_and_ends_in_one() -> None:
    minutes = tallies.by_minute([call(65, 70)])
    busy = {at.minute: minute.beside(0).busy_seconds for at, minute in minutes.items()}
    assert busy == {59: 5, 0: 60, 1: 5}
    assert [at.minute for at, minute in minutes.items() if minute.tally.pages] == [1]


def test_what_is_busy_already_is_not_added_again() -> None:
    (first,) = tallies.by_minute([call(10, 10)]).values()
    (late,) = tallies.by_minute([call(15, 10)]).values()
    assert late.beside(first.bits).busy_seconds == 5


def test_calls_that_end_at_once_do_not_make_a_host_look_fast() -> None:
    found = whole([call(10, 4), call(10, 0.01, "host_down"), call(10, 0.01, "busy"), call(60, 50, "timeout")])
    assert sum(found.seconds["1-9"].values()) == 2
    assert found.outcomes == {"ok": 1, "host_down": 1, "busy": 1, "timeout": 1}


def test_halves_count_as_a_quality_retry_only_where_quality_asked_for_them() -> None:
    assert whole([call(1, rung="halves", tries=0), call(2, rung="oom_dpi")]).quality_retries == 0
    assert whole([call(1, rung="halves", tries=1), call(2, rung="ngram", tries=2)]).quality_retries == 2


def test_it_comes_back_from_json_as_it_was() -> None:
    found = whole([call(1, page_count=25, completion_tokens=7), call(3, 1.5, "looping")])
    assert tallies.from_json(found.as_json()) == found
    assert tallies.from_json({}) == tallies.Tally()


def test_whatever_the_order_and_the_steps_the_sums_are_the_same() -> None:
    chance = seeded.source()
    outcomes = ["ok", "ok", "timeout", "out_of_memory", "looping"]
    for _ in range(20):
        calls = [
            call(chance.randrange(600), chance.randrange(1, 400) / 10, chance.choice(outcomes), completion_tokens=9)
            for _ in range(chance.randrange(1, 60))
        ]
        together = whole(calls)
        bits: dict[datetime, int] = {}
        parts = []
        chance.shuffle(calls)
        while calls:
            batch = [calls.pop() for _ in range(min(len(calls), chance.randrange(1, 9)))]
            for at, minute in tallies.by_minute(batch).items():
                parts.append(minute.beside(bits.get(at, 0)))
                bits[at] = bits.get(at, 0) | minute.bits
        in_steps = tallies.merged(parts)
        assert in_steps.busy_seconds == pytest.approx(together.busy_seconds)
        assert in_steps.call_seconds == pytest.approx(together.call_seconds)
        assert (in_steps.outcomes, in_steps.seconds) == (together.outcomes, together.seconds)
        assert in_steps.completion_tokens == together.completion_tokens


def test_slots_in_use_are_judged_only_while_pages_wait() -> None:
    seen = tallies.merged(map(tallies.of_look, [Look(0, 0, 4), Look(3, 3, 4), Look(8, 5, 4)]))
    found = measured.figures(seen, NOON, NOON)
    assert found.utilisation_while_waiting == pytest.approx((0.75 + 1) / 2)
    assert (found.queued_mean, found.queued_most, found.at_once_most) == (pytest.approx(11 / 3), 8, 5)


def test_what_nobody_measured_is_said_to_be_unknown() -> None:
    found = measured.figures(tallies.Tally(), NOON, NOON)
    assert (found.pages, found.pages_per_minute, found.tokens_per_second, found.seconds) == (0, None, None, None)
    assert found.utilisation_while_waiting is None
    for one in measured.compared({"tokens_per_second": [800, 1200]}, found, slots=4):
        assert (one.measured, one.ratio) == (None, None)


@pytest.mark.parametrize(("tokens_per_second", "ratio"), [(400, 0.5), (800, 1), (1000, 1), (1200, 1), (2400, 2)])
def test_the_ratio_is_to_the_nearest_end_of_what_is_expected(tokens_per_second: float, ratio: float) -> None:
    assert measured.Compared("tokens_per_second", (800, 1200), tokens_per_second).ratio == pytest.approx(ratio)


@pytest.mark.parametrize(
    ("entered", "span"),
    [
        (5, (5, 5)),
        ([1, 2.5], (1, 2.5)),
        ([4, 2], (2, 4)),
        (None, None),
        ("fast", None),
        (["fast"], None),
        ([True, 1], None),
    ],
)
def test_what_is_entered_is_read_as_a_range_or_not_at_all(entered: object, span: object) -> None:
    assert measured.span(entered) == span


def test_ten_pages_are_reckoned_from_the_pages_of_such_documents() -> None:
    found = measured.figures(whole([call(10 * n, 3, page_count=12) for n in range(1, 20)]), NOON, NOON)
    ten = next(one for one in measured.compared({"seconds_10_pages": [25, 40]}, found, slots=4) if "10" in one.name)
    assert ten.measured == pytest.approx(9, rel=0.03)  # three rounds of four
    assert ten.ratio == pytest.approx(9 / 25, rel=0.03)
