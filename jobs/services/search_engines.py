"""One question in the languages of two indexes: SQLite's FTS5 and PostgreSQL's text search.

Both hold the same folded words (domain.search_words), so the same question finds the same pages. What is handed on is
made of letters and digits alone, each word in quotes of its own: nothing a person types can be an operator.
"""

from __future__ import annotations

from typing import Protocol

from django.db import connection

from jobs.domain.search_words import Question, Term


class Engine(Protocol):
    """Statements with one parameter, which `match` makes.

    `documents` selects the ids of documents of which a page answers. `answers` is a condition on jobs_page AS p.
    """

    documents: str
    answers: str

    def match(self, asked: Question, scope: str) -> str:
        """The question in the index's language. `scope`: only of that owner's documents; empty for everybody's."""


class Fts5:
    """https://sqlite.org/fts5.html#full_text_query_syntax"""

    answers = "p.id IN (SELECT rowid FROM jobs_pagewords WHERE jobs_pagewords MATCH %s)"
    documents = f"SELECT p.document_id FROM jobs_page p WHERE {answers}"

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

    documents = "SELECT jobs_documents_answering(%s::tsquery)"  # a function of migration 0004
    # One row at a time, of pages that are few already: as a join the planner would read every vector there is.
    answers = "(SELECT t.vector @@ %s::tsquery FROM jobs_pagetext t WHERE t.page_id = p.id)"

    def match(self, asked: Question, scope: str) -> str:
        wanted = [self._term(term) for term in asked.wanted]
        if scope:
            wanted.insert(0, f"'{scope}'")
        return " & ".join([*wanted, *(f"!({self._term(term)})" for term in asked.unwanted)])

    def _term(self, term: Term) -> str:
        said = " <-> ".join(f"'{word}'" for word in term.words)
        return f"({said}{':*' if term.begins else ''})"


def engine() -> Engine:
    """The one of the database in use."""
    return Fts5() if connection.vendor == "sqlite" else TextSearch()
