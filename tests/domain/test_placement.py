"""Words in their lines, with ink and without; whatever is given, no word is lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.domain import placement
from jobs.domain.placement import InkLine, place


def texts(words):
    return [word.text for word in words]


def test_without_ink_words_stand_in_lines_over_the_box():
    text = "one two three four five six seven eight nine ten"
    words = place(text, [(100, 200, 300, 300)])
    assert texts(words) == text.split()
    lines = sorted({word.baseline for word in words})
    assert len(lines) > 1
    assert all(100 <= word.left < word.right <= 300.01 for word in words)
    assert all(200 < baseline <= 300 for baseline in lines)


def test_lines_of_the_text_are_lines_of_the_box():
    words = place("a\nb\nc", [(0, 0, 1000, 60)])
    assert len({word.baseline for word in words}) == 3


def test_ink_tells_lines_and_gaps_tell_words():
    first = InkLine(10, 20, ((100, 108), (110, 140), (155, 190)))
    second = InkLine(30, 40, ((100, 150),))
    words = place("wide words more", [(100, 10, 190, 40)], [first, second])
    assert [(word.left, word.right) for word in words] == [(100, 140), (155, 190), (100, 150)]


def test_a_blank_between_two_cells_belongs_to_no_word():
    row = InkLine(0, 10, ((0, 8), (10, 20), (22, 40), (300, 310), (312, 330), (600, 640)))
    words = place("one two three", [(0, 0, 640, 10)], [row])
    assert [(word.left, word.right) for word in words] == [(0, 40), (300, 330), (600, 640)]


def test_the_size_of_the_print_follows_from_its_letters():
    ink = InkLine(0, 93, ((0, 200),))
    (deep,) = place("Type", [(0, 0, 200, 93)], [ink])
    (flat,) = place("Teal", [(0, 0, 200, 93)], [ink])
    assert deep.size == pytest.approx(100) and deep.baseline == pytest.approx(72)
    assert flat.baseline == 93 and flat.size == pytest.approx(93 / 0.72)


@pytest.mark.parametrize(
    "ink",
    [
        [InkLine(95, 97, ((0, 200),))],  # a rule at the bottom of the box
        [InkLine(n, n + 1, ((0, 200),)) for n in range(0, 90, 2)],  # a picture
    ],
)
def test_ink_that_cannot_be_the_text_is_left_alone(ink):
    assert place("a few words", [(0, 0, 200, 100)], ink) == place("a few words", [(0, 0, 200, 100)])


def test_several_boxes_share_the_words_in_their_order():
    words = place("one two three four", [(0, 0, 100, 20), (500, 0, 600, 20)])
    assert words[0].right <= 100 and words[-1].left >= 500


@pytest.mark.parametrize(("text", "boxes"), [("", [(0, 0, 9, 9)]), ("words", []), ("words", [(5, 5, 5, 9)])])
def test_nothing_is_placed_nowhere(text, boxes):
    assert place(text, boxes) == []


EDGES = st.integers(0, 3000)
BOXES = st.lists(st.tuples(EDGES, EDGES, EDGES, EDGES), min_size=1, max_size=4)


@st.composite
def ink_lines(draw):
    lines, top = [], 0
    for _ in range(draw(st.integers(0, 6))):
        top += draw(st.integers(0, 30))
        bottom = top + draw(st.integers(1, 40))
        edges = sorted(draw(st.sets(st.integers(0, 900), min_size=2, max_size=20)))
        strokes = tuple(zip(edges[::2], edges[1::2], strict=False))
        lines.append(InkLine(top, bottom, strokes))
        top = bottom
    return lines


@given(st.text(alphabet="ab Wi\n漢,.", max_size=120), BOXES, ink_lines())
def test_no_word_is_lost_whatever_ink_and_boxes_say(text, boxes, ink):
    words = place(text, boxes, ink)
    if any(x2 > x1 and y2 > y1 for x1, y1, x2, y2 in boxes):
        assert texts(words) == text.split()
    assert all(word.size > 0 for word in words)


def test_time_grows_with_the_words_not_with_their_square(monkeypatch):
    calls = []
    misfit = placement._misfit
    monkeypatch.setattr(placement, "_misfit", lambda *args: calls.append(1) or misfit(*args))
    counts = []
    for size in (500, 2000):
        calls.clear()
        place("word " * size, [(0, 0, 1000, size)])
        counts.append(len(calls))
    assert counts[1] < counts[0] * 5
