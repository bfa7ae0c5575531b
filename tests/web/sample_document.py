"""Draws static/samples/sample.pdf, which *Try a sample* reads: three pages of our own words, with a table and figures.

Run `python -m tests.web.sample_document` from the top folder to draw it anew. The same input gives the same bytes.
"""

from __future__ import annotations

from pathlib import Path

from reportlab import rl_config
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import Flowable, ListFlowable, PageBreak, Paragraph, SimpleDocTemplate, Spacer, Table

TARGET = Path(__file__).resolve().parent.parent.parent / "static" / "samples" / "sample.pdf"
INK = colors.HexColor("#1d1f23")
QUIET = colors.HexColor("#5d6068")
LINE = colors.HexColor("#c9c5bd")
BLUE = colors.HexColor("#1f5fd6")

# Embedded, so that the pages look the same on a machine without a single font. They come with reportlab.
for name, file in {"Vera": "Vera", "Vera-Bold": "VeraBd", "Vera-Italic": "VeraIt", "Vera-BoldItalic": "VeraBI"}.items():
    pdfmetrics.registerFont(TTFont(name, f"{file}.ttf"))
pdfmetrics.registerFontFamily("Vera", "Vera", "Vera-Bold", "Vera-Italic", "Vera-BoldItalic")

BODY = ParagraphStyle("body", fontName="Vera", fontSize=10.2, leading=17, textColor=INK, spaceAfter=9)
TITLE = ParagraphStyle("title", fontName="Vera-Bold", fontSize=23, leading=30, textColor=INK, spaceAfter=4)
LEAD = ParagraphStyle("lead", parent=BODY, fontSize=11.5, leading=18, textColor=QUIET, spaceAfter=18)
HEAD = ParagraphStyle(
    "head", fontName="Vera-Bold", fontSize=14, leading=18, textColor=INK, spaceBefore=12, spaceAfter=7
)
SMALL = ParagraphStyle(
    "small", fontName="Vera", fontSize=8.5, leading=12, textColor=QUIET, spaceBefore=5, spaceAfter=12
)


class Wall(Flowable):
    """A wall of small pages, some of them read."""

    def __init__(self, states: str, columns: int = 14) -> None:
        super().__init__()
        self.states, self.columns = states, columns
        self.width, self.height = 160 * mm, 15.5 * mm * -(-len(states) // columns)

    def draw(self) -> None:
        fills = {"d": "#dff1e6", "r": "#dce8fd", "w": "#ffffff"}
        edges = {"d": "#8fc3a5", "r": "#1f5fd6", "w": "#d2cec6"}
        for place, state in enumerate(self.states):
            row, column = divmod(place, self.columns)
            self.canv.setFillColor(colors.HexColor(fills[state]))
            self.canv.setStrokeColor(colors.HexColor(edges[state]))
            self.canv.setLineWidth(0.7)
            x, y = column * 11.5 * mm, self.height - (row + 1) * 15.5 * mm + 3 * mm
            self.canv.roundRect(x, y, 9 * mm, 11.9 * mm, 1.2, fill=1)


class Bars(Flowable):
    """A small chart: one bar a year, with its figure."""

    def __init__(self, figures: dict[str, float]) -> None:
        super().__init__()
        self.figures = figures
        self.width, self.height = 160 * mm, 48 * mm

    def draw(self) -> None:
        tallest = max(self.figures.values())
        for place, (year, figure) in enumerate(self.figures.items()):
            x, height = place * 26 * mm + 6 * mm, figure / tallest * 34 * mm
            self.canv.setFillColor(BLUE)
            self.canv.rect(x, 6 * mm, 13 * mm, height, stroke=0, fill=1)
            self.canv.setFillColor(QUIET)
            self.canv.setFont("Vera", 8.5)
            self.canv.drawCentredString(x + 6.5 * mm, 1.5 * mm, year)
            self.canv.drawCentredString(x + 6.5 * mm, 7.5 * mm + height, f"{figure:g}")
        self.canv.setStrokeColor(LINE)
        self.canv.line(0, 6 * mm, 160 * mm, 6 * mm)


def table(rows: list[list[str]], widths_mm: list[float]) -> Table:
    drawn = Table(rows, colWidths=[w * mm for w in widths_mm], rowHeights=19, hAlign="LEFT")
    drawn.setStyle(
        [
            ("FONT", (0, 0), (-1, 0), "Vera-Bold", 8.8),
            ("FONT", (0, 1), (-1, -1), "Vera", 8.8),
            ("TEXTCOLOR", (0, 0), (-1, -1), INK),
            ("ALIGN", (1, 0), (-1, -1), "RIGHT"),
            ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
            ("LINEBELOW", (0, 0), (-1, 0), 1, INK),
            ("LINEBELOW", (0, 1), (-1, -1), 0.5, LINE),
            ("FONT", (0, -1), (-1, -1), "Vera-Bold", 8.8),
        ]
    )
    return drawn


def first_page() -> list[Flowable]:
    return [
        Paragraph("The paper in the cellar", TITLE),
        Paragraph("How a small harbour office turned forty years of files into text, one page at a time.", LEAD),
        Paragraph(
            "When the harbour office moved in the spring, nobody wanted to carry the cellar. Four hundred boxes stood "
            "there: leases and letters, tide tables, invoices in triplicate, the minutes of every meeting since the "
            "winter storm. Some of it was typed, some stamped, some written by hand on the back of something else.",
            BODY,
        ),
        Paragraph(
            "The first idea was to throw away what nobody had asked for in ten years. It did not survive the first "
            "box. In it lay the only drawing of the old sluice, and on the same morning an engineer had "
            "telephoned to ask whether such a drawing existed.",
            BODY,
        ),
        Paragraph("What was agreed", HEAD),
        ListFlowable(
            [
                Paragraph("Every sheet is scanned, both sides, as it lies in the box.", BODY),
                Paragraph("Every page is read on machines in the house. Nothing leaves the building.", BODY),
                Paragraph("Whatever could not be read is looked at by a person, not forgotten.", BODY),
            ],
            bulletType="1",
            bulletFontName="Vera",
            bulletFontSize=10.2,
            leftIndent=16,
        ),
        Spacer(1, 6),
        Paragraph(
            "The last point proved to be the important one. A page that is read wrongly without a word is worse than a "
            "page that is not read: it will be found by nobody, and it will be believed by whoever finds it.",
            BODY,
        ),
    ]


def second_page() -> list[Flowable]:
    rows = [
        ["What stood in the boxes", "Boxes", "Pages", "Minutes"],
        ["Leases and contracts", "64", "31,200", "540"],
        ["Letters, typed", "118", "58,750", "1,020"],
        ["Letters, by hand", "41", "17,900", "455"],
        ["Invoices and receipts", "139", "74,300", "1,190"],
        ["Drawings, larger than A3", "38", "2,860", "310"],
        ["All of it", "400", "185,010", "3,515"],
    ]
    return [
        PageBreak(),
        Paragraph("The boxes, counted", HEAD),
        Paragraph(
            "The scanner is fast and the reading is not. A page of plain type takes about a second; a receipt on thin "
            "paper, two; a drawing, as long as it takes. The table shows what was in the boxes, and how long two "
            "graphics cards worked on it.",
            BODY,
        ),
        table(rows, [74, 26, 30, 30]),
        Paragraph(
            "Minutes are those of the two hosts together. The office was closed on Sundays; the hosts were not.", SMALL
        ),
        Paragraph("Pages read in a week, in thousands", HEAD),
        Bars({"1st": 4.2, "2nd": 11.8, "3rd": 26.5, "4th": 31.0, "5th": 38.4, "6th": 41.1}),
        Spacer(1, 10),
        Paragraph(
            "In the first week most of the time went into staples. From the third on the boxes came faster than the "
            "pages could be read, and the queue on the wall became the thing one looked at on the way to the coffee.",
            BODY,
        ),
    ]


def third_page() -> list[Flowable]:
    return [
        PageBreak(),
        Paragraph("The wall", HEAD),
        Paragraph(
            "Each document is a wall of small pages. A page that waits is empty, a page that is being read fills, a "
            "page that is done is green. One glance says more than a number: here it goes "
            "well, there somebody has to look.",
            BODY,
        ),
        Wall("d" * 25 + "r" * 6 + "w" * 11),
        Paragraph("Forty-two pages of a lease: 25 read, 6 being read, 11 waiting.", SMALL),
        Paragraph("What we would do again", HEAD),
        Paragraph(
            "We would begin with the worst box, not the best. We would write down the name of whoever decided that a "
            "page is fine. And we would not wait for the move: the cellar at 18 °C and 71 % humidity was no friend to "
            "thermal paper, of which <b>1,240 sheets</b> (0.67 %) had gone blank before anybody came.",
            BODY,
        ),
        Paragraph(
            "The sluice drawing is sheet 4 of box 217. It was found, last Tuesday, by typing the word “sluice”.",
            BODY,
        ),
        Spacer(1, 24),
        Paragraph("Harbour office, 12 October", SMALL),
    ]


def draw(target: Path = TARGET) -> None:
    rl_config.useA85 = 0  # a fifth smaller
    sheet = SimpleDocTemplate(
        str(target),
        pagesize=A4,
        leftMargin=25 * mm,
        rightMargin=25 * mm,
        topMargin=26 * mm,
        bottomMargin=24 * mm,
        title="The paper in the cellar",
        author="ocrsite",
        invariant=1,
    )
    sheet.build([*first_page(), *second_page(), *third_page()], onFirstPage=_foot, onLaterPages=_foot)


def _foot(canvas, sheet) -> None:
    canvas.setFont("Vera", 8)
    canvas.setFillColor(QUIET)
    canvas.drawCentredString(A4[0] / 2, 13 * mm, f"{sheet.page}")


if __name__ == "__main__":
    draw()
