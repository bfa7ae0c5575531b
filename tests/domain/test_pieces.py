"""A page in halves: where it is cut, and how it is put together."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.domain.chat import Reply
from jobs.domain.grounding import Block
from jobs.domain.pieces import blocks_joined, replies_joined, seam


def page(*bands):
    """Rows of ink from (ink, rows) pairs."""
    return [ink for ink, rows in bands for _ in range(rows)]


def test_the_cut_lies_in_the_middle_of_the_white_band_nearest_to_the_middle():
    ink = page((9, 400), (0, 30), (9, 50), (0, 20), (9, 100), (0, 20), (9, 380))
    assert 480 <= seam(ink) < 500


def test_a_gap_between_paragraphs_is_better_than_one_between_lines():
    ink = page((9, 440), (0, 40), (9, 15), (0, 3), (9, 15), (0, 3), (9, 484))
    assert 440 <= seam(ink) < 480


def test_without_a_white_band_it_is_cut_where_it_shows_least():
    ink = page((9, 560), (4, 10), (9, 430))
    assert 560 <= seam(ink) < 570


def test_white_far_from_the_middle_does_not_count():
    ink = page((0, 300), (9, 700))
    assert 350 <= seam(ink) <= 650


@given(st.lists(st.integers(0, 5), min_size=2, max_size=300))
def test_any_page_of_two_rows_has_two_halves(ink):
    assert 0 < seam(ink) < len(ink)


def test_one_row_has_none():
    with pytest.raises(ValueError, match="no halves"):
        seam([3])


def test_blocks_of_the_lower_half_move_down_and_keep_their_order():
    top = [Block("title", ((1, 2, 3, 4),), "A")]
    bottom = [Block("text", ((5, 6, 7, 8), (1, 1, 2, 2)), "B"), Block("text", (), "C")]
    assert blocks_joined([(0, top), (1000, bottom)]) == [
        top[0],
        Block("text", ((5, 1006, 7, 1008), (1, 1001, 2, 1002)), "B"),
        bottom[1],
    ]


def test_two_replies_are_one_with_the_worst_of_both_ends():
    joined = replies_joined([Reply("A", "length", 900, 10), Reply("B", "stop", 800, None)])
    assert joined == Reply("A\n\nB", "length", 1700, 10)
    assert replies_joined([Reply("A", "stop", None, None)] * 2) == Reply("A\n\nA", "stop", None, None)
    assert replies_joined([Reply("A", "stop", 1, 1), Reply("B", "repetition", 1, 1)]).finish_reason == "repetition"
