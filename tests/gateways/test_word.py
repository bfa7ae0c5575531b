"""Word files hold whatever they are given, and can be opened."""

from __future__ import annotations

import tempfile
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import docx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.gateways import markup
from jobs.gateways.word import WordFile

SCRAPS = st.sampled_from(
    ["word", " ", "\n\n", "# ", "- ", "1. ", "> ", "**", "`", "<table>", "<tr>", "<td colspan=3 rowspan=2>", "<th>",
     "</table>", "<b>", "</b>", "<sup>", "<br>", "<center>", "<ul><li>", "</ul>", "|a|b|\n|-|-|\n|c|d|\n", "&amp;",
     "\x02", "<"]
)  # fmt: skip


def written(*fragments: str) -> tuple[str, str]:
    """The XML of the body, and all its words as python-docx reads them."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.docx")
        with WordFile(path, title="t") as file:
            for fragment in fragments:
                file.html(fragment)
        with zipfile.ZipFile(path) as parts:
            xml = parts.read("word/document.xml").decode()
        opened = docx.Document(str(path))
    ElementTree.fromstring(xml)  # noqa: S314 - our own
    return xml, "".join(node.text or "" for node in opened.element.iter("{*}t"))


@settings(max_examples=60, deadline=None)
@given(st.lists(SCRAPS, max_size=20).map("".join))
def test_any_mixture_can_be_opened_and_loses_no_word(text):
    made = markup.to_html(text)
    assert written(made)[1].count("word") == made.count("word")


@pytest.mark.parametrize(
    ("fragment", "expected"),
    [
        ("<p>a<br>\nb</p>", "<w:br/>"),
        ("<h3>a</h3>", '<w:pStyle w:val="Heading3"/>'),
        ("<center>a</center>", '<w:jc w:val="center"/>'),
        ("<p>H<sub>2</sub>O</p>", '<w:vertAlign w:val="subscript"/>'),
        ("<pre>a\n  b</pre>", "  b"),
        ("<p>a &lt;w:p/&gt; b</p>", "a &lt;w:p/&gt; b"),
        ("<table><tr><th>a</th></tr></table>", "<w:rPr><w:b/></w:rPr>"),
        (r"<p>is \(\frac{a}{b}\)</p>", "<m:f><m:num>"),
        (r"<table><tr><td>\(x^2\)</td></tr></table>", "<m:sSup>"),
        (r"<p>\(\unknown{x}\) b</p>", r"\(\unknown{x}\) b"),
        (r"<p><code>\(x\)</code></p>", r"\(x\)"),
        (r"<pre>\(x\)</pre>", r"\(x\)"),
        ("<table><tr><td>a<table><tr><td>b</td></tr></table></td></tr></table>", "<w:tab/>"),
    ],
)
def test_each_kind_of_element(fragment, expected):
    assert expected in written(fragment)[0]


def test_an_error_on_the_way_is_not_hidden(tmp_path):
    with pytest.raises(ZeroDivisionError), WordFile(tmp_path / "a.docx", title="t") as file:
        file.note("before")
        raise ZeroDivisionError
