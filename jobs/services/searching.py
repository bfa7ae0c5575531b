"""Full text: the index row of each page, and the documents and pages that answer a question.

A row is written in the transaction that changes which reading is in force: whoever sets Page.reading calls
`index_text` beside it. Only what a person may see is found: documents.visible_to decides, and the
owner's word in the index only makes that quick.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.db.models.expressions import RawSQL

from jobs.domain.search_words import Question, indexed, question
from jobs.domain.snippets import Part, snippet
from jobs.models import Document, Page
from jobs.services import statements as sql
from jobs.services.search_engines import engine

HITS_A_DOCUMENT = 3
PAGES_AT_ONCE = 200


@dataclass(frozen=True)
class Hit:
    """A page that answers, and the piece of its text that does."""

    number: int
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Hits:
    """The first pages of a document that answer; `pages` is how many do in all."""

    pages: int
    first: tuple[Hit, ...]

    @property
    def more(self) -> int:
        return self.pages - len(self.first)


# ---- writing


def index_text(page_id: int, text: str) -> None:
    """Puts the words of a page's new reading in force into the index. One statement; inside the caller's transaction.

    `text` is Markdown; an empty one takes the page out.
    """
    words = indexed(text)
    if not words:
        sql.change("DELETE FROM jobs_pagetext WHERE page_id = %s", [page_id])
        return
    sql.change(
        """INSERT INTO jobs_pagetext (page_id, document_id, scope, words)
           SELECT p.id, p.document_id, 'owner:' || d.owner_id, %s
           FROM jobs_page p JOIN jobs_document d ON d.id = p.document_id
           WHERE p.id = %s
           ON CONFLICT (page_id) DO UPDATE SET scope = excluded.scope, words = excluded.words""",
        [words, page_id],
    )


def index_all() -> Iterator[int]:
    """Writes every page's row anew, some at a time; yields how many were looked at so far."""
    after = count = 0
    while chunk := list(_after(after)):
        for page_id, text in chunk:
            index_text(page_id, text or "")
        after, count = chunk[-1][0], count + len(chunk)
        yield count


def _after(page_id: int) -> Any:
    return Page.objects.filter(pk__gt=page_id).order_by("pk").values_list("pk", "reading__text")[:PAGES_AT_ONCE]


# ---- finding


def holding(user: Any, asked: Question) -> Q:
    """Documents whose name or one of whose pages answers. To be used on what the person may see."""
    return _named(asked) | Q(pk__in=_documents_of(user, asked)) if asked.asks else _named(asked)


def _documents_of(user: Any, asked: Question) -> Any:
    statement, parameters = engine().documents(asked, _scope(user))
    return RawSQL(statement, parameters)  # noqa: S611 - a constant; what was typed is a parameter


def _scope(user: Any) -> str:
    return "" if user.is_superuser else f"owner:{user.pk}"


def _named(asked: Question) -> Q:
    """Every wanted word somewhere in the name, as it was typed, and none of the others."""
    if not asked.asks:
        return Q(name__icontains=asked.typed) if asked.typed and not asked.unwanted else Q(pk__in=[])
    named = Q()
    for term in asked.wanted:
        named &= Q(name__icontains=term.typed)
    for term in asked.unwanted:
        named &= ~Q(name__icontains=term.typed)
    return named


def hits(documents: Sequence[Document], asked: Question, user: Any) -> dict[UUID, Hits]:
    """For each document with pages that answer: how many, and the first of them. One query."""
    if not documents or not asked.asks:
        return {}
    found: dict[UUID, Hits] = {}
    for key, number, pages, text in _first_pages(documents, asked, user):
        one = Hit(number, snippet(text or "", asked))
        document = UUID(str(key))
        earlier = found.get(document)
        found[document] = Hits(pages, (*(earlier.first if earlier else ()), one))
    return found


def hits_in(document: Document, asked: Question, user: Any, *, after: int, limit: int) -> tuple[list[Hit], bool]:
    """A document's pages that answer, by number from the one behind `after` on, and whether there are more."""
    if not asked.asks:
        return [], False
    found = engine()
    key = sql.document_id(document.pk.hex)
    rows = sql.fetch(
        f"""WITH near AS ({_near(1)})
            SELECT p.number, r.text FROM jobs_page p JOIN jobs_reading r ON r.id = p.reading_id
            WHERE p.document_id = %s AND p.number > %s AND {found.answers} ORDER BY p.number LIMIT %s""",
        [key, key, after, found.match(asked, _scope(user)), limit + 1],
    )
    return [Hit(number, snippet(text, asked)) for number, text in rows[:limit]], len(rows) > limit


def _first_pages(documents: Sequence[Document], asked: Question, user: Any) -> list[sql.Row]:
    """(document, number, pages of the document that answer, text), by document and number."""
    found = engine()
    keys = [sql.document_id(document.pk.hex) for document in documents]
    return sql.fetch(
        f"""WITH near AS ({_near(len(keys))})
            SELECT a.document_id, a.number, a.pages, r.text FROM (
                SELECT p.document_id, p.number, p.reading_id, count(*) OVER (PARTITION BY p.document_id) AS pages,
                    row_number() OVER (PARTITION BY p.document_id ORDER BY p.number) AS place
                FROM jobs_page p WHERE p.document_id IN ({sql.marks(keys)}) AND {found.answers}) a
            LEFT JOIN jobs_reading r ON r.id = a.reading_id
            WHERE a.place <= %s ORDER BY a.document_id, a.number""",
        [*keys, *keys, found.match(asked, _scope(user)), HITS_A_DOCUMENT],
    )


def _near(documents: int) -> str:
    return f"SELECT min(id) AS low, max(id) AS high FROM jobs_page WHERE document_id IN ({sql.marks([0] * documents)})"


def asked_for(typed: str) -> Question:
    """What a person typed, understood. Never raises."""
    return question(typed)
