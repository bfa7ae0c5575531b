"""One question in the languages of two indexes: SQLite's FTS5 and PostgreSQL's text search.

Both hold the same folded words (domain.search_words), so the same question finds the same pages. What is handed on is
made of letters and digits alone, each word in quotes of its own: nothing a person types can be an operator.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Protocol

from django.db import connection

from jobs.domain.search_words import Question, Term


class Engine(Protocol):
    """`answers` is a condition on jobs_page AS p, with one parameter, which `match` makes. The statement around it has
    `near`: the least and the greatest id, `low` and `high`, of the pages that are looked at."""

    answers: str

    def documents(self, asked: Question, scope: str) -> tuple[str, list[Any]]:
        """A statement that selects the ids of documents of which a page answers, and its parameters."""

    def match(self, asked: Question, scope: str) -> str:
        """The question in the index's language. `scope`: only of that owner's documents; empty for everybody's."""


class Fts5:
    """https://sqlite.org/fts5.html#full_text_query_syntax"""

    # A document's pages were made together, so their ids lie together: the index is read there and not elsewhere.
    answers = """p.id IN (SELECT rowid FROM jobs_pagewords WHERE jobs_pagewords MATCH %s
                          AND rowid BETWEEN (SELECT low FROM near) AND (SELECT high FROM near))"""

    def documents(self, asked: Question, scope: str) -> tuple[str, list[Any]]:
        # CROSS: from each page found to its document; by itself SQLite may collect all pages first.
        found = """SELECT DISTINCT p.document_id FROM jobs_pagewords w CROSS JOIN jobs_page p ON p.id = w.rowid
                   WHERE jobs_pagewords MATCH %s"""
        return found, [self.match(asked, scope)]

    def match(self, asked: Question, scope: str) -> str:
        wanted = [f"words : {self._term(term)}" for term in asked.wanted]
        if scope:
            wanted.insert(0, f'scope : "{scope}"')
        without = [f"words : {self._term(term)}" for term in asked.unwanted]
        said = " AND ".join(wanted)
        return f"({said}) NOT ({' OR '.join(without)})" if without else said

    def _term(self, term: Term) -> str:
        return f'"{" ".join(term.words)}"' + (" *" if term.begins else "")


class TextSearch:
    """https://www.postgresql.org/docs/current/datatype-textsearch.html#DATATYPE-TSQUERY"""

    # One row at a time, of pages that are few already: as a join the planner would read every vector there is.
    answers = "(SELECT t.vector @@ %s::tsquery FROM jobs_pagetext t WHERE t.page_id = p.id)"

    def documents(self, asked: Question, scope: str) -> tuple[str, list[Any]]:
        """By functions of the migrations: phrases have an index of their own."""
        match, pairs = self.match(asked, scope), sorted(set(_pairs(asked)))
        if pairs:
            return "SELECT jobs_documents_with_phrase(%s::tsquery, %s::int[])", [match, pairs]
        return "SELECT jobs_documents_answering(%s::tsquery)", [match]

    def match(self, asked: Question, scope: str) -> str:
        wanted = [self._term(term) for term in asked.wanted]
        if scope:
            wanted.insert(0, f"'{scope}'")
        return " & ".join([*wanted, *(f"!({self._term(term)})" for term in asked.unwanted)])

    def _term(self, term: Term) -> str:
        said = " <-> ".join(f"'{word}'" for word in term.words)
        return f"({said}{':*' if term.begins else ''})"


def pair_number(first: str, second: str) -> int:
    """The number of two words side by side, 0 to 65,535, as the function jobs_pairs of the database has it."""
    return int(hashlib.md5(f"{first} {second}".encode(), usedforsecurity=False).hexdigest()[:4], 16)


def _pairs(asked: Question) -> Iterator[int]:
    """Of all wanted phrases; a word that may go on stands in no pair that is known."""
    for term in asked.wanted:
        whole = term.words[:-1] if term.begins else term.words
        yield from (pair_number(*two) for two in pairwise(whole))


def engine() -> Engine:
    """The one of the database in use."""
    return Fts5() if connection.vendor == "sqlite" else TextSearch()
