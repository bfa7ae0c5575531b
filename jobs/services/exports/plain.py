"""Markdown, plain text and JSON, page by page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder

from jobs.domain.rendering import Figure
from jobs.models import Backend, Document, Page
from jobs.services.exports import content


def markdown(document: Document) -> Iterator[str]:
    """Pages joined by a blank line, `<!-- page N -->` before each, figures linked to where the zip holds them."""
    for place, page in enumerate(content.pages(document)):
        missing = content.missing_words(page)
        body = f"<!-- {inside_comment(missing)} -->" if missing else _linked(page).strip("\n")
        yield ("\n\n" if place else "") + f"<!-- page {page.number} -->\n" + body
    yield "\n"


def _linked(page: Page) -> str:
    parts = content.parts(page)
    if not any(isinstance(part, Figure) for part in parts):
        return content.text_of(page)
    return "\n\n".join(_link(page, part) if isinstance(part, Figure) else part for part in parts)


def _link(page: Page, figure: Figure) -> str:
    return f"![Figure {figure.number} of page {page.number}]({content.figure_name(page, figure)})"


def text(document: Document) -> Iterator[str]:
    """Pages joined by form feeds."""
    for place, page in enumerate(content.pages(document)):
        body = content.missing_words(page) or content.plain_text(page)
        # A form feed inside a page would move every page after it by one.
        yield ("\f" if place else "") + body.replace("\f", "\n").strip("\n") + "\n"


def as_json(document: Document) -> Iterator[str]:
    """Facts of the document, then each page with its blocks, boxes and provenance."""
    models = dict(Backend.objects.values_list("name", "model"))
    head = _dumped(_document_facts(document))
    yield head[:-1] + ', "pages": ['
    for place, page in enumerate(content.pages(document)):
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
        "missing_pages": content.missing_numbers(document),
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
        "missing": content.missing_words(page) or None,
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
        "mode": (reading.settings or {}).get("mode", document.mode),
        "dpi": attempt.dpi if attempt else None,
        "rung": (attempt.rung or None) if attempt else None,
        "seconds": attempt.seconds if attempt else None,
        "prompt_tokens": attempt.prompt_tokens if attempt else None,
        "completion_tokens": attempt.completion_tokens if attempt else None,
        "finish_reason": (attempt.finish_reason or None) if attempt else None,
    }


def inside_comment(words: str) -> str:
    """Two dashes would end an HTML comment early."""
    while "--" in words:
        words = words.replace("--", "-")
    return words.replace(">", "›")
