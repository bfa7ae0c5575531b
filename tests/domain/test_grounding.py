from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.domain import chat
from jobs.domain.grounding import Block, parse
from tests.patience import at_most
from tests.recordings import recorded

REF, END, DET, FIN = "<|ref|>", "<|/ref|>", "<|det|>", "<|/det|>"


def tag(label, boxes="[[0, 0, 999, 999]]"):
    return f"{REF}{label}{END}{DET}{boxes}{FIN}"


def read(raw, width=999, height=999):
    return parse(raw, width, height)


def test_a_recorded_page_is_read():
    raw = chat.parse_reply(recorded("scripted_page").json()).text
    title, text, table = parse(raw, 1240, 1754)
    assert title == Block("title", ((136, 70, 868, 158),), "# Example page")
    assert text.body.endswith("emoji 🦊 and x < y & z.")
    assert table.label == "table"
    assert table.body == "<table><tr><td>A</td><td>B</td></tr><tr><td>1</td><td>2</td></tr></table>"


def test_a_recorded_page_without_its_special_tokens_gives_the_same_blocks():
    bare = chat.parse_reply(recorded("scripted_page_skip_special_true").json()).text
    tagged = chat.parse_reply(recorded("scripted_page").json()).text
    assert parse(bare, 1240, 1754) == parse(tagged, 1240, 1754)


def test_a_recorded_page_that_was_cut_keeps_what_it_has():
    raw = chat.parse_reply(recorded("scripted_page_cut_at_20").json()).text
    assert read(raw) == [Block("title", ((110, 40, 700, 90),), "#")]


@pytest.mark.parametrize(("raw", "body"), [("Just text.\n\nMore. ", "Just text.\n\nMore."), ("x < y | z", "x < y | z")])
def test_text_without_tags_is_one_block(raw, body):
    assert read(raw) == [Block("text", (), body)]


@pytest.mark.parametrize("raw", ["", "  \n ", "<｜end▁of▁sentence｜>"])
def test_nothing_gives_no_block(raw):
    assert read(raw) == []


def test_special_tokens_are_stripped_and_look_alikes_stay():
    raw = "<｜begin▁of▁sentence｜><|grounding|>a <| b |> c<｜end▁of▁sentence｜>"
    assert read(raw) == [Block("text", (), "a <| b |> c")]


def test_text_before_the_first_tag_is_kept():
    assert [block.body for block in read("Lead\n" + tag("text") + "\nBody")] == ["Lead", "Body"]


def test_an_image_has_a_box_and_no_body():
    raw = tag("image", "[[131, 620, 863, 840]]") + "\n" + tag("image_caption") + "\n<center>Figure 1</center>  "
    assert read(raw) == [
        Block("image", ((131, 620, 863, 840),), ""),
        Block("image_caption", ((0, 0, 999, 999),), "<center>Figure 1</center>"),
    ]


def test_a_table_under_its_caption_goes_to_its_own_block_and_the_words_keep_their_order():
    raw = (
        tag("table", "[[167, 431, 828, 535]]") + "\n"
        + tag("table_caption", "[[115, 386, 881, 420]]")
        + "\nTable 1 | Modes.   \n\n<table><tr><td>A</td></tr></table>\n\n"
        + tag("text") + "\nAfter"
    )  # fmt: skip
    caption, table, after = read(raw)
    assert caption == Block("table_caption", ((115, 386, 881, 420),), "Table 1 | Modes.")
    assert table == Block("table", ((167, 431, 828, 535),), "<table><tr><td>A</td></tr></table>")
    assert after.body == "After"


def test_a_table_that_has_its_body_is_left_with_it():
    raw = tag("table") + "\n<table><tr><td>A</td></tr></table>\n" + tag("table_caption") + "\nTable 1"
    assert [block.label for block in read(raw)] == ["table", "table_caption"]


def test_several_boxes_belong_to_one_block():
    assert read(tag("text", "[[1, 2, 3, 4], [5, 6, 7, 8]]") + "x")[0].boxes == ((1, 2, 3, 4), (5, 6, 7, 8))


@pytest.mark.parametrize(
    ("boxes", "expected"),
    [
        ("[[0, 0, 999, 999]]", ((0, 0, 2000, 1000),)),
        ("[[1, 1, 2, 2]]", ((2, 1, 4, 2),)),
        ("[[500,500,500,500]]", ((1001, 500, 1001, 500),)),
        ("[[900, 900, 100, 100]]", ((200, 100, 1801, 900),)),
        ("[[-5, 0, 5000, 1200]]", ((0, 0, 2000, 1000),)),
        ("[ [ 1 , 1 , 2 , 2 ] ]", ((2, 1, 4, 2),)),
        ("[1, 1, 2, 2]", ((2, 1, 4, 2),)),
        ("[[1, 2, 3]]", ()),
        ("[[1, 2, 3, 4, 5]]", ()),
        ("[[9999999999999999999, 1, 2, 3]]", ()),
        ("[]", ()),
        ("", ()),
    ],
)
def test_coordinates_are_scaled_clamped_and_set_upright(boxes, expected):
    assert parse(tag("text", boxes) + "x", 2000, 1000) == [Block("text", expected, "x")]


@pytest.mark.parametrize("size", [(0, 0), (1, 1), (-5, 10)])
def test_odd_image_sizes_do_no_harm(size):
    assert parse(tag("text") + "x", *size)[0].body == "x"


def test_code_in_the_place_of_coordinates_is_text_and_never_run():
    assert read(tag("text", "__import__('os').abort()") + "x") == [Block("text", (), "__import__('os').abort()x")]


@pytest.mark.parametrize("label", ["stamp", "music_score", "chart"])
def test_unknown_labels_are_kept(label):
    assert read(tag(label) + "\nbody") == [Block(label, ((0, 0, 999, 999),), "body")]


def test_labels_that_hold_the_text_become_bodies():
    raw = "\n".join(tag(words) for words in ("Invoice No. 7", "total", "table", "漢字"))
    assert [(block.label, block.body) for block in read(raw)] == [
        ("text", "Invoice No. 7"), ("text", "total"), ("text", "table"), ("text", "漢字"),
    ]  # fmt: skip


def test_a_label_that_is_a_sentence_is_not_lost_beside_a_body():
    assert read(tag("Hello World!") + "\nbody") == [Block("text", ((0, 0, 999, 999),), "Hello World!\nbody")]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (f"{REF}ta", [("table", "")]),
        (f"{REF}", []),
        (f"{REF}table{END}", [("table", "")]),
        (f"{REF}text{END}{DET}[[1, 2, 3", [("text", "")]),
        (f"{REF}title{END}{DET}[[1, 2, 3, 4]]\n# 2024 report", [("title", "# 2024 report")]),
        (f"{REF}text{END}{DET}[[1, 2, 3, 4]] 7 days [1, 2, 3, 4]", [("text", "7 days [1, 2, 3, 4]")]),
        (f"{REF}text{END}\nno boxes", [("text", "no boxes")]),
        (f"{REF}text{DET}[[1, 2, 3, 4]]{FIN}body", [("text", "body")]),
        (f"{REF}an unclosed tag\nwith text", [("text", "an unclosed tag\nwith text")]),
        (f"a{END}b{FIN}c", [("text", "abc")]),
        (f"a{DET}[[1, 2, 3, 4]]{FIN}b", [("text", "a"), ("text", "b")]),
        (f"{REF}{REF}text{END}x", [("text", "x")]),
        ("body <|re", [("text", "body")]),
        ("body <|/det|", [("text", "body")]),
        ("a <b", [("text", "a <b")]),
    ],
)
def test_broken_and_cut_tags_lose_no_text(raw, expected):
    assert [(block.label, block.body) for block in read(raw)] == expected


@pytest.mark.parametrize("raw", ["<table><tr><td>A</td><td>B", "<table>"])
def test_a_table_that_was_cut_is_kept_as_it_is(raw):
    assert read(tag("table") + "\n" + raw)[0].body == raw


PIECES = st.lists(
    st.one_of(
        st.sampled_from(
            [REF, END, DET, FIN, "<|", "|>", "<", "[[1, 2, 3, 4]]", "[", "]", ",", " ", "\n", "7", "text", "table",
             "<table><tr><td>", "</table>", "table_caption", "title[[1, 2, 3, 4]]\n", "<｜end▁of▁sentence｜>"]
        ),
        st.text(max_size=8),
    ),
    max_size=30,
)  # fmt: skip


@given(PIECES.map("".join))
def test_any_string_gives_blocks_and_every_letter_is_still_there(raw):
    blocks = parse(raw, 1240, 1754)
    found = "".join(block.label + block.body for block in blocks)
    told = re.sub(
        r"<｜[^｜<>\n]{1,40}｜>|<\|grounding\|>|<\|/?(?:ref|det)\|>|<\|/?(?:r|re|ref|d|de|det)?\|?\Z", "", raw
    )
    letters = [sign for sign in told if sign.isalpha()]
    assert not [sign for sign in set(letters) if letters.count(sign) > found.count(sign)]
    for block in blocks:
        assert block.body == block.body.strip()
        assert all(0 <= x1 <= x2 <= 1240 and 0 <= y1 <= y2 <= 1754 for x1, y1, x2, y2 in block.boxes)


@given(st.lists(st.tuples(st.sampled_from(["text", "title", "image"]), st.text("ab1[],. \n", max_size=30)), max_size=8))
def test_bodies_under_proper_tags_come_back_whole(pairs):
    raw = "\n".join(tag(label) + "\n" + body for label, body in pairs)
    assert [(block.label, block.body) for block in read(raw)] == [(label, body.strip()) for label, body in pairs]


@pytest.mark.parametrize(
    "unit",
    [
        REF,
        DET,
        END,
        REF + "a",
        DET + "[",
        "[",
        "[[1,",
        "[ ",
        "<|",
        "<｜a",
        "title[[1,",
        "title[[\n",
        " ",
        DET + "[[1, 2, 3, 4]] ",
    ],
)
def test_monstrous_input_takes_linear_time(unit):
    with at_most(seconds=60):  # half a second; quadratic work would take an hour
        parse(unit * (1_000_000 // len(unit)), 1000, 1000)
