"""A reading beside the file's own text: only a layer that looks like writing is believed, and words alone count."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.domain import text_layer
from tests.domain.loops import prose

LAYER = prose(200)


def shifted(text: str) -> str:
    """What a font without a table of characters gives: another letter for each."""
    return "".join(chr(ord(sign) - 29) if sign.isalpha() else sign for sign in text)


@pytest.mark.parametrize(
    "layer",
    [
        "",
        "Page 3",
        " ".join(f"(cid:{number})" for number in range(300)),
        LAYER.replace("e", "\ufffd"),
        LAYER.replace("e", "\ue000"),
        " ".join(LAYER.replace(" ", "")),
        shifted(LAYER),
        "x" * 5000,
    ],
)
def test_what_is_no_writing_is_not_believed(layer):
    assert text_layer.compare(LAYER, layer) is None


@pytest.mark.parametrize(
    "layer",
    [
        LAYER,
        "Der Zug fährt über die Brücke, und die Kühe schauen müde hinüber zu den grünen Hügeln. " * 6,
        "これは日本語の文章です。駅前の図書館は月曜日に休みます。" * 5,
        "\n".join(f"{row} 12,50 3.400 17 {row * 3}" for row in range(40)),
    ],
)
def test_writing_is_believed_and_agrees_with_itself(layer):
    agreement = text_layer.compare(layer, layer)
    assert agreement is not None
    assert agreement.score == 1


def test_markdown_case_accents_ligatures_and_hyphens_make_no_difference():
    layer = prose(60) + " The oﬃce conﬁrmed the exami-\nnation of Café Größe"
    read = "# " + prose(60).upper() + " | the **office** | confirmed the examination of Cafe\u0301 größe |"
    agreement = text_layer.compare(read, layer)
    assert agreement is not None
    assert agreement.score > 0.99


def test_another_pages_text_agrees_little_and_no_text_not_at_all():
    other = text_layer.compare("Lorem ipsum dolor sit amet " * 40, LAYER)
    nothing = text_layer.compare("", LAYER)
    assert other is not None and nothing is not None
    assert other.score < 0.1
    assert (nothing.found, nothing.backed, nothing.score) == (0, 0, 0)


def test_a_text_said_twice_is_backed_by_half():
    agreement = text_layer.compare(LAYER * 2, LAYER)
    assert agreement is not None
    assert agreement.found == 1
    assert agreement.backed == pytest.approx(0.5, abs=0.01)


@given(st.text(), st.text(), st.integers(1, 60))
def test_any_two_texts_are_compared(text, layer, times):
    agreement = text_layer.compare(text * times, layer * times)
    assert agreement is None or 0 <= agreement.score <= 1
