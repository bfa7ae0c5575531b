from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.domain.tables import (
    as_html,
    as_pipes,
    as_tabs,
    harmless,
    latex_spans,
    parse_table,
    plain_text,
    runs,
    split_tables,
)


def table(source):
    parsed = parse_table(source)
    assert parsed is not None
    return parsed


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("no table", [(False, "no table")]),
        ("a<table>1</table>b", [(False, "a"), (True, "<table>1</table>"), (False, "b")]),
        ("<TABLE border=1>1</Table>", [(False, ""), (True, "<TABLE border=1>1</Table>"), (False, "")]),
        ("a<table>1", [(False, "a"), (True, "<table>1")]),
        ("</table>a", [(False, "</table>a")]),
        ("<table><table>1</table></table>b", [(False, ""), (True, "<table><table>1</table></table>"), (False, "b")]),
        ("<tablet>", [(False, "<tablet>")]),
    ],
)
def test_tables_are_found_in_a_text(body, expected):
    assert list(split_tables(body)) == expected


@given(st.lists(st.sampled_from(["<table>", "</table>", "<table", "x", " ", "<"]), max_size=20).map("".join))
def test_splitting_loses_nothing(body):
    assert "".join(part for _, part in split_tables(body)) == body


@pytest.mark.parametrize(
    ("cells", "pipes"),
    [
        ("<td>a</td><td>b</td>", "| a | b |\n| --- | --- |"),
        ("<td>a|b</td>", "| a\\|b |\n| --- |"),
        ("<td>x &lt; y &amp; z</td>", "| x < y & z |\n| --- |"),
        ("<td>a &amp;gt; b</td>", "| a > b |\n| --- |"),
        ("<td>&lt;script&gt;</td>", "| &lt;script> |\n| --- |"),
        ("<td>x<y</td>", "| x&lt;y |\n| --- |"),
        ("<td>\\(a<b\\)</td>", "| \\(a<b\\) |\n| --- |"),
        ("<td>two\nlines<br>more</td>", "| two lines<br>more |\n| --- |"),
        ("<td>m<sup>2</sup></td>", "| m<sup>2</sup> |\n| --- |"),
        ("<td>a<td>b", "| a | b |\n| --- | --- |"),
        ("<td><p>a</p><div>b</div></td>", "| a b |\n| --- |"),
    ],
)
def test_a_plain_table_becomes_pipes(cells, pipes):
    parsed = table(f"<table><tr>{cells}</tr></table>")
    assert parsed.plain
    assert as_pipes(parsed) == pipes


def test_rows_of_unequal_length_are_filled_up():
    source = "<table><tr><td>a</td></tr><tr><td>b</td><td>c</td></tr></table>"
    assert as_pipes(table(source)) == "| a |  |\n| --- | --- |\n| b | c |"


@pytest.mark.parametrize(
    "source",
    [
        '<table><tr><td rowspan="2">a</td></tr></table>',
        "<table><tr><td colspan=3>a</td></tr></table>",
        "<table><tr><td>\\(|x|\\)</td></tr></table>",
    ],
)
def test_what_pipes_cannot_say_is_not_plain(source):
    assert not table(source).plain


def test_a_table_with_spans_is_written_tidily():
    source = '<table class="x"><tr onclick="y"><td rowspan="2">a & <b>b</b><th colspan=2>c < d<tr><td>e'
    assert as_html(table(source)) == (
        '<table><tr><td rowspan="2">a &amp; <b>b</b></td><th colspan="2">c &lt; d</th></tr><tr><td>e</td></tr></table>'
    )


def test_blank_lines_in_a_cell_would_end_the_table_in_markdown_and_go():
    assert "\n\n" not in as_html(table("<table><tr><td colspan=2>a\n\n  \nb</td></tr></table>"))


def test_captions_and_stray_text_are_kept():
    parsed = table("<table>lost?<caption>Table 1</caption><tr><td>a</td></tr></table>")
    for text in (as_pipes(parsed), as_html(parsed), as_tabs(parsed)):
        assert "lost?" in text
        assert "Table 1" in text


def test_nested_tables_are_not_taken_apart():
    assert parse_table("<table><tr><td><table><tr><td>a</td></tr></table></td></tr></table>") is None


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("<tr><td>a</td><td>b</td></tr><tr><td>c</td><td>d</td></tr>", "a\tb\nc\td"),
        ('<tr><td rowspan="2">Mode</td><td colspan="2">Tokens</td></tr><tr><td>a</td><td>b</td></tr>',
         "Mode\tTokens\t\n\ta\tb"),
        ('<tr><td>a</td><td rowspan="3">b</td></tr><tr><td>c</td></tr><tr><td>d</td><td>e</td></tr>',
         "a\tb\nc\nd\t\te"),
        ("<tr><td>a<br>b</td><td>m<sup>2</sup></td></tr>", "a b\tm2"),
        ("", ""),
    ],
)  # fmt: skip
def test_tabs_keep_columns_under_one_another(source, lines):
    assert as_tabs(table(f"<table>{source}</table>")) == lines


@pytest.mark.parametrize("value", ["0", "-1", "x", "", "1e9", "99999999999", "２"])
def test_odd_spans_are_one(value):
    assert table(f'<table><tr><td colspan="{value}">a</td></tr></table>').rows[0][0].colspan == 1


def test_a_wide_span_is_capped_and_many_of_them_do_not_fill_memory():
    source = "<table>" + '<tr><td colspan="100000" rowspan="1000">a</td></tr>' * 3000 + "</table>"
    parsed = table(source)
    assert parsed.rows[0][0].colspan == 1000
    assert len(as_tabs(parsed)) < 1_000_000


WORDS = st.text(st.sampled_from("abc <>&|/!?-\n\\()[]\"'"), max_size=20)


@given(st.lists(st.lists(WORDS, min_size=1, max_size=3), min_size=1, max_size=3))
def test_no_letter_of_a_cell_is_lost_in_any_form(rows):
    source = (
        "<table>" + "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows) + "</table>"
    )
    parsed = parse_table(source)
    assert parsed is not None
    said = "".join(cell for row in rows for cell in row)
    for made in (as_pipes(parsed), as_html(parsed), as_tabs(parsed)):
        for letter in "ac":  # b is a tag of its own
            assert made.count(letter) >= said.count(letter)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (r"a \(x\) b", [r"\(x\)"]),
        (r"\[E = mc^2\] and \(y\)", [r"\[E = mc^2\]", r"\(y\)"]),
        (r"\( never closed \[ this is \]", [r"\[ this is \]"]),
        (r"none ( ) [ ]", []),
        ("\\", []),
    ],
)
def test_latex_is_found(text, found):
    assert [text[start:end] for start, end in latex_spans(text)] == found


def test_latex_that_is_never_closed_takes_linear_time():
    assert latex_spans("\\(\\[" * 500_000) == []


@pytest.mark.parametrize(
    ("text", "plain"),
    [("a<br/>b", "a\nb"), ("m<sup>2</sup>", "m2"), ("x < y > z <foo>", "x < y > z <foo>"), ("<b class='x'>a</b>", "a")],
)
def test_only_known_markup_is_taken_off(text, plain):
    assert plain_text(text) == plain


@pytest.mark.parametrize("cell", ["=1", "+1", "-1", "@a", "\t=1", "\r=1", "\n=1", "  =1", "＝1", " \t@a", "'=1"])
def test_what_a_spreadsheet_would_run_begins_with_an_apostrophe(cell):
    assert harmless(cell).startswith("'")


@pytest.mark.parametrize("cell", ["", "1", "a=b", "1+1", "(1)", "name@example.org", " a"])
def test_other_cells_stay_as_they_are(cell):
    assert harmless(cell) == cell


@given(st.text(max_size=12))
def test_no_cell_begins_a_formula_and_none_loses_a_letter(cell):
    made = harmless(cell)
    assert made in (cell, f"'{cell}")
    assert not made.lstrip().startswith(("=", "+", "-", "@"))


def test_inline_tags_become_marks_of_their_words():
    assert runs("m<sup>2</sup> <b>a<i>b</b>c</i><br>d") == [
        ("m", frozenset()), ("2", frozenset({"sup"})), (" ", frozenset()), ("a", frozenset({"b"})),
        ("b", frozenset({"b", "i"})), ("c", frozenset({"i"})), ("\n", frozenset()), ("d", frozenset()),
    ]  # fmt: skip


@given(WORDS)
def test_no_letter_of_a_run_is_lost(content):
    assert "".join(words for words, _ in runs(content)).count("a") == content.count("a")
