"""What loops is found, in a whole text and in a stream; what only looks so is left alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.domain import repetition
from tests.domain.loops import HONEST, LOOPS, prose

# Found only at the end of a text, since they say nothing before: by compression, by their lines.
NOT_WHILE_IT_STREAMS = {"lines in any order", "a changing letter"}


@pytest.mark.parametrize("name", LOOPS)
def test_a_loop_is_found(name):
    loop = repetition.find_loop(LOOPS[name])
    assert loop is not None
    assert 0 <= loop.clean <= 1


@pytest.mark.parametrize("name", HONEST)
def test_what_rightly_repeats_is_no_loop(name):
    assert repetition.find_loop(HONEST[name]) is None


@pytest.mark.parametrize("name", sorted(LOOPS.keys() - NOT_WHILE_IT_STREAMS))
@pytest.mark.parametrize("size", [1, 7, 300])
def test_a_loop_is_found_while_it_streams_and_long_before_a_host_would_stop(name, size):
    watch = repetition.Watch()
    endless = LOOPS[name] * 3
    seen = next(i for i in range(0, len(endless), size) if watch.feed(endless[i : i + size]))
    assert seen < len(LOOPS[name]) + 3000


@pytest.mark.parametrize("name", HONEST)
def test_a_stream_of_honest_text_goes_on_to_its_end(name):
    watch = repetition.Watch()
    for sign in HONEST[name]:
        assert not watch.feed(sign)
    assert not watch.finish()


def test_a_text_cut_at_the_limit_needs_less_to_be_called_a_loop():
    text = prose(200) + " and so on and so on and so on and so on and so on" + " and so on" * 25
    assert repetition.find_loop(text) is None
    assert repetition.find_loop(text, cut=True) is not None


def test_a_cut_text_that_merely_ends_is_no_loop():
    assert repetition.find_loop(prose(900), cut=True) is None


def test_a_loop_tells_how_long_its_part_is_and_what_stands_before():
    loop = repetition.find_loop(prose(100, 9) + " alpha beta gamma delta epsilon" * 100)
    assert loop is not None
    assert loop.period_words == 5
    assert 0.1 < loop.clean < 0.25


def test_boxes_are_no_numbers_that_make_a_difference():
    plain = repetition.find_loop((prose(30) + "\n\n") * 8)
    boxed = repetition.find_loop(LOOPS["a paragraph, its boxes moving on"])
    assert plain is not None and boxed is not None


@given(st.text(alphabet=st.sampled_from("ab 0-9<>|ref/det[],.\n漢ü\u2212"), max_size=600), st.integers(1, 50))
def test_pieces_make_no_difference(text, size):
    whole, pieces = repetition.Watch(), repetition.Watch()
    whole.feed(text)
    for start in range(0, len(text), size):
        pieces.feed(text[start : start + size])
    assert whole.finish() == pieces.finish()
    assert whole.words == pieces.words


@given(st.text(), st.integers(1, 400), st.booleans())
def test_any_text_however_often_repeated_gets_an_answer(text, times, cut):
    loop = repetition.find_loop(text * times, cut=cut)
    assert loop is None or 0 <= loop.clean <= 1


@pytest.mark.parametrize("filler", ["word ", "<", "<|det|>[[1, 2, ", "x", "1 ", "漢", ". "])
def test_each_character_costs_the_same_however_many_came(filler, monkeypatch):
    looked_at = {"characters": 0}
    end = repetition._before_open_tag

    def counted(text):
        looked_at["characters"] += len(text)
        return end(text)

    monkeypatch.setattr(repetition, "_before_open_tag", counted)

    def cost(characters):
        looked_at["characters"] = 0
        watch = repetition.Watch()
        for sign in (filler * characters)[:characters]:
            watch.feed(sign)
        return looked_at["characters"]

    assert cost(40_000) <= 4 * cost(10_000) + 10_000
    assert cost(40_000) <= 6 * 40_000
