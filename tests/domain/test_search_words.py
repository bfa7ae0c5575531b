"""Words as the indexes hold them, questions as people type them, and the snippets that answer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.domain.search_words import MAX_INDEXED_BYTES, Question, Term, indexed, question, words_of
from jobs.domain.snippets import LENGTH, snippet


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Invoice No. 4711", "invoice no 4711"),
        ("Hafenstraße ÜBER Café", "hafenstrasse uber cafe"),
        ("Cafe\u0301 re\u0301sume\u0301", "cafe resume"),
        ("Łódź, Ærø, Đorđe, İstanbul", "lodz aero dorde istanbul"),
        ("snake_case co-operate 12.50 a/b x@y.org", "snake case co operate 12 50 a b x y org"),
        ("x² ½ ﬁne Ⅷ", "x2 1 2 fine viii"),
        ("中文OCR测试", "中 文 ocr 测 试"),
        ("한국어 문서", "한국어 문서"),
        ("<table><tr><td>Total</td><td>5&nbsp;&euro;</td></tr></table>", "total 5"),
        ("a < b and c > d, <not a tag>", "a b and c d not a tag"),
        ("# Title\n\n| a | b |\n|---|---|", "title a b"),
        ("", ""),
        ("Ǣ ǽ ǿ", "ae ae o"),
        ("A㊀b ヿ", "a 一 b コ ト"),
        ("…!?*", ""),
    ],
)
def test_a_text_is_indexed_as_its_folded_words(text: str, folded: str) -> None:
    assert indexed(text) == folded


@given(st.text())
def test_a_folded_word_is_letters_and_digits_alone_and_folds_to_itself(text: str) -> None:
    for word in words_of(text):
        assert word.folded
        assert not set(word.folded) & set("'\"\\:*&|!()<>_- \x00")
        assert [again.folded for again in words_of(word.folded)] == [word.folded]


def test_a_word_knows_where_it_stood() -> None:
    text = "Über 中文 uns"
    assert [text[word.start : word.end] for word in words_of(text)] == ["Über", "中", "文", "uns"]


@pytest.mark.parametrize("text", ["word " * 70_000, "".join(f"w{n} " for n in range(60_000)), "字" * 90_000])
def test_what_an_index_could_not_hold_is_cut_between_words(text: str) -> None:
    kept = indexed(text)
    assert MAX_INDEXED_BYTES - 20 < len(kept.encode()) <= MAX_INDEXED_BYTES
    assert kept.split()[-1] in {word.folded for word in words_of(text)}


def said(typed: str) -> tuple[list[str], list[str]]:
    asked = question(typed)
    return [_shown(term) for term in asked.wanted], [_shown(term) for term in asked.unwanted]


def _shown(term: Term) -> str:
    return "+".join(term.words) + ("*" if term.begins else "")


@pytest.mark.parametrize(
    ("typed", "wanted", "unwanted"),
    [
        ("rent contract", ["rent", "contract"], []),
        ('"net amount" due', ["net+amount", "due"], []),
        ("“net amount”", ["net+amount"], []),
        ("„Miete“", ["miete"], []),
        ("contr*", ["contr*"], []),
        ("co-oper*", ["co+oper*"], []),
        ("c*", ["c"], []),
        ("rent -draft", ["rent"], ["draft"]),
        ('rent -"first draft"', ["rent"], ["first+draft"]),
        ("rent -dra*", ["rent"], ["dra*"]),
        ('"never closed', ["never+closed"], []),
        ("C++ & 12.50", ["c", "12+50"], []),
        ("AND OR NOT NEAR(a b)", ["and", "or", "not", "near+a", "b"], []),
        ("words:secret ^a {x}", ["words+secret", "a", "x"], []),
        ("北京市", ["北+京+市"], []),
        ("-", [], []),
        ('"', [], []),
        ('""', [], []),
        ("-draft", [], ["draft"]),
        ("  ", [], []),
    ],
)
def test_a_question_is_read_as_it_is_meant(typed: str, wanted: list[str], unwanted: list[str]) -> None:
    assert said(typed) == (wanted, unwanted)


def test_a_question_without_a_wanted_word_asks_nothing() -> None:
    assert not question("-draft").asks
    assert question("rent -draft").asks


@given(st.text())
def test_anything_can_be_typed(typed: str) -> None:
    asked = question(typed)
    assert len(asked.wanted) + len(asked.unwanted) <= 12
    snippet(typed, asked)


def told(text: str, typed: str) -> str:
    return "".join(f"[{part.text}]" if part.found else part.text for part in snippet(text, question(typed)))


@pytest.mark.parametrize(
    ("text", "typed", "shown"),
    [
        ("The rent is due.", "rent", "The [rent] is due."),
        ("Die Hafenstraße 12", "HAFENSTRASSE", "Die [Hafenstraße] 12"),
        ("the café opens", "cafe", "the [café] opens"),
        ("one two three two", '"two three"', "one [two] [three] two"),
        ("invoices and invoicing", "invoic*", "[invoices] and [invoicing]"),
        ("cat concatenate cat", "cat", "[cat] concatenate [cat]"),
        ("# Rent\n\n| **due** | now |", "due", " Rent [due] now "),
        ("<td>rent</td><td>5 &lt; 6</td>", "rent", " [rent] 5 < 6 "),
        ("北京市的文件", "京市", "北[京][市]的文件"),
        ("nothing of it", "elsewhere", "nothing of it"),
    ],
)
def test_a_snippet_marks_the_words_asked_for(text: str, typed: str, shown: str) -> None:
    assert told(text, typed) == shown


def test_a_snippet_stands_around_the_densest_place() -> None:
    text = "rent once. " + "filler words here " * 60 + "the rent contract of rent and contract " + "more filler " * 60
    shown = told(text, "rent contract")
    assert shown.startswith("… ")
    assert shown.endswith(" …")
    assert "[rent] [contract] of [rent] and [contract]" in shown
    assert len(shown) < LENGTH + 40


def test_an_empty_question_shows_the_beginning() -> None:
    assert told("First words.", "") == "First words."
    assert snippet("", Question()) == ()
