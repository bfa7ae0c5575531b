"""What an export shows of each page: the reading in force, or why there is none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jobs.domain import rendering
from jobs.domain.grounding import Block
from jobs.domain.rendering import Figure
from jobs.domain.statuses import FAILED_PAGES, PageStatus
from jobs.models import Document, Page

PAGES_AT_ONCE = 50


def pages(document: Document) -> Iterator[Page]:
    """By number, some at a time: no cursor stays open while a slow client reads."""
    after = 0
    while chunk := list(_pages_after(document, after)):
        yield from chunk
        after = chunk[-1].number


def _pages_after(document: Document, number: int) -> Any:
    found = document.pages.filter(number__gt=number).order_by("number")
    return found.select_related("reading__attempt", "reading__author")[:PAGES_AT_ONCE]


def missing_words(page: Page) -> str:
    """What stands in a page's place where it has no text: "[page 3: failed: reason]"; empty when it has one."""
    if page.status == PageStatus.DONE:
        return ""
    if page.status in FAILED_PAGES:
        return f"[page {page.number}: failed: {' '.join(page.reason.split()) or 'no reason was noted'}]"
    if page.status == PageStatus.CANCELLED:
        return f"[page {page.number}: cancelled]"
    return f"[page {page.number}: not read yet]"


def missing_numbers(document: Document) -> list[int]:
    """The pages that have no text, by number."""
    missing = document.pages.exclude(status=PageStatus.DONE).order_by("number")
    return list(missing.values_list("number", flat=True))


def missing_note(document: Document) -> str:
    """A sentence that names the pages without a text; empty when there are none."""
    numbers = missing_numbers(document)
    if not numbers:
        return ""
    total = document.pages.count()
    return f"{len(numbers)} of {total} pages {'is' if len(numbers) == 1 else 'are'} missing here: {_ranges(numbers)}."


def _ranges(numbers: list[int]) -> str:
    """[3, 5, 6, 7] → "3, 5–7"."""
    spans: list[list[int]] = []
    for number in numbers:
        if spans and spans[-1][1] == number - 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    return ", ".join(str(first) if first == last else f"{first}–{last}" for first, last in spans)


def text_of(page: Page) -> str:
    """The Markdown in force; empty where there is none."""
    return page.reading.text if page.reading else ""


def blocks_in_force(page: Page) -> list[Block]:
    """The blocks that say what the text says. Those of a text that a person changed since say something else."""
    reading = page.reading
    if reading is None or not reading.blocks:
        return []
    blocks = rendering.blocks_from_json(reading.blocks)
    return blocks if rendering.to_markdown(blocks).strip() == reading.text.strip() else []


def parts(page: Page) -> list[str | Figure]:
    """Markdown and figures in their order. Beside a text that a person changed, the figures come last."""
    blocks = blocks_in_force(page)
    if blocks:
        return rendering.in_parts(blocks)
    said: list[str | Figure] = [text_of(page)] if text_of(page) else []
    stored = rendering.blocks_from_json(page.reading.blocks) if page.reading else []
    return said + [part for part in rendering.in_parts(stored) if isinstance(part, Figure)]


def plain_text(page: Page) -> str:
    """The page's text without markup; tables as rows with tabs."""
    blocks = blocks_in_force(page)
    return rendering.to_text(blocks or [Block("text", (), text_of(page))])


def figure_name(page: Page, figure: Figure) -> str:
    """Where a figure stands beside the text: what Markdown links to and the zip holds."""
    return f"images/page-{page.number}-{figure.number}.jpg"
