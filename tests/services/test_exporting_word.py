"""Word files: what stands in them, as a program that opens them sees it."""

from __future__ import annotations

import io
import re
import zipfile
from typing import Any

import docx
import pytest
from docx.oxml import parse_xml
from PIL import Image

from jobs.domain.office_math import NAMESPACE
from jobs.models import Document
from tests import builders, exported
from tests.exported import block

pytestmark = pytest.mark.django_db


@pytest.fixture
def paper(mira: Any) -> Document:
    return exported.paper(mira)


def word(document: Document) -> Any:
    return docx.Document(io.BytesIO(exported.result(document, "docx")))


def test_has_headings_lists_and_formulas(paper: Document) -> None:
    paragraphs = {p.text: p for p in word(paper).paragraphs}
    assert paragraphs["Annual report"].style.name == "Heading 1"
    assert paragraphs["one"]._p.pPr.numPr is not None
    assert paragraphs["two"].runs[0].bold
    assert paragraphs["third"]._p.pPr.numPr.numId.val != paragraphs["one"]._p.pPr.numPr.numId.val
    (formula,) = word(paper).element.iter(f"{{{NAMESPACE}}}oMathPara")
    assert "E=mc2<4" in "".join(node.text for node in formula.iter(f"{{{NAMESPACE}}}t"))


def test_a_list_begins_with_its_own_number(paper: Document) -> None:
    opened = word(paper)
    third = next(p for p in opened.paragraphs if p.text == "third")
    numbering = opened.part.numbering_part.element
    number = numbering.num_having_numId(third._p.pPr.numPr.numId.val)
    assert number.lvlOverride_lst[0].startOverride.val == 3


def test_has_tables_with_their_spans(paper: Document) -> None:
    (table,) = word(paper).tables
    assert [[cell.text for cell in row.cells] for row in table.rows] == [
        ["Mode", "Tokens", "Tokens"], ["Mode", "a", "m2"],
    ]  # fmt: skip
    assert table.cell(0, 0)._tc is table.cell(1, 0)._tc
    assert table.cell(1, 2).paragraphs[0].runs[-1].font.superscript


def test_has_the_figures(paper: Document) -> None:
    opened = word(paper)
    (shape,) = opened.inline_shapes
    assert (round(shape.width.inches, 2), round(shape.height.inches, 2)) == (2.0, 1.5)
    reference = shape._inline.graphic.graphicData.pic.blipFill.blip.embed
    assert exported.is_red(Image.open(io.BytesIO(opened.part.related_parts[reference].blob)))


def test_says_which_pages_are_missing_and_begins_each_on_a_new_sheet(paper: Document) -> None:
    opened = word(paper)
    texts = [p.text for p in opened.paragraphs]
    assert texts[0] == "1 of 2 pages is missing here: 2."
    assert "[page 2: failed: No host could read it: three tries timed out.]" in texts
    assert opened.element.xml.count('w:type="page"') == 1


def test_is_well_formed_whatever_a_page_holds(mira: Any) -> None:
    document = builders.make_document(mira, pages=1, done=1, name="a\x01<&>.pdf")
    builders.make_reading(
        document.pages.get(),
        text="control \x0b\x01 ]]> & <w:p/>\n\n<table><tr><td>a\x02</td><td colspan=99>b<tr></table>",
    )
    with zipfile.ZipFile(io.BytesIO(exported.result(document, "docx"))) as parts:
        for name in parts.namelist():
            if name.endswith((".xml", ".rels")):
                parse_xml(parts.read(name))
    assert any("<w:p/>" in p.text for p in word(document).paragraphs)


@pytest.mark.parametrize(
    "table",
    [
        '<tr><td rowspan="3">a</td><td>b</td></tr><tr><td>c</td></tr>',
        '<tr><td rowspan="9" colspan="9">a</td></tr><tr><td>b</td></tr>',
        '<tr><td>a</td></tr><tr><td colspan="1000" rowspan="1000">b</td><td>c</td></tr>',
        "<tr>" + "<td>a</td>" * 200 + "</tr>",
        "<tr><td>a",
    ],
)
def test_odd_tables_can_be_opened_and_lose_no_word(mira: Any, table: str) -> None:
    document = builders.make_document(mira, pages=1, done=1)
    exported.read(document.pages.get(), block("table", f"<table>{table}</table>"))
    xml = word(document).element.xml
    assert xml.count(">a<") + xml.count("a a") >= 1
    for letter in "abc":
        assert ("<td" in table and f">{letter}" in table) <= (letter in re.sub("<[^>]*>", "", xml))
