"""Page ranges as people write them: "1-3,7", "5-" for all from the fifth on, empty for every page."""

from __future__ import annotations

import re

from jobs.errors import Invalid

MAX_TEXT_LENGTH = 200  # the column that keeps it
HOW_TO_WRITE_IT = "Write page numbers and ranges separated by commas, such as 1-3,7."
_PART = re.compile(r"([0-9]{1,9})(?:(-)([0-9]{1,9})?)?")


def parse_page_range(text: str, page_count: int) -> list[int]:
    """The pages that `text` names of a file of `page_count` pages: 1-based, sorted, each once.

    Raises errors.Invalid with the field `pages` where it cannot be read or names a page that is not there.
    """
    chosen: set[int] = set()
    for first, last in _parts(normalized(text)):
        _check(first, page_count if last is None else last, page_count)
        chosen.update(range(first, (page_count if last is None else last) + 1))
    return sorted(chosen) if chosen else list(range(1, page_count + 1))


def normalized(text: str) -> str:
    """One way of writing each range: no spaces, plain dashes. Raises errors.Invalid when it cannot be a range.

    Needs no file, so that a form can refuse before anything is read.
    """
    compact = re.sub(r"\s+", "", text).replace("–", "-").replace("—", "-")
    if len(compact) > MAX_TEXT_LENGTH:
        raise _refused(f"This is longer than {MAX_TEXT_LENGTH} characters: choose fewer, longer ranges.")
    _parts(compact)
    return compact


def _parts(compact: str) -> list[tuple[int, int | None]]:
    """(first, last) of each part; last is None for an open end."""
    if not compact:
        return []
    return [_part(part) for part in compact.split(",")]


def _part(part: str) -> tuple[int, int | None]:
    match = _PART.fullmatch(part)
    if match is None:
        raise _refused(HOW_TO_WRITE_IT)
    first = int(match[1])
    if not match[2]:
        return first, first
    return first, int(match[3]) if match[3] else None


def _check(first: int, last: int, page_count: int) -> None:
    if first < 1:
        raise _refused("Pages are numbered from 1.")
    missing = first if first > page_count else last
    if missing > page_count:
        pages = "1 page" if page_count == 1 else f"{page_count} pages"
        raise _refused(f"The file has {pages}: there is no page {missing}.")
    if last < first:
        raise _refused(f"The range {first}-{last} runs backwards: write {last}-{first}.")


def _refused(sentence: str) -> Invalid:
    return Invalid(f"The page range cannot be used. {sentence}", {"pages": sentence})
