from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.domain import chat
from jobs.domain.grounding import Block, parse
from jobs.domain.rendering import Figure, blocks_as_json, blocks_from_json, in_parts, to_markdown, to_text
from tests.recordings import recorded


def blocks(*pairs):
    return [Block(label, (), body) for label, body in pairs]


def page():
    return parse(chat.parse_reply(recorded("scripted_page").json()).text, 1240, 1754)


def test_a_recorded_page_becomes_markdown():
    assert to_markdown(page()) == (
        "# Example page\n\n"
        "The quick brown fox jumps over the lazy dog. Größe, naïve, 漢字, emoji 🦊 and x < y & z.\n\n"
        "| A | B |\n| --- | --- |\n| 1 | 2 |"
    )


def test_a_recorded_page_becomes_text():
    assert to_text(page()) == (
        "Example page\n\n"
        "The quick brown fox jumps over the lazy dog. Größe, naïve, 漢字, emoji 🦊 and x < y & z.\n\n"
        "A\tB\n1\t2"
    )


@pytest.mark.parametrize(
    ("label", "body", "markdown"),
    [
        ("title", "Report", "# Report"),
        ("title", "# Report", "# Report"),
        ("sub_title", "1 Introduction", "## 1 Introduction"),
        ("sub_title", "## 1 Introduction", "## 1 Introduction"),
        ("image", "", ""),
        ("image_caption", "<center>Figure 1: Results. </center>", "Figure 1: Results."),
        ("equation", "\\[E = mc^2 \\qquad (3)\\]", "\\[E = mc^2 \\qquad (3)\\]"),
        ("text", "a\n\n\n\nb", "a\n\nb"),
        ("table", "<table></table>", ""),
        ("table", '<table><tr><td rowspan="2">a</td></tr></table>', '<table><tr><td rowspan="2">a</td></tr></table>'),
        ("table_caption", "Table 1\n<table><tr><td>a</td></tr></table>\nNote", "Table 1\n\n| a |\n| --- |\n\nNote"),
        ("table", "<table><tr><td>a</td><td>cut", "| a | cut |\n| --- | --- |"),
    ],
)
def test_each_kind_of_block_in_markdown(label, body, markdown):
    assert to_markdown(blocks((label, body))) == markdown


def test_nested_tables_stay_as_they_are_in_markdown_and_lose_their_tags_in_text():
    nested = "<table><tr><td>a<table><tr><td>b</td></tr></table></td></tr></table>"
    assert to_markdown(blocks(("table", nested))) == nested
    assert to_text(blocks(("table", nested))) == "ab"


@pytest.mark.parametrize(
    ("body", "text"),
    [("# A\n## B\nno # mark", "A\nB\nno # mark"), ("a<br>b", "a\nb"), ("x <y> z", "x <y> z"), ("\\(a\\)", "\\(a\\)")],
)
def test_text_is_without_marks(body, text):
    assert to_text(blocks(("text", body))) == text


def test_no_blocks_are_no_text():
    assert (to_markdown([]), to_text([]), blocks_as_json([])) == ("", "", [])


NUMBERS = st.integers(0, 5000)
BLOCKS = st.builds(
    Block, st.text(max_size=10), st.lists(st.tuples(*[NUMBERS] * 4), max_size=3).map(tuple), st.text(max_size=60)
)


@given(st.lists(BLOCKS, max_size=5))
def test_json_gives_the_same_blocks_back(given_blocks):
    stored = json.loads(json.dumps(blocks_as_json(given_blocks)))
    assert blocks_from_json(stored) == given_blocks


@pytest.mark.parametrize(
    "stored", [[{}], [{"label": "a", "boxes": [[1, 2]], "body": ""}], [{"label": "a", "boxes": 1}]]
)
def test_json_of_another_kind_is_an_error(stored):
    with pytest.raises((KeyError, TypeError, ValueError)):
        blocks_from_json(stored)


SCRAPS = ["<table>", "</table>", "<tr>", "<td>", "</td>", "w", " ", "\n", "|", "#", "\\(", "\\)", "<"]


@given(st.lists(st.sampled_from(SCRAPS)).map("".join))
def test_no_word_is_lost_whatever_a_body_holds(body):
    for made in (to_markdown(blocks(("table", body))), to_text(blocks(("text", body)))):
        assert made.count("w") == body.count("w")


def test_figures_stand_between_the_words_each_box_one_of_its_own():
    given_blocks = [
        Block("title", (), "Report"),
        Block("image", ((0, 0, 10, 10), (20, 0, 30, 10)), ""),
        Block("image", ((5, 5, 5, 9),), ""),
        Block("image_caption", ((0, 11, 10, 12),), "Figure 1"),
        Block("chart", ((0, 20, 10, 30),), "a | b"),
        Block("text", (), "End."),
    ]
    assert in_parts(given_blocks) == [
        "# Report",
        Figure(1, (0, 0, 10, 10)),
        Figure(2, (20, 0, 30, 10)),
        "Figure 1",
        Figure(3, (0, 20, 10, 30)),
        "a | b\n\nEnd.",
    ]


@given(st.lists(BLOCKS, max_size=6))
def test_with_figures_or_without_the_words_are_the_same(given_blocks):
    words = [part for part in in_parts(given_blocks) if isinstance(part, str)]
    assert "\n\n".join(words) == to_markdown(given_blocks)
