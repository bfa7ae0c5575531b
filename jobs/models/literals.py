"""Our own words as part of a statement, where the database must see them.

SQLite uses a partial index only where the statement itself says the index's condition, and a parameter says nothing
yet: with `status IN (?, ?)` it walks through every document there ever was, for each page that is read.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import Value


class Literal(Value):
    """A word that the code knows. Raises ValueError for anything that could be more than a word."""

    def __init__(self, word: str) -> None:
        if not word.isidentifier():
            raise ValueError(f"{word!r} is no word of ours.")
        super().__init__(str(word))

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[()]]:
        return f"'{self.value}'", ()


def literals(words: Iterable[str]) -> list[Literal]:
    """For an `__in`, in the order in which the conditions of indexes have them."""
    return [Literal(word) for word in sorted(words)]
