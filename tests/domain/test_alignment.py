"""An edited text finds its boxes again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from jobs.domain.alignment import realigned
from jobs.domain.grounding import Block
from jobs.domain.rendering import to_markdown

BLOCKS = [
    Block("title", ((0, 0, 10, 10),), "# Cash"),
    Block("text", ((0, 20, 10, 30),), "The group held 41.8 m.\nOf this 3.1 m is pledged."),
    Block("image", ((0, 40, 10, 50),), ""),
    Block("text", ((0, 60, 10, 70),), "Credit lines were undrawn."),
]


def bodies(text: str) -> list[str]:
    return [block.body for block in realigned(BLOCKS, text)]


def test_an_unchanged_text_gives_every_block_its_own_words():
    text = "# Cash\n\nThe group held 41.8 m.\nOf this 3.1 m is pledged.\n\nCredit lines were undrawn."
    assert bodies(text) == [block.body for block in BLOCKS]


def test_a_corrected_line_stays_in_its_block():
    text = "# Cash\n\nThe group held 41.9 m.\nOf this 3.1 m is pledged.\n\nCredit lines were undrawn."
    assert bodies(text)[1] == "The group held 41.9 m.\nOf this 3.1 m is pledged."
    assert bodies(text)[3] == "Credit lines were undrawn."


def test_a_new_line_goes_with_the_block_before_it():
    text = "# Cash\n\nThe group held 41.8 m.\nOf this 3.1 m is pledged.\n\nCredit lines were undrawn.\n\nSigned."
    assert bodies(text)[3] == "Credit lines were undrawn.\n\nSigned."


def test_a_block_whose_words_were_deleted_keeps_its_box():
    made = realigned(BLOCKS, "# Cash\n\nCredit lines were undrawn.")
    assert [block.boxes for block in made] == [block.boxes for block in BLOCKS]
    assert made[1].body == ""


def test_a_heading_that_was_made_plain_stays_plain():
    made = realigned(BLOCKS, "Cash\n\nCredit lines were undrawn.")
    assert to_markdown(made) == "Cash\n\nCredit lines were undrawn."


def test_without_blocks_there_is_nothing_to_share_out():
    assert realigned([], "Some words.") == []


@given(st.text(alphabet="ab \n#|", max_size=80))
def test_no_word_is_lost_and_none_is_added(text):
    kept = " ".join(" ".join(bodies(text)).split())
    assert kept == " ".join(text.split())
