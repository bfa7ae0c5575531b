"""Tags: put on documents, taken off, listed. Who may see a document may tag it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Count, F, Func, OuterRef, QuerySet, Subquery, TextField, Value

from jobs import errors
from jobs.models import Document, Tag

MAX_LETTERS = 40
MAX_TAGS = 20  # of one document: more would say nothing
OFFERED = 100
BETWEEN_NAMES = "\x1f"  # no name has it: names are printable

EMPTY = "Write a tag, such as “contracts”."
TOO_LONG = f"A tag has at most {MAX_LETTERS} letters."


def key_of(name: str) -> str:
    """What makes two spellings the same tag: letter case and spaces make no other."""
    return " ".join(name.split()).casefold()


def checked(name: str) -> str:
    """A tag's name as it is kept. Raises errors.Invalid."""
    tidy = " ".join("".join(letter if letter.isprintable() else " " for letter in name).split())
    if not tidy:
        raise errors.Invalid(EMPTY, {"tag": EMPTY})
    if len(tidy) > MAX_LETTERS:
        raise errors.Invalid(TOO_LONG, {"tag": TOO_LONG})
    return tidy


def add(document_id: UUID, name: str, *, by: Any) -> Document:
    """Twice is harmless. Raises errors.NotFound, and errors.Invalid for a name that is none or one too many."""
    tidy = checked(name)
    with transaction.atomic():
        document = _locked(document_id, by)
        others = [tag for tag in document.tags.all() if tag.key != key_of(tidy)]
        if len(others) == document.tags.count():
            _set(document, [*(tag.name for tag in others), tidy])
    return document


def remove(document_id: UUID, name: str, *, by: Any) -> Document:
    """Twice is harmless. Raises errors.NotFound."""
    with transaction.atomic():
        document = _locked(document_id, by)
        if document.tags.filter(key=key_of(name)).delete()[0]:
            _changed(document)
    return document


def replace(document_id: UUID, names: Iterable[str], *, by: Any) -> Document:
    """The document has these tags and no others. Raises errors.NotFound, errors.Invalid."""
    tidy = {key_of(name): checked(name) for name in names}
    with transaction.atomic():
        document = _locked(document_id, by)
        _set(document, list(tidy.values()))
    return document


def _locked(document_id: UUID, by: Any) -> Document:
    found = Document.objects.one_for(by, document_id)
    return Document.objects.select_for_update().get(pk=found.pk)


def _set(document: Document, names: Sequence[str]) -> None:
    if len(names) > MAX_TAGS:
        sentence = f"“{document.name}” has {MAX_TAGS} tags already: take one off first."
        raise errors.Invalid(sentence, {"tag": sentence})
    document.tags.all().delete()
    Tag.objects.bulk_create([Tag(document=document, name=name, key=key_of(name)) for name in names])
    _changed(document)


def _changed(document: Document) -> None:
    Document.objects.filter(pk=document.pk).update(revision=F("revision") + 1)


class _Joined(Func):
    """All of a column's values in one text: PostgreSQL's string_agg, SQLite's group_concat."""

    function = "STRING_AGG"
    output_field = TextField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, function="GROUP_CONCAT", **context)


def with_tags(documents: QuerySet[Document]) -> QuerySet[Document]:
    """The same documents, each with `tag_names`, so that `of` asks nothing more."""
    tags = Tag.objects.filter(document=OuterRef("pk")).order_by()
    joined = Subquery(tags.values_list(_Joined(F("name"), Value(BETWEEN_NAMES))))
    return documents.annotate(tag_names=joined)


def _names(joined: str | None) -> list[str]:
    return sorted(joined.split(BETWEEN_NAMES), key=key_of) if joined else []


def of(some: Sequence[Document]) -> dict[UUID, list[str]]:
    """Each document's tags by name. One query, none after `with_tags`."""
    if all("tag_names" in document.__dict__ for document in some):
        return {document.pk: _names(document.tag_names) for document in some}  # type: ignore[attr-defined] # annotated
    found: dict[UUID, list[str]] = {document.pk: [] for document in some}
    for key, name in Tag.objects.filter(document__in=list(found)).values_list("document_id", "name"):
        found[key].append(name)
    return found


def documents_with(name: str) -> Any:
    """The ids of documents with this tag, as a subquery."""
    return Tag.objects.filter(key=key_of(name)).values("document_id")


def in_use(user: Any) -> list[str]:
    """The tags of the documents this person may see, the most used first. One query."""
    tags: QuerySet[Tag] = Tag.objects.filter(document__in=Document.objects.visible_to(user))
    rows = tags.order_by().values("key").annotate(n=Count("pk")).order_by("-n", "key")
    return [row["key"] for row in rows[:OFFERED]]
