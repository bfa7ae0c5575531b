"""Is a reading good enough, though the host said 200? An outcome, a score to compare readings by, and a sentence.

Linear in the length of the reading, whatever it is; nothing here raises. What follows from a bad one: domain.ladder.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from jobs.domain import text_layer
from jobs.domain.failures import Outcome
from jobs.domain.grounding import Block
from jobs.domain.repetition import Loop, find_loop

CUT_OFF = "It may be cut off: the host stopped at its length limit."
LOOPING = "It may repeat itself: the host stopped a loop."
REPEATS = "It may repeat itself: the same words come again and again."
EMPTY = "No text was found, though the page is not blank."
ONLY_A_PICTURE = "No text was found: the whole page was taken for a picture."
TOO_MUCH = "There may be made-up text: it is more than this nearly empty page can hold."
FAR_OFF = "It may be wrong: it has little in common with the file's own text."

NEARLY_BLANK_INK = 0.0003  # share of the page: a lone page number has 0.0001 of A4, a heading more than this
INK_PX_A_LETTER = 10.0  # at 200 dpi, as ink is measured; 85 was the least on a real page, the rest is for thin print
LETTERS_IN_DOUBT = 60  # fewer may be the caption of a faint picture
FAR_OFF_BELOW = 0.4  # agreement; no right reading was below 0.62, 95 % of wrong ones (a neighbouring page) are
AGREES_FROM = 0.8  # agreement at which a text that repeats itself is what stands on the page

_LETTER = re.compile(r"[^\W_]")
_MODES_COMPARED = ("markdown", "text")  # a figure parsed, or a question answered, is no copy of the page
_PICTURES = ("image", "figure", "chart", "seal")


@dataclass(frozen=True)
class PageSeen:
    """What is known of a page beside its reading. `ink` is the share of the image that is not ground, None if unknown;
    `layer` the PDF's own text of it, None where there is none or it is not to be compared."""

    ink: float | None = None
    width_px: int = 0
    height_px: int = 0
    layer: str | None = None
    mode: str = "markdown"

    @property
    def nearly_blank(self) -> bool:
        return self.ink is not None and self.ink < NEARLY_BLANK_INK

    def can_hold(self, letters: int) -> bool:
        if not self.nearly_blank or letters < LETTERS_IN_DOUBT or self.ink is None:
            return True
        return self.ink * self.width_px * self.height_px >= INK_PX_A_LETTER * letters


@dataclass(frozen=True)
class Verdict:
    """`score`, 0 to 1, compares readings of one page. `reason` is a sentence for staff, empty for a good reading.
    `period_words` is how long a loop's repeated part is, 0 where there is none or it is not known."""

    outcome: Outcome
    score: float
    reason: str = ""
    period_words: int = 0

    @property
    def good(self) -> bool:
        return self.outcome is Outcome.OK


def as_told(text: str, finish_reason: str) -> Verdict:
    """What the host's own words say, and no more: for a site that has switched the gate off."""
    if finish_reason == "length":
        return Verdict(Outcome.CUT_OFF, 0.5, CUT_OFF)
    if finish_reason == "repetition":
        return Verdict(Outcome.LOOPING, 0.3, LOOPING)
    return Verdict(Outcome.OK, 1.0) if text.strip() else Verdict(Outcome.EMPTY, 0.0, EMPTY)


def judge(raw: str, text: str, blocks: Sequence[Block], finish_reason: str, page: PageSeen) -> Verdict:
    """The verdict on a reading: `raw` is the model's output, `text` the Markdown made of its `blocks`.

    `finish_reason` as vLLM says it: stop, length (cut by the token limit) or repetition (cut by loop detection).
    """
    agreement = text_layer.compare(text, page.layer) if page.layer and page.mode in _MODES_COMPARED else None
    verdict = _judged(raw, text, blocks, finish_reason, page, agreement)
    if agreement is None:
        return verdict
    # A layer that can be believed knows best how much of the page a reading has, whatever is wrong with it.
    score = agreement.score if verdict.good else 0.9 * agreement.score
    return Verdict(verdict.outcome, score, verdict.reason, verdict.period_words)


def _judged(
    raw: str,
    text: str,
    blocks: Sequence[Block],
    finish_reason: str,
    page: PageSeen,
    agreement: text_layer.Agreement | None,
) -> Verdict:
    loop = find_loop(raw, cut=finish_reason == "length")
    if finish_reason == "repetition":
        return _looping(loop or Loop(0, 0.5), LOOPING)
    letters = len(_LETTER.findall(text))
    # Nothing but tags for pictures, however many, is no loop of text: there is no text.
    if loop and letters and not (agreement and agreement.score >= AGREES_FROM):
        return _looping(loop, REPEATS)
    if finish_reason == "length":
        return Verdict(Outcome.CUT_OFF, 0.5, CUT_OFF)
    if not letters:
        pictures = [block for block in blocks if block.label in _PICTURES]
        return Verdict(Outcome.EMPTY, 0.0, ONLY_A_PICTURE if pictures else EMPTY)
    if page.mode in _MODES_COMPARED and not page.can_hold(letters):
        return Verdict(Outcome.GARBAGE, 0.1, TOO_MUCH)
    if agreement and agreement.score < FAR_OFF_BELOW:
        return Verdict(Outcome.GARBAGE, 0.2, FAR_OFF)
    return Verdict(Outcome.OK, 1.0)


def _looping(loop: Loop, reason: str) -> Verdict:
    """The more stands before the repetition the better; never as good as a text that was merely cut off."""
    return Verdict(Outcome.LOOPING, 0.1 + 0.35 * loop.clean, reason, loop.period_words)
