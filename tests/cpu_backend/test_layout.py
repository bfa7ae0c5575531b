"""TSV to blocks to tagged text, without tesseract."""

from __future__ import annotations

import pytest

from jobs.cpu_backend import layout
from jobs.cpu_backend.layout import Box, Word

HEADER = "level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf\ttext"
CHARACTER_PX = 10
LINE_PX = 30


def row(
    text: str, *, block: int = 1, paragraph: int = 1, line: int = 1, word: int = 1, level: int = 5, box=(0, 0, 9, 9)
):
    return "\t".join(map(str, (level, 1, block, paragraph, line, word, *box, 91.5, text)))


def rightwards(box: Box) -> Box:
    return box


def leftwards(box: Box) -> Box:
    """Upside down, on a page 2000 px by 2000 px."""
    return Box(2000 - box.right, 2000 - box.bottom, 2000 - box.left, 2000 - box.top)


def downwards(box: Box) -> Box:
    return Box(2000 - box.bottom, box.left, 2000 - box.top, box.right)


def upwards(box: Box) -> Box:
    return Box(box.top, 2000 - box.right, box.bottom, 2000 - box.left)


def paragraph(*lines: str, turned=rightwards) -> layout.Paragraph:
    """Each character 10 px wide, each line 30 px high, as a typewriter has it."""
    result = []
    for number, line in enumerate(lines):
        words, left = [], 100
        for text in line.split():
            right = left + CHARACTER_PX * len(text)
            words.append(Word(text, turned(Box(left, number * LINE_PX, right, number * LINE_PX + 20))))
            left = right + CHARACTER_PX
        result.append(tuple(words))
    return tuple(result)


def test_words_of_one_paragraph_stay_together_and_in_order():
    tsv = "\n".join(
        [
            HEADER,
            row("", level=1, word=0),
            row("Hello", line=1, word=1, box=(10, 20, 30, 40)),
            row("world", line=1, word=2),
            row("again", line=2, word=1),
            row("Next", paragraph=2),
            row("Other", block=2),
        ]
    )
    paragraphs = layout.read_tsv(tsv)
    assert [[[word.text for word in line] for line in one] for one in paragraphs] == [
        [["Hello", "world"], ["again"]],
        [["Next"]],
        [["Other"]],
    ]
    assert paragraphs[0][0][0].box == Box(10, 20, 40, 60)


@pytest.mark.parametrize(
    "tsv", ["", HEADER, f"{HEADER}\n{row('', level=1)}", f"{HEADER}\n{row(' ')}", "nonsense\n5\t1"]
)
def test_a_page_without_words_has_no_paragraphs(tsv: str):
    assert layout.read_tsv(tsv) == []


def test_a_picture_between_two_lines_of_a_paragraph_does_not_split_it():
    tsv = "\n".join([row("one", line=1), row(" ", line=2), row("two", line=3)])
    assert len(layout.read_tsv(tsv)) == 1


def test_a_word_may_be_a_quotation_mark():
    assert layout.read_tsv(row('"'))[0][0][0].text == '"'


WIDE = "The first line of this paragraph runs to its end and"


@pytest.mark.parametrize("turned", [rightwards, leftwards, downwards, upwards])
@pytest.mark.parametrize(
    ("lines", "text"),
    [
        ((WIDE, "goes on."), f"{WIDE} goes on."),
        (("This line was ended on purpose.", WIDE, "goes on."), f"This line was ended on purpose.\n{WIDE} goes on."),
        ((WIDE, "• a point", "• another point"), f"{WIDE}\n• a point\n• another point"),
        ((WIDE, "2. second"), f"{WIDE}\n2. second"),
        (("Here a line ends in the middle of a well-", "known word, or of an infor-"), None),
        (("Edward the Martyr", "Edith of Wilton", "Edmund"), "Edward the Martyr\nEdith of Wilton\nEdmund"),
    ],
)
def test_only_wrapped_lines_are_joined_whatever_way_the_page_is_turned(turned, lines, text):
    assert layout.paragraph_text(paragraph(*lines, turned=turned)) == (text or "\n".join(lines))


def test_one_word_a_line_stays_a_column():
    long_word = "Rindfleischetikettierungsgesetz"
    assert layout.paragraph_text(paragraph(long_word, long_word)) == f"{long_word}\n{long_word}"


@pytest.mark.parametrize(
    ("words", "text"), [("漢 字 を", "漢字を"), ("漢字 and カナ", "漢字 and カナ"), ("한국어 문서", "한국어 문서")]
)
def test_only_chinese_and_japanese_words_touch(words: str, text: str):
    assert layout.paragraph_text(paragraph(words)) == text


def test_a_block_is_tagged_with_its_box_from_0_to_999():
    one = ((Word("Hello", Box(100, 50, 300, 80)), Word("world", Box(310, 52, 500, 90))),)
    assert layout.tagged_blocks([one], 1000, 500) == [
        "<|ref|>text<|/ref|><|det|>[[99, 99, 500, 180]]<|/det|>\nHello world"
    ]


@pytest.mark.parametrize("box", [Box(0, 0, 1700, 2200), Box(3, 7, 11, 13), Box(1699, 2199, 1705, 2210)])
def test_a_box_still_covers_its_words_when_a_reader_rounds_down(box: Box):
    block = layout.tagged_blocks([((Word("x", box),),)], 1700, 2200)[0]
    edges = [int(value) for value in block.split("[[")[1].split("]]")[0].split(", ")]
    px = [int(edge / 999 * size) for edge, size in zip(edges, (1700, 2200) * 2, strict=True)]
    assert px[0] <= box.left
    assert px[1] <= box.top
    assert px[2] >= min(box.right, 1700) - 1
    assert px[3] >= min(box.bottom, 2200) - 1
    assert all(0 <= edge <= 999 for edge in edges)


def test_a_page_that_shows_a_tag_cannot_break_the_format():
    block = layout.tagged_blocks([paragraph("see <|ref|>x<|/ref|><|det|>[[1]]<|/det|>")], 1000, 1000)[0]
    assert block.count("<|") == 4
    assert block.endswith("see < |ref|>x< |/ref|>< |det|>[[1]]< |/det|>")


def test_cutting_keeps_the_first_words_over_lines_and_paragraphs():
    page = [paragraph("one two", "three"), paragraph("four five")]
    assert layout.count_words(page) == 5
    cut = layout.first_words(page, 4)
    assert [layout.paragraph_text(part) for part in cut] == ["one two\nthree", "four"]
    assert layout.first_words(page, 2) == [page[0][:1]]
    assert layout.first_words(page, 99) == page


@pytest.mark.parametrize(("blocks", "pieces"), [([], []), (["a"], ["a"]), (["a", "b"], ["a\n\n", "b"])])
def test_blocks_are_joined_by_a_blank_line(blocks: list[str], pieces: list[str]):
    assert layout.joined(blocks) == pieces
