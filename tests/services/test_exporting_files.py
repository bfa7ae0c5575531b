"""HTML, spreadsheets and zip, and what all have in common: nothing that a model wrote comes alive in any."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import re
import zipfile
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import docx
import pytest
from PIL import Image

from jobs.domain import statuses
from jobs.gateways import formulas, storage
from jobs.gateways.markup import TAGS
from jobs.models import Document
from jobs.services import exporting
from tests import builders, exported, files
from tests.exported import block
from tests.gateways.test_markup import PAYLOADS

pytestmark = pytest.mark.django_db

FORMULAS = ["=1+1", "+1+1", "-1+1", "@SUM(A1)", "=HYPERLINK(0)", "=cmd|' /C calc'!A0", "＝1+1", "-2"]


@pytest.fixture
def paper(mira: Any) -> Document:
    return exported.paper(mira)


class Seen(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.comments: list[str] = []
        self.words = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words += data

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.elements if name == tag]


def picture_in(url: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(url.partition("base64,")[2])))


class TestHtml:
    def test_is_one_file_that_asks_for_nothing_outside(self, paper: Document) -> None:
        text = exported.result(paper, "html").decode()
        seen = Seen(text)
        names = {name for name, _ in seen.elements}
        assert names <= TAGS | formulas.TAGS | {
            "html",
            "head",
            "meta",
            "title",
            "style",
            "body",
            "header",
            "section",
            "figure",
            "img",
            "div",
        }
        urls = [
            value for _, attributes in seen.elements for name, value in attributes.items() if name in ("src", "href")
        ]
        assert len(urls) == 1 and all(url and url.startswith("data:image/jpeg;base64,") for url in urls)
        assert "url(" not in text and "@import" not in text
        assert seen.all("title") == [{}] and "Paper <1>.pdf" in seen.words

    def test_its_policy_allows_its_own_style_and_nothing_else(self, paper: Document) -> None:
        text = exported.result(paper, "html").decode()
        style = text.partition("<style>")[2].partition("</style>")[0]
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        policy = next(meta["content"] for meta in Seen(text).all("meta") if "http-equiv" in meta)
        assert policy and policy.startswith("default-src 'none';")
        assert f"style-src 'sha256-{digest}'" in policy and "unsafe" not in policy and "script" not in policy

    def test_shows_headings_lists_formulas_tables_and_figures_in_their_order(self, paper: Document) -> None:
        text = exported.result(paper, "html").decode()
        seen = Seen(text)
        assert r"\[E = mc^2 < 4 \qquad (3)\]" in seen.words
        assert {"rowspan": "2"} in seen.all("td") and {"colspan": "2"} in seen.all("td")
        (figure,) = seen.all("img")
        picture = picture_in(figure["src"] or "")
        assert picture.size == (400, 300) and exported.is_red(picture)
        places = [
            text.index(part)
            for part in ("<h1>Annual report", "<li>one", '<ol start="3">', "<img", "Figure 1: Red", "<table>")
        ]
        assert places == sorted(places)

    def test_says_which_pages_are_missing_and_why(self, paper: Document) -> None:
        seen = Seen(exported.result(paper, "html").decode())
        words = "[page 2: failed: No host could read it: three tries timed out.]"
        assert f" {words} " in seen.comments
        assert words in seen.words and "1 of 2 pages is missing here: 2." in seen.words

    def test_a_reason_cannot_leave_its_comment(self, paper: Document) -> None:
        paper.pages.filter(number=2).update(reason="--><img src=x onerror=alert(1)>")
        seen = Seen(exported.result(paper, "html").decode())
        assert [attrs for attrs in seen.all("img") if "onerror" in attrs] == []


class TestTables:
    @pytest.fixture
    def sums(self, mira: Any) -> Document:
        document = builders.make_document(mira, pages=1, done=1)
        rows = "".join(f"<tr><td>{cell}</td><td>plain</td></tr>" for cell in FORMULAS)
        exported.read(
            document.pages.get(), block("table", f"<table>{rows}</table>"), block("text", "|x|y|\n|-|-|\n|=2|z|")
        )
        return document

    def test_a_csv_cell_never_begins_a_formula(self, sums: Document) -> None:
        with zipfile.ZipFile(io.BytesIO(exported.result(sums, "zip"))) as parts:
            rows = list(csv.reader(io.StringIO(parts.read("tables/page-1-1.csv").decode("utf-8-sig"))))
            assert [row[0] for row in rows] == [f"'{cell}" for cell in FORMULAS]
            assert {row[1] for row in rows} == {"plain"}
            second = parts.read("tables/page-1-2.csv").decode("utf-8-sig")
        assert second == "x,y\r\n'=2,z\r\n"

    def test_no_cell_of_a_workbook_is_a_formula(self, sums: Document) -> None:
        with zipfile.ZipFile(io.BytesIO(exported.result(sums, "xlsx"))) as parts:
            sheets = [name for name in parts.namelist() if name.startswith("xl/worksheets/sheet")]
            text = "".join(parts.read(name).decode() for name in sheets)
        assert len(sheets) == 2
        assert "<f>" not in text
        said = [node.text for node in ElementTree.fromstring(f"<a>{''.join(re.findall('<t[ >].*?</t>', text))}</a>")]  # noqa: S314
        assert set(said) == {f"'{cell}" for cell in FORMULAS} | {"plain", "x", "y", "'=2", "z"}

    def test_a_document_without_tables_gives_a_workbook_that_says_so(self, mira: Any) -> None:
        document = builders.make_document(mira, pages=1, done=1)
        with zipfile.ZipFile(io.BytesIO(exported.result(document, "xlsx"))) as parts:
            said = b"".join(parts.read(name) for name in parts.namelist() if name.startswith("xl/"))
        assert b"No table was found" in said

    def test_spans_leave_empty_cells(self, paper: Document) -> None:
        with zipfile.ZipFile(io.BytesIO(exported.result(paper, "zip"))) as parts:
            assert parts.read("tables/page-1-1.csv").decode("utf-8-sig") == "Mode,Tokens,\r\n,a,m2\r\n"


class TestZip:
    def test_holds_every_text_figure_and_table(self, paper: Document) -> None:
        with zipfile.ZipFile(io.BytesIO(exported.result(paper, "zip"))) as parts:
            assert parts.testzip() is None
            assert sorted(parts.namelist()) == sorted(
                ["Paper <1>.md", "Paper <1>.html", "Paper <1>.txt", "Paper <1>.json", "missing.txt",
                 "images/page-1-1.jpg", "tables/page-1-1.csv", "tables/page-1-1.xlsx"]
            )  # fmt: skip
            assert exported.is_red(Image.open(io.BytesIO(parts.read("images/page-1-1.jpg"))))
            markdown = parts.read("Paper <1>.md").decode()
            assert markdown.encode() == exported.result(paper, "md")
        assert "![Figure 1 of page 1](images/page-1-1.jpg)\n\nFigure 1: Red." in markdown

    def test_several_boxes_are_several_figures_each_with_its_own_name(self, mira: Any) -> None:
        document = builders.make_document(mira, pages=1, done=1)
        builders.make_page_image(document.pages.get(), width_px=1654, height_px=2339)
        exported.read(
            document.pages.get(),
            block("image", "", (0, 0, 100, 100), (200, 0, 300, 100)),
            block("image", "", (5, 5, 5, 90)),
            block("chart", "a | b", (0, 500, 100, 600)),
        )
        with zipfile.ZipFile(io.BytesIO(exported.result(document, "zip"))) as parts:
            names = [name for name in parts.namelist() if name.startswith("images/")]
            linked = re.findall(r"\((images/.*?)\)", parts.read("report.md").decode())
        assert names == linked == [f"images/page-1-{number}.jpg" for number in (1, 2, 3)]

    @pytest.mark.parametrize("name", ["../../etc/passwd.pdf", "..pdf", "a\\b.pdf", "/abs.pdf"])
    def test_no_name_leaves_the_folder_it_is_unpacked_to(self, mira: Any, name: str) -> None:
        document = builders.make_document(mira, pages=1, done=1, name=name)
        for data in (exported.result(document, "zip"), b"".join(exporting.export_many([document], "md")[2])):
            with zipfile.ZipFile(io.BytesIO(data)) as parts:
                for entry in parts.namelist():
                    assert not entry.startswith(("/", ".")) and ".." not in entry.split("/") and "\\" not in entry


def test_a_figure_is_cut_out_of_a_page_that_is_drawn_again_where_its_image_is_gone(mira: Any, tmp_path: Any) -> None:
    source = files.rotated_pdf(tmp_path / "a.pdf", (0,))
    document = exported.document_of(mira, source, tmp_path, dpi=100)
    page = document.pages.get()
    exported.read(page, block("image", "", (0, 10, page.image_width_px, 100)))
    storage.delete(page.image_key)
    figure = picture_in(Seen(exported.result(document, "html").decode()).all("img")[0]["src"] or "")
    assert figure.convert("L").resize((1, 1)).getpixel((0, 0)) < 20  # the black band


def test_a_figure_that_cannot_be_had_leaves_a_sentence(mira: Any) -> None:
    document = builders.make_document(mira, pages=1, done=1)
    exported.read(document.pages.get(), block("image", "", (0, 10, 100, 100)), block("text", "after"))
    seen = Seen(exported.result(document, "html").decode())
    assert "its picture is not there any more" in seen.words and "after" in seen.words
    texts = [p.text for p in docx.Document(io.BytesIO(exported.result(document, "docx"))).paragraphs]
    assert any("its picture is not there any more" in text for text in texts) and "after" in texts


def test_every_export_shows_a_persons_text_and_not_the_models(paper: Document, mira: Any) -> None:
    page = paper.pages.get(number=1)
    old = page.reading.blocks
    builders.make_reading(page, text="# Mended\n\nBy hand.", source="edit", author=mira, blocks=old)
    for format in ("md", "txt", "html"):
        text = exported.result(paper, format).decode()
        assert "Mended" in text and "By hand." in text and "Annual report" not in text
    assert "![Figure 1 of page 1](images/page-1-1.jpg)" in exported.result(paper, "md").decode()
    assert "Mended" in [p.text for p in docx.Document(io.BytesIO(exported.result(paper, "docx"))).paragraphs]
    with zipfile.ZipFile(io.BytesIO(exported.result(paper, "zip"))) as parts:
        assert not [name for name in parts.namelist() if name.startswith("tables/")]


def test_no_payload_comes_alive_in_any_export(mira: Any) -> None:
    document = builders.make_document(
        mira, pages=len(PAYLOADS), done=len(PAYLOADS), name="<script>alert(1)</script>.pdf"
    )
    for page, payload in zip(document.pages.order_by("number"), PAYLOADS, strict=True):
        exported.read(
            page,
            block("text", payload),
            block("title", payload),
            block("table", f"<table><tr><td colspan=2>{payload}</td></tr></table>"),
        )
    seen = Seen(exported.result(document, "html").decode())
    allowed = {
        "rowspan",
        "colspan",
        "align",
        "start",
        "id",
        "class",
        "lang",
        "charset",
        "http-equiv",
        "content",
        "name",
    }
    allowed |= {"display", "encoding"} | set(formulas.ATTRIBUTES)  # of formulas
    for tag, attributes in seen.elements:
        assert tag in TAGS | formulas.TAGS | {
            "html",
            "head",
            "meta",
            "title",
            "style",
            "body",
            "header",
            "section",
            "div",
        }, tag
        assert set(attributes) <= allowed, (tag, attributes)
    assert {attributes["class"] for _, attributes in seen.elements if "class" in attributes} == {"number", "table"}
    with zipfile.ZipFile(io.BytesIO(exporting_wait(document, "docx"))) as parts:
        xml = parts.read("word/document.xml").decode()
        relations = parts.read("word/_rels/document.xml.rels").decode()
    assert 'TargetMode="External"' not in relations
    assert not {"hyperlink", "instrText", "fldSimple", "object"} & set(re.findall(r"<w:(\w+)", xml))


def exporting_wait(document: Document, format: str) -> bytes:
    return b"".join(exporting.export(document, format, wait=True)[2])


def test_every_state_of_a_page_has_its_words_in_every_format(mira: Any) -> None:
    document = builders.make_document(mira, pages=4, done=1, failed=1, cancelled=1)
    expected = ["[page 2: failed:", "[page 3: cancelled]", "[page 4: not read yet]"]
    assert document.status not in statuses.ENDED_DOCUMENTS
    for format in ("md", "txt", "html", "json"):
        text = exported.result(document, format).decode()
        assert all(words in text for words in expected), format
    texts = " ".join(p.text for p in docx.Document(io.BytesIO(exported.result(document, "docx"))).paragraphs)
    assert all(words in texts for words in expected)
    with zipfile.ZipFile(io.BytesIO(exported.result(document, "zip"))) as parts:
        assert "2–4" in parts.read("missing.txt").decode()
