"""A document's text to take along. Texts are streamed page by page; files that take longer are made once and kept.

Up to AT_ONCE_PAGES such a file is made while one waits. A longer one is made by an actor: until it is there, asking for
it raises errors.BeingMade, which says what is to be asked of the actor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from jobs import errors
from jobs.domain import statuses
from jobs.domain.display_names import stem
from jobs.domain.statuses import PageStatus
from jobs.gateways import archives, storage
from jobs.models import Document
from jobs.services.exports import bundle, content, html, kept, plain, searchable, sheets, word

PAGES_AT_ONCE = content.PAGES_AT_ONCE
AT_ONCE_PAGES = 50
PIECE_BYTES = 256 * 1024
DOCUMENTS_MOST = 500  # of one bulk download

TEXTS: dict[str, Callable[[Document], Iterator[str]]] = {
    "md": plain.markdown,
    "txt": plain.text,
    "html": html.as_html,
    "json": plain.as_json,
}


def _write_zip(document: Document, path: Path) -> None:
    with path.open("wb") as file:
        for piece in bundle.stream(document):
            file.write(piece)


MADE: dict[str, kept.Writer] = {
    "pdf": searchable.write,
    "docx": word.write,
    "xlsx": sheets.write,
    "zip": _write_zip,
}
FORMATS = (*TEXTS, *MADE)
MEDIA_TYPES = {
    "md": "text/markdown; charset=utf-8",
    "txt": "text/plain; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "json": "application/json",
    "pdf": "application/pdf",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "zip": "application/zip",
}
NOTHING_DONE = "No page of this document is done yet: there is nothing to download."
STILL_READ = (
    "This document is long and still being read: this format is made once that has ended. "
    "Markdown, text, HTML and JSON can be had at any time."
)
BEING_MADE = "It is being made: ask again in a moment."

plain_text = content.plain_text
missing_words = content.missing_words


def export(document: Document, format: str, *, wait: bool = False) -> tuple[str, str, Iterator[bytes]]:
    """(media type, file name, the result in pieces). Every page shows the reading in force.

    With `wait` a file is made here and now, however long that takes.
    Raises errors.Invalid for an unknown format, errors.NotReady while no page is done, errors.BeingMade, and
    errors.Unavailable, errors.Unreadable or errors.TooLarge where a file could not be made.
    """
    _check(document, format)
    name = f"{stem(document.name)}.{format}"
    if format in TEXTS:
        return MEDIA_TYPES[format], name, bundle.encoded(TEXTS[format](document))
    if not wait and document.page_count > AT_ONCE_PAGES:
        _ask_for([document], format)
    kept.make(document, format, MADE[format])
    return MEDIA_TYPES[format], name, _pieces(kept.key(document, format))


def make(document_id: Any, format: str) -> bool:
    """For the actor: make what was asked for. False when there is nothing to do."""
    document = Document.objects.kept().filter(pk=document_id).first()
    if document is None or format not in MADE or not _has_text(document):
        return False
    return kept.make_later(document, format, MADE[format])


def export_many(documents: Sequence[Document], format: str) -> tuple[str, str, Iterator[bytes]]:
    """All of them in one zip, each in the format asked for; which have no text yet says a file among them.

    Raises errors.Invalid, errors.NotReady where none has any text, errors.BeingMade while a long one is not made.
    """
    if format not in FORMATS:
        raise _unknown_format()
    if not documents or len(documents) > DOCUMENTS_MOST:
        sentence = f"Choose between 1 and {DOCUMENTS_MOST} documents."
        raise errors.Invalid(sentence, {"ids": sentence})
    ready = [document for document in documents if _has_text(document)]
    if not ready:
        raise errors.NotReady("No page of these documents is done yet: there is nothing to download.")
    if format in MADE:
        _ask_for([document for document in ready if document.page_count > AT_ONCE_PAGES], format)
    return MEDIA_TYPES["zip"], f"documents-{format}.zip", archives.stream(_entries(documents, ready, format))


def _entries(
    documents: Sequence[Document], ready: Sequence[Document], format: str
) -> Iterator[tuple[str, Iterator[bytes]]]:
    names: set[str] = set()
    left = [f"{document.name}: no page is done yet." for document in documents if document not in ready]
    for document in ready:
        try:
            _, name, pieces = export(document, format)
        except errors.OcrsiteError as error:
            left.append(f"{document.name}: {error.message}")
            continue
        yield _free_name(name, names), pieces
    if left:
        yield _free_name("missing.txt", names), iter(["\n".join([*left, ""]).encode("utf-8", "replace")])


def _free_name(name: str, taken: set[str]) -> str:
    """Two documents of one name get two entries, and none can hide itself or leave the folder it is unpacked to."""
    name = name.replace("/", "_").replace("\\", "_").lstrip(". ") or "document"
    free, number = name, 1
    while free in taken:
        number += 1
        free = f"{stem(name)}-{number}.{name.rpartition('.')[2]}"
    taken.add(free)
    return free


def _check(document: Document, format: str) -> None:
    if format not in FORMATS:
        raise _unknown_format()
    if not _has_text(document):
        raise errors.NotReady(NOTHING_DONE)


def _unknown_format() -> errors.Invalid:
    sentence = f"Use one of {', '.join(FORMATS)}."
    return errors.Invalid(f"There is no such format. {sentence}", {"format": sentence})


def _has_text(document: Document) -> bool:
    return document.pages.filter(status=PageStatus.DONE).exists()


def _ask_for(documents: Sequence[Document], format: str) -> None:
    """Raises errors.BeingMade unless all of them are there."""
    waiting = [document for document in documents if not kept.is_ready(document, format)]
    if any(document.status in statuses.UNFINISHED_DOCUMENTS for document in waiting):
        raise errors.NotReady(STILL_READ)
    if waiting:
        to_make = [(document.pk, format) for document in waiting if kept.should_send(document, format)]
        raise errors.BeingMade(BEING_MADE, to_make=to_make)


def _pieces(key: str) -> Iterator[bytes]:
    with storage.open_file(key) as file:
        while piece := file.read(PIECE_BYTES):
            yield piece
