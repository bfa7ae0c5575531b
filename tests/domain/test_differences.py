"""Two texts beside each other."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from jobs.domain import differences
from jobs.domain.differences import Piece, Row


def test_a_changed_word_is_marked_on_both_sides():
    (row,) = differences.rows("held 41.8 m", "held 41.9 m")
    assert row.left == (Piece("held "), Piece("41.8", changed=True), Piece(" m"))
    assert row.right == (Piece("held "), Piece("41.9", changed=True), Piece(" m"))


def test_a_line_that_is_only_on_one_side_leaves_the_other_empty():
    found = differences.rows("one\ntwo", "one\ntwo\nthree")
    assert found[-1] == Row(left=None, right=(Piece("three", changed=True),))


def test_long_stretches_that_are_alike_are_folded():
    same = "\n".join(f"line {n}" for n in range(40))
    found = differences.rows(same + "\nend", same + "\nEnd")
    assert found[0] == Row(folded=38)
    assert differences.changes(found) == 1


def test_equal_texts_have_no_changes():
    assert differences.changes(differences.rows("a\n\nb", "a\nb")) == 0


def test_a_looping_page_is_compared_in_no_time():
    loop = "\n".join(["the same line"] * 4000)
    assert differences.changes(differences.rows(loop, loop + "\nand an end")) == 1


LINES = st.lists(st.text(alphabet="ab ", min_size=1, max_size=6).filter(str.strip), max_size=12)


@given(LINES, LINES)
def test_every_line_stands_on_its_side(old, new):
    found = differences.rows("\n".join(old), "\n".join(new))
    folded = sum(row.folded for row in found)
    assert sum(row.left is not None for row in found) + folded == len(old)
    assert sum(row.right is not None for row in found) + folded == len(new)
