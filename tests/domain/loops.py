"""Texts that loop, and texts that only look so. Made up, out of a pangram and its friends."""

from __future__ import annotations

import random

_WORDS = [
    "The",
    "quick",
    "brown",
    "fox",
    "jumps",
    "over",
    "the",
    "lazy",
    "dog",
    "while",
    "a",
    "committee",
    "of",
    "wizards",
    "quickly",
    "boxed",
    "five",
    "dozen",
    "liquor",
    "jugs",
    "and",
    "the",
    "sphinx",
    "of",
    "black",
    "quartz",
    "judged",
    "my",
    "vow",
    "before",
    "pack",
    "animals",
    "moved",
    "around",
    "the",
    "zoo",
    "at",
    "dawn",
    "waiting",
    "for",
    "bright",
    "light",
    "from",
    "distant",
    "hills",
    "where",
    "nobody",
    "had",
    "ever",
    "measured",
    "rainfall",
    "nor",
    "counted",
    "sheep",
    "nor",
    "painted",
    "fences",
    "green",
]


def prose(words: int, seed: int = 1) -> str:
    """Sentences of random words: nothing in them comes twice in one order."""
    chance = random.Random(seed)
    return " ".join(f"{chance.choice(_WORDS)}{'.' if chance.random() < 0.1 else ''}" for _ in range(words))


def written(words: int, seed: int = 1) -> str:
    """The same, ten words a line: fit for a page."""
    pieces = prose(words, seed).split()
    return "\n".join(" ".join(pieces[at : at + 10]) for at in range(0, words, 10))


def tagged(body: str, top: int) -> str:
    return f"<|ref|>text<|/ref|><|det|>[[115, {top % 900}, 882, {top % 900 + 25}]]<|/det|>\n{body}\n\n"


def _rows(row: object, times: int) -> str:
    return "\n".join([str(row)] * times)


def _table(rows: list[list[object]]) -> str:
    cells = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table>{cells}</table>"


def _numbers() -> list[list[object]]:
    chance = random.Random(3)
    return [[chance.randint(0, 9999) for _ in range(9)] for _ in range(60)]


def _bank_rows() -> str:
    chance = random.Random(4)
    return "\n".join(
        f"{chance.randint(1, 28):02}.{chance.randint(1, 12):02}.2024 SEPA-Lastschrift Stadtwerke GmbH "
        f"{chance.randint(1, 900)},{chance.randint(0, 99):02} EUR"
        for _ in range(45)
    )


def _any_order(lines: list[str], times: int) -> str:
    chance = random.Random(5)
    return "\n".join(chance.choice(lines) for _ in range(times))


LOOPS = {
    "one line": prose(100) + "\n" + _rows("the same line again", 200),
    "one line, then it recovers": prose(100) + "\n" + _rows("the same line again", 60) + "\n" + prose(50, 2),
    "two numbers, one counting": prose(100) + " ".join(f"{i} -3" for i in range(33, 400)),
    "a counter in a line": prose(80) + "\n".join(f"Figure {i}: results of trial {i + 1}" for i in range(1, 60)),
    "a paragraph longer than the guard's window": (prose(150) + "\n\n") * 5,
    "a paragraph, its boxes moving on": "".join(tagged(prose(40), 30 * i) for i in range(8)),
    "a sentence, its boxes anywhere": "".join(tagged(prose(20), 37 * i) for i in range(12)),
    "dots": prose(50) + "." * 6000,
    "chinese": "报告内容如下，" * 100,
    "one letter": "a" * 6000,
    "a cell": _table([[0] * 600]),
    "lines in any order": _any_order(
        ["Total amount due today", "Balance brought forward here", "Less discount allowed on", "Net amount payable by"],
        120,
    ),
    "a changing letter": "\n".join(
        f"{chr(97 + i % 26)}{chr(97 + i // 26)} the value of the parameter is given" for i in range(80)
    ),
}
HONEST = {
    "nothing": "",
    "prose": prose(900),
    "an empty table": _table([[""] * 12] * 40),
    "a calendar": _table([[*range(1, 8)], [*range(8, 32)]]),
    "a table of contents": "\n".join(f"{prose(5, i)} {'.' * 80} {3 * i + 1}" for i in range(50)),
    "a form": "\n".join(f"{i}. {prose(8, i)}? Yes [ ] No [ ] n/a [ ]" for i in range(1, 35)),
    "a sign-up sheet": _rows("Name: __________ Date: ________ Signature: ____________", 30),
    "numbered lines to fill in": "\n".join(f"{i}. ______________________" for i in range(1, 50)),
    "a ruled page": _rows("_" * 90, 40),
    "a sheet of address labels": _rows("Stadtwerke Bad Homburg\nPostfach 1234\n61348 Bad Homburg\n", 21),
    "a table of zeros": _table([[0] * 12] * 20),
    "a table with zeros": _table([[word, *["0.00"] * 8] for word in _WORDS]),
    "a table of numbers": _table(_numbers()),
    "a times table": "\n".join(" ".join(f"{a} x {b} = {a * b}" for a in range(1, 11)) for b in range(1, 11)),
    "a slip in three copies": (prose(90) + "\n\n") * 3,
    "the numbers to a hundred": " ".join(str(i) for i in range(1, 101)),
    "an account": _bank_rows(),
    "a timetable": "\n".join(
        f"Mo-Fr {h:02}:{m:02} {h:02}:{m + 7:02} {h:02}:{m + 14:02}" for h in range(5, 24) for m in (0, 15, 30, 45)
    ),
    "a song": "\n".join(prose(30, verse) + "\n" + _rows("la la la la la la", 6) for verse in range(4)),
}
