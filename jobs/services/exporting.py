"""A document's text to take along: Markdown, plain text, JSON. Streamed page by page, so that size costs no memory."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder

from jobs import errors
from jobs.domain import rendering
from jobs.domain.display_names import stem
from jobs.domain.statuses import FAILED_PAGES, PageStatus
from jobs.models import Backend, Document, Page

PAGES_AT_ONCE = 50
FORMATS = ("md", "txt", "json")
MEDIA_TYPES = {
    "md": "text/markdown; charset=utf-8",
    "txt": "text/plain; charset=utf-8",
    "json": "application/json",
}


def export(document: Document, format: str) -> tuple[str, str, Iterator[bytes]]:
    """(media type, file name, the result in pieces). Every page shows the reading in force.

    Raises errors.Invalid for an unknown format, errors.NotReady while no page is done.
    """
    if format not in FORMATS:
        sentence = f"Use one of {', '.join(FORMATS)}."
        raise errors.Invalid(f"There is no such format. {sentence}", {"format": sentence})
    if not document.pages.filter(status=PageStatus.DONE).exists():
        raise errors.NotReady("No page of this document is done yet: there is nothing to download.")
    writers: dict[str, Callable[[Document], Iterator[str]]] = {"md": _markdown, "txt": _text, "json": _json}
    pieces = (piece.encode("utf-8", "replace") for piece in writers[format](document))
    return MEDIA_TYPES[format], f"{stem(document.name)}.{format}", pieces


def _pages(document: Document) -> Iterator[Page]:
    """By number, some at a time: no cursor stays open while a slow client reads."""
    after = 0
    while chunk := list(_pages_after(document, after)):
        yield from chunk
        after = chunk[-1].number


def _pages_after(document: Document, number: int) -> Any:
    pages = document.pages.filter(number__gt=number).order_by("number")
    return pages.select_related("reading__attempt", "reading__author")[:PAGES_AT_ONCE]


def _markdown(document: Document) -> Iterator[str]:
    for place, page in enumerate(_pages(document)):
        missing = missing_words(page)
        body = f"<!-- {_inside_comment(missing)} -->" if missing else _reading_text(page).strip("\n")
        yield ("\n\n" if place else "") + f"<!-- page {page.number} -->\n" + body
    yield "\n"


def _text(document: Document) -> Iterator[str]:
    for place, page in enumerate(_pages(document)):
        body = missing_words(page) or plain_text(page)
        # A form feed inside a page would move every page after it by one.
        yield ("\f" if place else "") + body.replace("\f", "\n").strip("\n") + "\n"


def _json(document: Document) -> Iterator[str]:
    models = dict(Backend.objects.values_list("name", "model"))
    head = _dumped(_document_facts(document))
    yield head[:-1] + ', "pages": ['
    for place, page in enumerate(_pages(document)):
        yield (",\n" if place else "\n") + _dumped(_page_facts(page, document, models))
    yield "\n]}\n"


def _dumped(value: Any) -> str:
    return json.dumps(value, cls=DjangoJSONEncoder, ensure_ascii=False)


def _document_facts(document: Document) -> dict[str, Any]:
    return {
        "id": document.id,
        "name": document.name,
        "status": document.status,
        "page_count": document.page_count,
        "media_type": document.media_type,
        "sha256": document.sha256,
        "mode": document.mode,
        "dpi": document.dpi,
        "language": document.language,
        "decision": document.decision,
        "created_at": document.created_at,
        "finished_at": document.finished_at,
    }


def _page_facts(page: Page, document: Document, models: dict[str, str]) -> dict[str, Any]:
    reading = page.reading
    return {
        "number": page.number,
        "status": page.status,
        "missing": missing_words(page) or None,
        "needs_review": page.needs_review,
        "reason": page.reason,
        "image": {"width_px": page.image_width_px, "height_px": page.image_height_px, "dpi": page.image_dpi},
        "text": reading.text if reading else None,
        "blocks": reading.blocks if reading else [],
        "provenance": _provenance(page, document, models),
    }


def _provenance(page: Page, document: Document, models: dict[str, str]) -> dict[str, Any] | None:
    """Where the text comes from: a host with its settings, or a person."""
    reading = page.reading
    if reading is None:
        return None
    attempt = reading.attempt
    return {
        "source": reading.source,
        "at": reading.created_at,
        "author": reading.author.get_username() if reading.author else None,
        "backend": attempt.backend if attempt else None,
        "model": models.get(attempt.backend) if attempt else None,
        "mode": document.mode,
        "dpi": attempt.dpi if attempt else None,
        "rung": (attempt.rung or None) if attempt else None,
        "seconds": attempt.seconds if attempt else None,
        "prompt_tokens": attempt.prompt_tokens if attempt else None,
        "completion_tokens": attempt.completion_tokens if attempt else None,
        "finish_reason": (attempt.finish_reason or None) if attempt else None,
    }


def missing_words(page: Page) -> str:
    """What stands in a page's place where it has no text: "[page 3: failed: reason]"; empty when it has one."""
    if page.status == PageStatus.DONE:
        return ""
    if page.status in FAILED_PAGES:
        return f"[page {page.number}: failed: {' '.join(page.reason.split()) or 'no reason was noted'}]"
    if page.status == PageStatus.CANCELLED:
        return f"[page {page.number}: cancelled]"
    return f"[page {page.number}: not read yet]"


def plain_text(page: Page) -> str:
    """The page's text without markup; tables as rows with tabs."""
    reading = page.reading
    if reading is None:
        return ""
    if not reading.blocks:
        return reading.text
    return rendering.to_text(rendering.blocks_from_json(reading.blocks))


def _reading_text(page: Page) -> str:
    return page.reading.text if page.reading else ""


def _inside_comment(words: str) -> str:
    """Two dashes would end an HTML comment early."""
    while "--" in words:
        words = words.replace("--", "-")
    return words.replace(">", "›")
