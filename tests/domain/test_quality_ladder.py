"""What is tried next with a page that was read badly, and when to stop."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.domain import ladder
from jobs.domain.failures import Outcome
from jobs.domain.ladder import Asked, Climb, Rung
from jobs.domain.model_profiles import PROFILES
from jobs.domain.policies import RUNGS, Quality
from jobs.domain.quality import PageSeen, Verdict

PAGE = PageSeen(ink=0.05, width_px=1654, height_px=2339)
SPECK = replace(PAGE, ink=0.0001)
DEEPSEEK, TESSERACT = PROFILES["deepseek-ocr"], PROFILES["tesseract"]
ALL = Quality(max_tries=10)
HALVES = Quality(rungs=("halves",))


def way_up(outcome, policy=ALL, *, page=PAGE, profile=DEEPSEEK, others=True):
    """The rungs of a page that is read as badly each time."""
    used: list[str] = []
    while rung := ladder.next_rung(
        Verdict(outcome, 0.1, "Bad."), Asked(page, profile, others, used=tuple(used)), policy
    ):
        used.append(rung.name)
    return used


@pytest.mark.parametrize(
    ("outcome", "rungs"),
    [
        (Outcome.LOOPING, ["ngram", "free_ocr", "temperature", "halves", "other_backend"]),
        (Outcome.EMPTY, ["free_ocr", "temperature", "halves", "other_backend"]),
        (Outcome.GARBAGE, ["free_ocr", "temperature", "halves", "other_backend"]),
        (Outcome.CUT_OFF, ["free_ocr", "halves", "other_backend"]),
        (Outcome.OK, []),
    ],
)
def test_each_fault_has_the_rungs_that_can_help(outcome, rungs):
    assert way_up(outcome) == rungs


def test_the_policy_says_how_many_which_and_in_what_order():
    assert way_up(Outcome.LOOPING, Quality(max_tries=2)) == ["ngram", "free_ocr"]
    assert way_up(Outcome.LOOPING, Quality(max_tries=0)) == []
    assert way_up(Outcome.LOOPING, Quality(rungs=("halves", "ngram"))) == ["halves", "ngram"]
    assert way_up(Outcome.LOOPING, Quality(rungs=())) == []
    assert way_up(Outcome.LOOPING, Quality(enabled=False)) == []


def test_a_model_that_is_not_steered_is_not_asked_the_same_again():
    assert way_up(Outcome.LOOPING, profile=TESSERACT) == ["halves", "other_backend"]
    assert way_up(Outcome.EMPTY, profile=TESSERACT) == ["other_backend"]
    assert way_up(Outcome.EMPTY, profile=TESSERACT, others=False) == []


def test_a_nearly_blank_page_without_text_burns_no_time():
    assert way_up(Outcome.EMPTY, page=SPECK) == ["free_ocr"]
    assert way_up(Outcome.EMPTY, page=SPECK, profile=TESSERACT) == []


@pytest.mark.parametrize("mode", ["text", "figure", "custom"])
def test_plain_text_is_no_other_way_where_it_was_asked_for_and_no_answer_to_another_question(mode):
    assert "free_ocr" not in way_up(Outcome.EMPTY, page=replace(PAGE, mode=mode))


def test_a_low_strip_is_not_cut_in_two_and_no_other_host_is_asked_where_there_is_none():
    assert way_up(Outcome.CUT_OFF, page=replace(PAGE, height_px=300), others=False) == ["free_ocr"]


def test_a_page_that_is_sent_in_halves_already_is_not_cut_again():
    rung = ladder.next_rung(Verdict(Outcome.EMPTY, 0.0, "Bad."), Asked(PAGE, DEEPSEEK, in_pieces=True), HALVES)
    assert rung is None


def test_upwards_only_though_another_fault_comes_out_on_the_way():
    rung = ladder.next_rung(Verdict(Outcome.LOOPING, 0.1, "Bad."), Asked(PAGE, DEEPSEEK, used=("free_ocr",)), ALL)
    assert rung is not None
    assert rung.name == "temperature"


@pytest.mark.parametrize(("period_words", "window"), [(0, (20, 50)), (5, (20, 50)), (60, (35, 200)), (400, (50, 500))])
def test_the_window_of_the_guard_holds_what_was_repeated(period_words, window):
    rung = ladder.next_rung(Verdict(Outcome.LOOPING, 0.1, "Bad.", period_words), Asked(PAGE, DEEPSEEK), ALL)
    assert rung is not None
    assert (rung.ngram_size, rung.window_size) == window


@pytest.mark.parametrize(
    ("name", "differs"),
    [
        ("free_ocr", {"mode": "text"}),
        ("temperature", {"temperature": ladder.TEMPERATURE}),
        ("halves", {"halves": True}),
        ("other_backend", {"elsewhere": True}),
    ],
)
def test_each_rung_changes_one_thing(name, differs):
    bad = Verdict(Outcome.EMPTY, 0.0, "Bad.")
    assert ladder.next_rung(bad, Asked(PAGE, DEEPSEEK, others=True), Quality(rungs=(name,))) == Rung(name, **differs)


@pytest.mark.parametrize("name", RUNGS)
def test_a_place_on_the_ladder_survives_the_way_into_a_row_and_back(name):
    rung = ladder.next_rung(
        Verdict(Outcome.LOOPING, 0.1, "Bad."), Asked(PAGE, DEEPSEEK, others=True), Quality(rungs=(name,))
    )
    climb = Climb(("x", name), rung, 17)
    assert ladder.from_json(ladder.as_json(climb)) == climb


@pytest.mark.parametrize("stored", [None, {}, [], "x", {"used": "x"}, {"used": [], "rung": {"name": "moon"}}])
def test_a_row_that_holds_no_place_is_on_no_ladder(stored):
    assert ladder.from_json(stored) == Climb()


def test_each_rung_has_its_words_for_staff():
    assert ladder.WORDS.keys() == set(RUNGS)
    assert all(words.endswith(".") for words in ladder.WORDS.values())


@given(
    st.sampled_from([Outcome.LOOPING, Outcome.EMPTY, Outcome.CUT_OFF, Outcome.GARBAGE]),
    st.lists(st.sampled_from(RUNGS), unique=True),
    st.integers(0, 10),
    st.sampled_from([PAGE, SPECK]),
    st.sampled_from([DEEPSEEK, TESSERACT]),
    st.booleans(),
)
def test_the_way_up_ends_within_the_limit_and_uses_no_rung_twice(outcome, rungs, limit, page, profile, others):
    used = way_up(outcome, Quality(max_tries=limit, rungs=tuple(rungs)), page=page, profile=profile, others=others)
    assert len(used) == len(set(used)) <= limit
    assert used == [name for name in rungs if name in used]
