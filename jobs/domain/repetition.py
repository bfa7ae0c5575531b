"""Does a text repeat itself as a model in a loop does? In linear time, for a whole text or for a stream as it comes.

Looked at are words and numbers. Tags, boxes, empty cells, leaders and rules are no words, so a form, an empty calendar
or a table of contents has nothing here that could repeat. Three ways to loop are told apart:

- a run: the same words again and again, at one distance, be it three words or a page. Numbers in it may stand still or
  count ("33 -3, 34 -3, 35 -3": what DeepSeek-OCR's n-gram guard makes of a loop); numbers of a table do neither;
- a text with next to nothing in it (compression), or of the same few lines in any order: loops with a variation;
- thousands of signs and cells without a word between them.

Where the figures come from: docs/decisions/0007-quality-gate.md.
"""

from __future__ import annotations

import re
import zlib
from collections import Counter
from dataclasses import dataclass

LEAST_WORDS = 200  # of a run. 30 address labels of 6 words are 180
LEAST_WORDS_SHORT = 300  # of a run whose period is SHORT_PERIOD words or less: a table full of "0" or "n/a"
LEAST_WORDS_CUT = 60  # of a run that lasts to the end of a text cut at the length limit
SHORT_PERIOD = 3
LEAST_REPEATS = 4
GRAM = 6  # words that must stand alike before a repetition is believed to have begun
STEADY = 0.9  # share of a run's numbers that must stand still or count
LONGEST_COUNT = 12  # numbers between one value of a counter and its next
MOST_WORDLESS = 4000  # signs and cells on end: a page ruled with underscores has 40 x 90
COMPRESSED_FROM = 1500  # characters: shorter texts say little about themselves
COMPRESSED_TO = 0.08  # of their size: the lowest real page measured has 0.082, a list of C++ symbols; tables 0.11
LINES_FROM = 25  # lines of LINE_WORDS words or more...
LINE_WORDS = 3
LINES_WORDS = 300  # ...with this many words: a song has its chorus six times, a sign-up sheet 30 lines alike
LINES_REPEATED = 0.8  # share of them that stood before

_REST = 512  # characters that are looked at together
_TAG_MOST = 200
_TOKEN = re.compile(
    r"(?P<tag><\|det\|>[^<]{0,2000}(?:<\|/det\|>)?|<[^<>\n]{1,200}>)"
    r"|(?P<number>[-\u2212]?\d{1,15})"
    r"|(?P<word>[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W\d_]{1,12})"
    r"|(?P<signs>_+|[^\w\s<]+|<)"
)


@dataclass(frozen=True)
class Loop:
    """`period_words` is the length of what repeats, 0 where that is not known. `clean` is the share of the text's
    words, 0 to 1, that stand before the repetition."""

    period_words: int
    clean: float


class Watch:
    """Sees a text piece by piece and says when it has begun to loop. Each character costs the same, however many came.

    watch = Watch()
    looping = any(watch.feed(piece) for piece in pieces)
    """

    def __init__(self) -> None:
        self.words: list[str] = []
        self.loop_from: int | None = None  # the word with which the repetition begins
        self.period_words = 0
        self._pending: list[str] = []
        self._pending_size = 0
        self._wordless = 0
        self._plain: list[str] = []
        self._seen: dict[tuple[str, ...], int] = {}
        self._distance = self._run = self._numbers = self._still = 0
        self._values: list[int] = []
        self._counting = [0] * (LONGEST_COUNT + 1)

    def feed(self, piece: str) -> bool:
        """Take the next piece. True once the text loops, and ever after."""
        self._pending.append(piece)
        self._pending_size += len(piece)
        if self._pending_size >= _REST:
            text = "".join(self._pending)
            rest = text[self._read(text[: _before_open_tag(text)], to_be_continued=True) :]
            self._pending, self._pending_size = [rest], 0  # counted anew: the rest is not looked at again soon
        return self.loop_from is not None

    def finish(self, *, cut: bool = False) -> bool:
        """The text is complete; `cut` says that it ended at the length limit. True when it loops."""
        self._read("".join(self._pending))
        self._pending = []
        if cut and self.loop_from is None:
            self._convict(LEAST_WORDS_CUT, LEAST_WORDS_CUT)
        return self.loop_from is not None

    def _read(self, text: str, *, to_be_continued: bool = False) -> int:
        """Returns where it stopped: before a word at the very end that may go on."""
        for found in _TOKEN.finditer(text):
            if to_be_continued and found.end() == len(text) and found.lastgroup != "signs":
                return found.start()
            if found.lastgroup == "tag":
                self._wordless += 1
            elif found.lastgroup == "signs":
                self._wordless += found.end() - found.start()
            else:
                self._wordless = 0
                self._word(found.group(), is_number=found.lastgroup == "number")
            if self._wordless > MOST_WORDLESS and self.loop_from is None:
                self.loop_from = len(self.words)
        return len(text)

    def _word(self, word: str, *, is_number: bool) -> None:
        here = len(self.words)
        self.words.append(word)
        self._plain.append("#" if is_number else word)
        gram = tuple(self._plain[-GRAM:])
        before = self._seen.get(gram, here)
        self._seen[gram] = here
        if self._distance and self._plain[here - self._distance] == self._plain[here]:
            self._run += 1
        else:  # the run is over; perhaps another begins, at the distance of the last place that read alike
            self._distance, self._numbers, self._still = here - before, 0, 0
            self._run = GRAM if self._distance else 0
        if is_number:
            self._number(int(word.replace("\u2212", "-")))
            self._numbers += 1
            self._still += bool(self._distance) and self.words[here - self._distance] == word
        if self._run % GRAM == 0 and self.loop_from is None:
            self._convict(LEAST_WORDS, LEAST_WORDS_SHORT)

    def _number(self, value: int) -> None:
        """How long the numbers have been counting by one step, for each distance at which a counter may stand."""
        values = self._values
        values.append(value)
        last = len(values) - 1
        for lag in range(1, min(LONGEST_COUNT, last // 2) + 1):
            steady = value - values[last - lag] == values[last - lag] - values[last - 2 * lag]
            self._counting[lag] = self._counting[lag] + 1 if steady else 0

    def _convict(self, least_words: int, least_words_short: int) -> None:
        period = self._distance
        span = period + self._run
        least = least_words_short if period <= SHORT_PERIOD else least_words
        if not period or span < max(least, LEAST_REPEATS * period):
            return
        if max(self._still, *self._counting) >= STEADY * self._numbers:
            self.loop_from, self.period_words = max(0, len(self.words) - span + period), period


def _before_open_tag(text: str) -> int:
    """The end of a text, or the place where a tag begins that is not closed yet."""
    tag = text.rfind("<", max(0, len(text) - _TAG_MOST))
    return tag if tag >= 0 and text.find(">", tag) < 0 else len(text)


def find_loop(text: str, *, cut: bool = False) -> Loop | None:
    """The loop in a text, or none. `cut` says that it ended at the length limit: then less is needed to believe it."""
    watch = Watch()
    watch.feed(text)
    watch.finish(cut=cut)
    words = len(watch.words)
    if watch.loop_from is not None:
        return Loop(watch.period_words, watch.loop_from / words if words else 0.0)
    share = compression(watch.words)
    if share is not None and share < COMPRESSED_TO:
        return Loop(0, share)
    if repeated_lines(text) > LINES_REPEATED:
        return Loop(0, 1 - repeated_lines(text))
    return None


def compression(words: list[str]) -> float | None:
    """What zlib leaves of the words, as a share of their size; None for a text too short to say."""
    joined = " ".join(words).encode("utf-8", "replace")
    return len(zlib.compress(joined)) / len(joined) if len(joined) >= COMPRESSED_FROM else None


def repeated_lines(text: str) -> float:
    """The share of lines that stood before, of those with a few words; 0 where there are few lines."""
    lines: Counter[tuple[str, ...]] = Counter()
    for line in text.split("\n"):
        words = tuple(found.group() for found in _TOKEN.finditer(line) if found.lastgroup in ("word", "number"))
        if len(words) >= LINE_WORDS:
            lines[words] += 1
    total = sum(lines.values())
    if total < LINES_FROM or sum(len(words) * times for words, times in lines.items()) < LINES_WORDS:
        return 0.0
    return 1 - len(lines) / total
