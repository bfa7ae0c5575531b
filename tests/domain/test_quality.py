"""The verdict on a reading: what was wrong with it, how good it is beside others, and a sentence for staff."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.domain import grounding, quality, rendering
from jobs.domain.failures import Outcome
from jobs.domain.quality import PageSeen
from tests.domain.loops import HONEST, LOOPS, prose, tagged

PAGE = PageSeen(ink=0.05, width_px=1654, height_px=2339)
PICTURE = "<|ref|>image<|/ref|><|det|>[[0, 0, 999, 999]]<|/det|>\n"


def judged(raw, finish_reason="stop", page=PAGE):
    blocks = grounding.parse(raw, 1654, 2339)
    return quality.judge(raw, rendering.to_markdown(blocks), blocks, finish_reason, page)


@pytest.mark.parametrize(
    ("raw", "finish_reason", "outcome", "reason"),
    [
        (tagged("Good morning.", 0), "stop", Outcome.OK, ""),
        (prose(300), "stop", Outcome.OK, ""),
        (prose(300), "length", Outcome.CUT_OFF, quality.CUT_OFF),
        (prose(300), "repetition", Outcome.LOOPING, quality.LOOPING),
        (LOOPS["one line"], "stop", Outcome.LOOPING, quality.REPEATS),
        (LOOPS["one line"], "length", Outcome.LOOPING, quality.REPEATS),
        ("", "stop", Outcome.EMPTY, quality.EMPTY),
        (" \n\n ", "stop", Outcome.EMPTY, quality.EMPTY),
        ("| | |\n|---|---|\n", "stop", Outcome.EMPTY, quality.EMPTY),
        (PICTURE, "stop", Outcome.EMPTY, quality.ONLY_A_PICTURE),
        (PICTURE * 400, "stop", Outcome.EMPTY, quality.ONLY_A_PICTURE),
        (PICTURE + tagged("Figure 1", 40), "stop", Outcome.OK, ""),
        (PICTURE * 400, "length", Outcome.CUT_OFF, quality.CUT_OFF),
    ],
)
def test_a_reading_gets_its_verdict(raw, finish_reason, outcome, reason):
    verdict = judged(raw, finish_reason)
    assert (verdict.outcome, verdict.reason, verdict.good) == (outcome, reason, outcome is Outcome.OK)


@pytest.mark.parametrize("name", sorted(HONEST.keys() - {"nothing", "an empty table", "a ruled page"}))
def test_what_rightly_repeats_is_a_good_reading(name):
    assert judged(HONEST[name]).good


def test_more_text_than_a_nearly_blank_page_can_hold_was_made_up():
    speck = PageSeen(ink=0.0001, width_px=1654, height_px=2339)
    assert judged("7", page=speck).good
    assert judged("- 12 -", page=speck).good
    assert judged(prose(300), page=speck).outcome is Outcome.GARBAGE
    assert judged(prose(300), page=speck).reason == quality.TOO_MUCH
    assert judged(prose(300), page=PageSeen(ink=None)).good


def test_an_answer_to_a_question_about_a_page_is_not_measured_against_it():
    faint = PageSeen(ink=0.0001, width_px=1654, height_px=2339, mode="custom", layer=prose(200, 5))
    assert judged("It shows a lighthouse by the sea. " + prose(40), page=faint).good


def test_a_reading_far_off_the_files_own_text_is_doubted_and_a_close_one_is_not():
    with_layer = PageSeen(ink=0.05, width_px=1654, height_px=2339, layer=prose(200))
    wrong = judged("Lorem ipsum dolor sit amet consectetur " * 4, page=with_layer)
    assert (wrong.outcome, wrong.reason) == (Outcome.GARBAGE, quality.FAR_OFF)
    right = judged(tagged(prose(200), 30), page=with_layer)
    assert right.good
    assert right.score > 0.95


def test_a_layer_that_is_garbage_convicts_nobody():
    garbage = PageSeen(ink=0.05, width_px=1654, height_px=2339, layer="(cid:12) \ufffd " * 300)
    assert judged(prose(200), page=garbage).good


def test_what_the_file_itself_repeats_is_no_loop():
    sheet = "Stadtwerke Bad Homburg\nPostfach 1234\n" * 80
    assert judged(sheet).outcome is Outcome.LOOPING
    assert judged(sheet, page=PageSeen(ink=0.05, layer=sheet)).good


def test_readings_of_one_page_are_told_apart_by_their_scores():
    good, cut, late_loop, early_loop, wrong, empty = (
        judged(prose(300)),
        judged(prose(300), "length"),
        judged(prose(900) + "\n" + "the same line again\n" * 60),
        judged(LOOPS["one line"]),
        judged(prose(300), page=PageSeen(ink=0.0001, width_px=1654, height_px=2339)),
        judged(""),
    )
    scores = [verdict.score for verdict in (good, cut, late_loop, early_loop, wrong, empty)]
    assert scores == sorted(scores, reverse=True)
    assert (scores[0], scores[-1]) == (1, 0)


def test_where_the_file_has_its_own_text_the_more_of_it_is_read_the_better():
    page = PageSeen(ink=0.05, layer=prose(300))
    half, most = judged(prose(150), "length", page), judged(prose(280), "length", page)
    assert half.score < most.score < judged(prose(300), page=page).score


def test_with_the_gate_off_only_the_hosts_own_words_count():
    assert quality.as_told(LOOPS["one line"], "stop").good
    assert quality.as_told("text", "length").outcome is Outcome.CUT_OFF
    assert quality.as_told("text", "repetition").outcome is Outcome.LOOPING
    assert quality.as_told(" ", "stop").reason == quality.EMPTY


@given(
    st.text(),
    st.sampled_from(["stop", "length", "repetition", "abort", ""]),
    st.none() | st.text(),
    st.none() | st.floats(0, 1),
    st.integers(1, 300),
)
def test_any_reply_to_any_page_gets_a_verdict(raw, finish_reason, layer, ink, times):
    page = PageSeen(ink=ink, width_px=100, height_px=100, layer=layer)
    verdict = judged(raw * times, finish_reason, page)
    assert 0 <= verdict.score <= 1
    assert verdict.good == (verdict.reason == "")
