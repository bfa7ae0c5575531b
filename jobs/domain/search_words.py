"""The words of a text as both databases' indexes hold them, and what a person typed as a question to such an index.

Folded once, here, so that SQLite and PostgreSQL agree: small letters, no accents, nothing but letters and digits. A
character of a script written without spaces is a word of its own; several in a row are looked for as a phrase.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

MAX_QUERY_LETTERS = 200
MIN_BEGINNING = 2  # letters before a star: a single one begins a twentieth of all words, and says nothing
MAX_TERMS = 12  # more words than anybody types; a bound on what one question costs
MAX_INDEXED_BYTES = 300_000  # PostgreSQL's tsvector ends at 1 MiB, and may be 7/3 of its text

_RUN = re.compile(r"(?:[^\W_]|[\u0300-\u036f])+")
_TAG = re.compile(
    r"</?(?:a|b|br|caption|center|code|col|colgroup|div|em|h[1-6]|hr|i|img|li|ol|p|pre|s|small|span|strong|sub|sup"
    r"|table|tbody|td|tfoot|th|thead|tr|u|ul)\b[^<>]{0,400}>|<!--.{0,400}?-->",
    re.IGNORECASE | re.DOTALL,
)
_UNSPACED = re.compile(
    r"[\u2e80-\u2fdf\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
_UNSPACED_OR_REST = re.compile(f"{_UNSPACED.pattern}|(?:(?!{_UNSPACED.pattern}).)+")
# Letters that are no letter plus an accent, as people type them without a special keyboard.
_PLAIN = str.maketrans({"ø": "o", "đ": "d", "ł": "l", "æ": "ae", "œ": "oe", "ı": "i", "þ": "th", "ð": "d", "ħ": "h"})
_CHUNK = re.compile(r'(?P<minus>-?)(?:"(?P<quoted>[^"]*)"?|(?P<bare>[^\s"]+))')
_QUOTES = str.maketrans("“”„«»″", '""""""')


class Word(NamedTuple):  # of a hundred texts a screen: a dataclass takes three times as long to make
    """A folded word, and where it stands in the text it came from."""

    folded: str
    start: int
    end: int


@dataclass(frozen=True)
class Term:
    """Words that stand side by side. `typed`: as it was written, for names; `begins`: the last may go on."""

    words: tuple[str, ...]
    typed: str
    begins: bool = False
    excluded: bool = False


@dataclass(frozen=True)
class Question:
    """All of `wanted` and none of `unwanted`. `typed` is what names are compared with when no word was said."""

    wanted: tuple[Term, ...] = ()
    unwanted: tuple[Term, ...] = ()
    typed: str = ""

    @property
    def asks(self) -> bool:
        """Whether a text could answer it: to say only what must not be there is no question."""
        return bool(self.wanted)


def words_of(text: str) -> Iterator[Word]:
    """In their order, in linear time."""
    for run in _RUN.finditer(text):
        whole = run.group()
        if whole.isascii():
            yield Word(whole.lower(), run.start(), run.end())
        else:
            yield from _spoken(whole, run.start())


def _spoken(whole: str, start: int) -> Iterator[Word]:
    """One run of letters: split where a script has no spaces, and where a letter stands for several words (½)."""
    for part in _UNSPACED_OR_REST.finditer(whole):
        for folded in _folded(part.group()):
            yield Word(folded, start + part.start(), start + part.end())


@lru_cache(maxsize=20_000)
def _folded(word: str) -> tuple[str, ...]:
    plain = unicodedata.normalize("NFKD", word.casefold()).casefold()
    bare = "".join(letter for letter in plain if not unicodedata.category(letter).startswith("M"))
    # Last: some letters come out of others only then, plain ones (ǽ, ǿ) and those of scripts without spaces (㊀, ヿ).
    runs = _RUN.findall(unicodedata.normalize("NFC", bare).translate(_PLAIN))
    return tuple(part for run in runs for part in _UNSPACED_OR_REST.findall(run))


def readable(text: str) -> str:
    """Markdown without its HTML tags and entities, as a person reads it. Letters composed, so that offsets hold."""
    return unicodedata.normalize("NFC", html.unescape(_TAG.sub(" ", text)))


def indexed(text: str) -> str:
    """What an index holds of a Markdown text: its words with a space between. Cut where an index could not follow."""
    joined = " ".join(word.folded for word in words_of(readable(text)))
    if len(joined) * 4 <= MAX_INDEXED_BYTES or len(joined.encode()) <= MAX_INDEXED_BYTES:
        return joined
    return joined.encode()[:MAX_INDEXED_BYTES].decode(errors="ignore").rpartition(" ")[0]


def question(typed: str) -> Question:
    """Reads `plain words`, `"a phrase"`, `begin*` and `-without`. Anything can be typed; nothing is an error."""
    typed = _storable(typed[:MAX_QUERY_LETTERS])
    terms = [_term(found) for found in _CHUNK.finditer(typed.translate(_QUOTES))]
    said = [term for term in terms if term.words][:MAX_TERMS]
    return Question(
        wanted=tuple(term for term in said if not term.excluded),
        unwanted=tuple(term for term in said if term.excluded),
        typed=typed.strip(),
    )


def _storable(typed: str) -> str:
    """Without what no database takes: NUL and halves of characters."""
    return typed.encode("utf-8", "ignore").decode().replace("\0", " ")


def _term(found: re.Match[str]) -> Term:
    quoted, bare = found.group("quoted"), found.group("bare") or ""
    typed = bare if quoted is None else quoted
    words = tuple(word.folded for word in words_of(unicodedata.normalize("NFC", typed)))
    last = words[-1] if words else ""
    begins = quoted is None and bare.endswith("*") and (len(last) >= MIN_BEGINNING or not last.isascii())
    return Term(words[:MAX_TERMS], typed.strip().rstrip("*"), begins, bool(found.group("minus")))
