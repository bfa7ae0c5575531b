"""A file's name as it is shown. Never used for a path: files are stored under the document's id."""

from __future__ import annotations

import re
import unicodedata

MAX_LENGTH = 150
UNNAMED = "document"
# Characters that turn the reading direction round (a name could show "exe.pdf" backwards) or cannot be seen at all.
# The joiners U+200C and U+200D stay: Persian and Indic words need them.
_HIDDEN = frozenset(
    "\u00ad\u061c\u180e\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"
)
_DROPPED_CATEGORIES = frozenset({"Cc", "Cs", "Co", "Cn", "Zl", "Zp"})


def display_name(raw: str) -> str:
    """`raw` without folders, control and direction characters, composed (NFC), at most 150 characters long.

    A name that is too long loses the end of its stem and keeps its extension. An empty one becomes "document".
    """
    name = re.split(r"[/\\]", raw)[-1]
    name = unicodedata.normalize("NFC", "".join(character for character in name if _shown(character)))
    name = " ".join(name.split())
    return _shortened(name) if name.strip(". ") else UNNAMED


def stem(name: str) -> str:
    """The name without its extension, for naming what is made of the file."""
    return name.rpartition(".")[0] or name


def _shown(character: str) -> bool:
    return (
        character not in _HIDDEN and unicodedata.category(character) not in _DROPPED_CATEGORIES
    ) or character == "\t"


def _shortened(name: str) -> str:
    if len(name) <= MAX_LENGTH:
        return name
    head, dot, extension = name.rpartition(".")
    if not head or len(extension) > 10:
        return name[:MAX_LENGTH]
    return head[: MAX_LENGTH - len(extension) - 2] + "…" + dot + extension
