"""Who gets a free slot: priority, fairness, suspects; and what is drawn ahead."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.domain.scheduling import (
    CHUNK_PAGES,
    FIRST_CHUNK_PAGES,
    SHORT_PAGES,
    SUSPECT_PATIENCE_SECONDS,
    DrawCandidate,
    InFlight,
    Places,
    WaitingPage,
    assign,
    next_to_draw,
)

IDLE = InFlight({}, {})


def page(
    page_id,
    *,
    document="a",
    number=None,
    owner=1,
    rank=1,
    age=10.0,
    candidates=("calypso",),
    suspect=False,
    spread=False,
    waited=0.0,
):
    return WaitingPage(page_id, document, number or page_id, owner, rank, age, candidates, suspect, spread, waited)


def ids(assignments):
    return [a.page_id for a in assignments]


def test_pages_of_one_document_run_side_by_side_in_order():
    given_ = assign([page(3), page(1), page(2)], {"calypso": 2}, IDLE)
    assert ids(given_) == [1, 2]


def test_never_more_than_is_free():
    assert len(assign([page(n) for n in range(1, 50)], {"calypso": 4, "spark": 9}, IDLE)) == 4


def test_urgent_goes_first_whatever_came_before():
    waiting = [page(n, document="old", age=999, rank=1) for n in range(1, 5)] + [page(9, document="new", rank=0, age=1)]
    assert ids(assign(waiting, {"calypso": 1}, IDLE)) == [9]


def test_a_large_file_does_not_keep_a_small_one_waiting():
    large = [page(n, document="large", owner=1, age=100) for n in range(1, 100)]
    small = [page(200, document="small", owner=2, age=1), page(201, document="small", owner=2, age=1)]
    assert set(ids(assign(large + small, {"calypso": 4}, IDLE))) == {1, 2, 200, 201}


def test_what_is_in_flight_already_counts_for_fairness():
    waiting = [page(1, document="a", owner=1, age=100), page(2, document="b", owner=2, age=1)]
    assert ids(assign(waiting, {"calypso": 1}, InFlight({1: 3}, {"a": 3}))) == [2]


def test_low_priority_grows_old_and_ends_too():
    waiting = [page(1, document="low", rank=2, age=3600), page(2, document="urgent", rank=0, age=5)]
    assert ids(assign(waiting, {"calypso": 1}, IDLE, ageing_seconds=1800)) == [1]


def test_a_full_backend_does_not_hold_up_pages_for_another():
    waiting = [page(1, document="a", age=100, candidates=("calypso",)), page(2, document="b", candidates=("spark",))]
    assert ids(assign(waiting, {"calypso": 0, "spark": 1}, IDLE)) == [2]


def test_a_suspect_goes_behind_all_others_and_runs_alone():
    waiting = [page(1, suspect=True), page(2, suspect=True), page(3)]
    assert ids(assign(waiting, {"calypso": 3}, IDLE)) == [3]
    assert ids(assign(waiting[:2], {"calypso": 3}, IDLE)) == [1]
    assert ids(assign(waiting[:2], {"calypso": 3}, InFlight({}, {}, by_backend={"calypso": 1}))) == []


def test_one_suspect_runs_anywhere_and_nothing_is_sent_beside_it():
    elsewhere = InFlight({}, {}, suspects=1, by_backend={"calypso": 1}, suspect_at=frozenset({"calypso"}))
    waiting = [page(1, suspect=True, candidates=("spark",)), page(2), page(3, candidates=("spark",))]
    assert ids(assign(waiting, {"calypso": 3, "spark": 4}, elsewhere)) == [3]


def test_a_suspect_takes_the_host_that_is_empty():
    waiting = [page(1, suspect=True, candidates=("calypso", "spark"))]
    given_ = assign(waiting, {"calypso": 3, "spark": 9}, InFlight({}, {}, by_backend={"calypso": 1}))
    assert [(a.page_id, a.backend) for a in given_] == [(1, "spark")]


@pytest.mark.parametrize(
    ("waited", "in_flight", "expected"),
    [
        (SUSPECT_PATIENCE_SECONDS - 1, 1, [2]),
        (SUSPECT_PATIENCE_SECONDS, 1, []),  # its host is being emptied
        (SUSPECT_PATIENCE_SECONDS, 0, [1]),
    ],
)
def test_a_host_is_emptied_for_a_suspect_that_has_waited_long_enough(waited, in_flight, expected):
    waiting = [page(1, suspect=True, waited=waited), page(2)]
    assert ids(assign(waiting, {"calypso": 3}, InFlight({}, {}, by_backend={"calypso": in_flight}))) == expected


def test_only_one_host_is_emptied_the_one_that_is_nearly_empty():
    both = ("calypso", "spark")
    waiting = [page(1, suspect=True, waited=999, candidates=both)]
    waiting += [page(2), page(3, candidates=("spark",))]
    assert ids(
        assign(waiting, {"calypso": 2, "spark": 9}, InFlight({}, {}, by_backend={"calypso": 3, "spark": 1}))
    ) == [2]


def test_no_host_is_emptied_behind_a_call_that_nobody_waits_for():
    lost = InFlight({}, {}, by_backend={"calypso": 1}, lost_at=frozenset({"calypso"}))
    assert ids(assign([page(1, suspect=True, waited=999), page(2)], {"calypso": 3}, lost)) == [2]


def test_unequal_backends_share_by_free_capacity_and_not_by_count():
    waiting = [page(n, candidates=("calypso", "spark"), spread=True) for n in range(1, 11)]
    given_ = assign(waiting, {"calypso": 5, "spark": 18}, IDLE, Places({"calypso": 5, "spark": 18}))
    assert Counter(a.backend for a in given_) == {"calypso": 2, "spark": 8}


BOTH = Places({"calypso": 5, "spark": 18}, {"calypso": 1, "spark": 2}, pages_waiting=500)


def test_a_page_that_may_run_anywhere_gets_a_free_slot_rather_than_a_place_behind_a_busy_one():
    waiting = [page(n, candidates=("calypso", "spark"), spread=True) for n in range(1, 3)]
    given_ = assign(waiting, {"calypso": 1, "spark": 4}, IDLE, BOTH)
    assert [a.backend for a in given_] == ["spark", "spark"]


def test_while_many_pages_wait_some_go_ahead_and_wait_inside_the_host():
    waiting = [page(n, candidates=("calypso", "spark"), spread=True) for n in range(1, 30)]
    assert Counter(a.backend for a in assign(waiting, {"calypso": 1, "spark": 2}, IDLE, BOTH)) == {
        "calypso": 1,
        "spark": 2,
    }


def test_the_last_pages_wait_for_whichever_slot_comes_free_first():
    last = replace(BOTH, pages_waiting=20)
    waiting = [page(n, candidates=("calypso", "spark"), spread=True) for n in range(1, 21)]
    assert assign(waiting, {"calypso": 1, "spark": 2}, IDLE, last) == []
    assert Counter(a.backend for a in assign(waiting, {"calypso": 2, "spark": 18}, IDLE, last)) == {
        "calypso": 1,
        "spark": 16,
    }


def test_the_last_pages_of_a_document_that_stays_go_ahead_all_the_same():
    last = replace(BOTH, pages_waiting=1)
    assert ids(assign([page(1, candidates=("calypso",))], {"calypso": 1, "spark": 18}, IDLE, last)) == [1]


def test_without_spread_the_best_candidate_is_filled_first():
    waiting = [page(n, candidates=("calypso", "spark")) for n in range(1, 7)]
    given_ = assign(waiting, {"calypso": 5, "spark": 18}, IDLE, Places({"calypso": 5, "spark": 18}))
    assert Counter(a.backend for a in given_) == {"calypso": 5, "spark": 1}


pages = st.lists(
    st.builds(
        WaitingPage,
        page_id=st.integers(1, 10_000),
        document=st.sampled_from("abcde"),
        number=st.integers(1, 50),
        owner=st.integers(1, 3),
        priority_rank=st.integers(0, 2),
        age_seconds=st.floats(0, 10_000),
        candidates=st.lists(st.sampled_from(["calypso", "spark", "cpu"]), unique=True).map(tuple),
        suspect=st.booleans(),
    ),
    max_size=40,
    unique_by=lambda p: p.page_id,
)


@given(pages, st.dictionaries(st.sampled_from(["calypso", "spark", "cpu"]), st.integers(-2, 6)))
def test_limits_hold_no_page_twice_and_no_slot_idle_while_a_page_could_take_it(waiting, free):
    assignments = assign(waiting, free, IDLE)
    taken = ids(assignments)
    assert len(set(taken)) == len(taken)
    by_id = {p.page_id: p for p in waiting}
    left = dict(free)
    for assignment in assignments:
        assert assignment.backend in by_id[assignment.page_id].candidates
        left[assignment.backend] -= 1
    assert all(count >= 0 for name, count in left.items() if free[name] >= 0)
    assert sum(by_id[i].suspect for i in taken) <= 1
    alone = {a.backend for a in assignments if by_id[a.page_id].suspect}
    assert all(sum(a.backend == name for a in assignments) == 1 for name in alone)
    waiting_still = [p for p in waiting if p.page_id not in taken and not p.suspect]
    assert not any(left.get(name, 0) > 0 and name not in alone for p in waiting_still for name in p.candidates)


def candidate(document, *, rank=1, owner=1, ready=0, age=10.0, begun=0, backend="calypso", pages=100):
    return DrawCandidate(document, backend, owner, rank, age, ready, begun, pages)


def test_the_first_chunk_is_small_and_later_ones_are_not():
    assert next_to_draw([candidate("a")], {"calypso": 5}, {}) == ("a", FIRST_CHUNK_PAGES)
    assert next_to_draw([candidate("a", ready=2)], {"calypso": 5}, {"calypso": 2}) == ("a", CHUNK_PAGES)


@pytest.mark.parametrize(
    ("at_once", "ahead", "pages"),
    [(1, 2, 12), (12, 13, 12), (18, 18, 12), (18, 19, 18), (24, 25, 24), (300, 301, 24), (300, 300, 12)],
)
def test_a_chunk_is_longer_where_a_large_host_has_enough_to_do_meanwhile(at_once, ahead, pages):
    assert next_to_draw([candidate("a", ready=2)], {"calypso": at_once}, {"calypso": ahead}) == ("a", pages)


def test_a_short_document_is_drawn_in_one_go():
    assert next_to_draw([candidate("a", pages=SHORT_PAGES)], {"calypso": 5}, {}) == ("a", SHORT_PAGES)
    assert next_to_draw([candidate("a", pages=SHORT_PAGES + 1)], {"calypso": 5}, {}) == ("a", FIRST_CHUNK_PAGES)


@pytest.mark.parametrize(("ahead", "drawn"), [(10, ("a", CHUNK_PAGES)), (11, None), (10 + CHUNK_PAGES, None)])
def test_a_whole_chunk_is_drawn_once_there_is_less_ahead_than_twice_what_the_host_takes(ahead, drawn):
    assert next_to_draw([candidate("a", ready=ahead)], {"calypso": 5}, {"calypso": ahead}) == drawn


def test_an_urgent_document_is_drawn_although_enough_lies_ahead():
    full = {"calypso": 1000}
    rows = [candidate("old", ready=1000, age=100), candidate("urgent", rank=0, owner=2)]
    assert next_to_draw(rows, {"calypso": 5}, full) == ("urgent", FIRST_CHUNK_PAGES)


def test_whoever_has_least_drawn_goes_next():
    rows = [candidate("a", owner=1, ready=6, age=100), candidate("b", owner=2, ready=0, age=1)]
    assert next_to_draw(rows, {"calypso": 5}, {"calypso": 6}) == ("b", FIRST_CHUNK_PAGES)


def test_low_priority_grows_old_for_drawing_too():
    rows = [candidate("low", rank=2, age=4000.0), candidate("normal", rank=1, age=5.0, owner=2)]
    assert next_to_draw(rows, {"calypso": 5}, {}) == ("low", FIRST_CHUNK_PAGES)
