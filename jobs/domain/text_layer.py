"""A reading beside the text that the PDF itself carries: how many words have both?

Many files carry their own text, and it is right to the letter; others carry garbage (fonts without a table of
characters, another program's bad OCR). So a layer is believed only if it looks like writing, and it only ever speaks
against a reading when next to nothing of the one is found in the other: a layer also holds what no reader sees, and
lacks what stands in pictures. Where the figures come from: docs/decisions/0007-quality-gate.md.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass

LEAST_WORDS = 40  # a page number and a running head say nothing about what was read
MOST_ODD = 0.03  # share of characters that are no writing: replacement, private use, control
MOST_CID = 0.02  # share of words that are "(cid:123)", an extractor's word for a glyph it cannot name
WORD_LETTERS = (2.0, 14.0)  # mean length of words in scripts with spaces; glyphs set one by one have 1
VOWELS = (0.2, 0.65)  # share among Latin letters: English 0.38, Czech 0.40, Hawaiian 0.6; a shifted alphabet 0.1
LETTERS_TO_COUNT_VOWELS = 200
CHARACTERS_MOST = 200_000  # looked at of either text: a page of small print has 15,000

_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W_]+")
_CID = re.compile(r"\(cid:\d{1,6}\)")
_HYPHENATED = re.compile(r"(?<=[^\W\d_])[-\u2010\u00ad]\s*\n\s*(?=[^\W\d_])")


@dataclass(frozen=True)
class Agreement:
    """Shares from 0 to 1 by words: `found` of the layer's words stand in the reading, `backed` of the reading's in the
    layer. `score` is their harmonic mean."""

    found: float
    backed: float

    @property
    def score(self) -> float:
        both = self.found + self.backed
        return 2 * self.found * self.backed / both if both else 0.0


def compare(text: str, layer: str) -> Agreement | None:
    """How far a reading (plain text or Markdown) and a page's text layer agree; None where the layer says nothing."""
    if not believable(layer):
        return None
    ours, theirs = _words(text), _words(layer)
    common = (ours & theirs).total()
    return Agreement(common / theirs.total(), common / ours.total() if ours else 0.0)


def believable(layer: str) -> bool:
    """Is it writing, and enough of it?"""
    layer = layer[:CHARACTERS_MOST]
    words = _WORD.findall(layer)
    if len(words) < LEAST_WORDS or len(_CID.findall(layer)) > MOST_CID * len(words):
        return False
    signs = [sign for sign in layer if not sign.isspace()]
    if sum(map(_is_odd, signs)) > MOST_ODD * len(signs):
        return False
    return _has_words(words) and _has_vowels(layer)


def _is_odd(sign: str) -> bool:
    return sign == "\ufffd" or unicodedata.category(sign) in ("Cc", "Co", "Cn", "Cs")


def _has_words(words: list[str]) -> bool:
    spaced = [len(word) for word in words if not "\u3040" <= word[0] <= "\ud7af" and not word.isdecimal()]
    low, high = WORD_LETTERS
    return len(spaced) < len(words) / 2 or low <= sum(spaced) / len(spaced) <= high


def _has_vowels(layer: str) -> bool:
    """A font with a shifted alphabet looks like writing but for its vowels."""
    letters = [letter for letter in _bare(layer) if "a" <= letter <= "z"]
    low, high = VOWELS
    if len(letters) < LETTERS_TO_COUNT_VOWELS:
        return True
    return low <= sum(letter in "aeiouy" for letter in letters) / len(letters) <= high


def _words(text: str) -> Counter[str]:
    """Words without case, accents, ligatures and hyphens at the ends of lines."""
    return Counter(_WORD.findall(_bare(_HYPHENATED.sub("", text[:CHARACTERS_MOST]))))


def _bare(text: str) -> str:
    split = unicodedata.normalize("NFKD", text.casefold().replace("\u00ad", ""))
    return "".join(sign for sign in split if not unicodedata.combining(sign))
