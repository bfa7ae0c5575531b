"""The piece of a text that answers a question, with the words that do."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from jobs.domain.search_words import Question, Term, Word, readable, words_of

BEFORE = 60  # letters shown before the first word found, and
LENGTH = 200  # in all, about two lines
SEARCHED = 200_000  # letters looked through: a page has a few thousand


@dataclass(frozen=True)
class Part:
    text: str
    found: bool = False


def snippet(text: str, asked: Question) -> tuple[Part, ...]:
    """Around the place where most of what was asked for stands close together; the beginning where nothing does."""
    shown = readable(text[:SEARCHED])
    words = list(words_of(shown))
    spans = sorted({span for term in asked.wanted for span in _places(words, term)})
    start, end = _window(shown, spans)
    return _parts(shown, start, end, [span for span in spans if span[0] >= start and span[1] <= end])


def _places(words: Sequence[Word], term: Term) -> list[tuple[int, int]]:
    """(start, end) of each of a term's words wherever the whole term stands."""
    size = len(term.words)
    found: list[tuple[int, int]] = []
    for place, word in enumerate(words):
        if not _fits(word.folded, term, 0):
            continue
        row = words[place : place + size]
        if len(row) == size and all(_fits(one.folded, term, at) for at, one in enumerate(row)):
            found += [(one.start, one.end) for one in row]
    return found


def _fits(folded: str, term: Term, at: int) -> bool:
    wanted = term.words[at]
    return folded == wanted or (term.begins and at == len(term.words) - 1 and folded.startswith(wanted))


def _window(text: str, spans: Sequence[tuple[int, int]]) -> tuple[int, int]:
    if not spans:
        return 0, min(len(text), LENGTH)
    starts = [start for start, _ in spans]
    room = LENGTH - BEFORE
    best = max(range(len(starts)), key=lambda at: (bisect_right(starts, starts[at] + room) - at, -at))
    start = _word_edge(text, max(0, starts[best] - BEFORE), starts[best])
    return start, _last_edge(text, start + LENGTH, spans[best][1])


def _word_edge(text: str, start: int, latest: int) -> int:
    """Not in the middle of a word: the next gap before `latest`, where there is one."""
    if start == 0:
        return 0
    gap = next((at for at in range(start, latest) if text[at].isspace()), None)
    return start if gap is None else gap + 1


def _last_edge(text: str, end: int, earliest: int) -> int:
    if end >= len(text):
        return len(text)
    gap = text.rfind(" ", earliest, end)
    return max(end, earliest) if gap < 0 else gap


def _parts(text: str, start: int, end: int, spans: Sequence[tuple[int, int]]) -> tuple[Part, ...]:
    parts, at = [Part("… ")] if start else [], start
    for first, last in spans:
        if first < at:
            continue
        parts += [Part(text[at:first]), Part(text[first:last], found=True)]
        at = last
    parts += [Part(text[at:end]), Part(" …" if end < len(text) else "")]
    tidied = [Part(_tidied(part.text), part.found) for part in parts]
    return tuple(part for part in tidied if part.text)


_MARKS = str.maketrans(dict.fromkeys("\r\n\t|#*_`$\\", " "))
_RULE = re.compile(r"[-=:]{3,}")
_GAP = re.compile(r"\s+")


def _tidied(text: str) -> str:
    """On one line, without the marks of Markdown that mean nothing here."""
    return _GAP.sub(" ", _RULE.sub(" ", text.translate(_MARKS)))
