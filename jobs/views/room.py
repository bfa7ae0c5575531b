"""The reading room: one page as one person looks at it now. What is shown, and nothing that changes it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.http import HttpRequest
from django.utils.safestring import SafeString, mark_safe

from jobs import errors
from jobs.domain import alignment, differences, rendering, reruns, retention
from jobs.domain.statuses import ENDED_DOCUMENTS, FAILED_PAGES, OPEN_PAGES, PageStatus
from jobs.forms import RerunForm
from jobs.gateways import markup
from jobs.models import Attempt, Document, Page, Reading
from jobs.services import readings, rerunning, reviewing
from jobs.views.rows import digest

TABS = (("text", "Text"), ("source", "Source"), ("output", "Model output"), ("versions", "Versions"))
VIEWS = {"text", "source", "output", "versions", "edit", "again", "compare"}
NEIGHBOURS = 12  # pages shown on either side, however many the document has
SOURCES = {"recognized": "read", "edit": "edited", "rerun": "read again", "blank": "found blank"}
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True)
class Box:
    """A rectangle on the page image, in its px; `tag_width` is room for the label's words."""

    x: int
    y: int
    width: int
    height: int

    @classmethod
    def of(cls, corners: list[int]) -> Box:
        x1, y1, x2, y2 = corners
        return cls(x1, y1, max(1, x2 - x1), max(1, y2 - y1))


@dataclass(frozen=True)
class ShownBlock:
    """A block with its number on the page, its boxes, and its text as safe HTML (empty where it shows nothing)."""

    number: int
    label: str
    boxes: list[Box]
    html: SafeString
    words: str


def safe_html(text: str) -> SafeString:
    return mark_safe(markup.to_html(text, mark_math=True))  # noqa: S308 - markup.to_html ends in the sanitiser


class PageScreen:
    """A page as it stands now. Everything is fetched when first asked for, and once."""

    def __init__(self, request: HttpRequest, page: Page, *, view: str = "") -> None:
        self.page = page
        self.user = request.user
        self.asked = request.GET
        asked = view or request.GET.get("view", "")
        self.view = asked if asked in VIEWS else "text"
        writable = self.readable or self.unread
        if (self.view == "edit" and not writable) or (self.view == "compare" and page.proposed_id is None):
            self.view = "text"

    @property
    def document(self) -> Document:
        return self.page.document

    @property
    def tabs(self) -> list[tuple[str, str, bool, int]]:
        """(key, word, whether it is shown, how many to say behind the word)."""
        many = len(self.versions) if len(self.versions) > 1 else 0
        return [(key, word, key == self.view, many if key == "versions" else 0) for key, word in TABS]

    @property
    def text(self) -> str:
        return self.page.reading.text if self.page.reading else ""

    @property
    def output(self) -> str:
        return readings.raw_output(self.page.reading) if self.page.reading else ""

    @property
    def readable(self) -> bool:
        """Whether there is a text: it stays while the page is read again."""
        return self.page.reading is not None

    @property
    def unread(self) -> bool:
        """Whether no host could read it, and a person who sees it may write it."""
        return self.page.status in FAILED_PAGES and not self.readable and self.drawn

    @property
    def reading_again(self) -> bool:
        return self.page.rerun is not None and self.page.status in OPEN_PAGES

    @cached_property
    def stored_blocks(self) -> list[dict[str, Any]]:
        return list(self.page.reading.blocks) if self.page.reading else []

    @cached_property
    def linked(self) -> bool:
        """Whether the blocks' own texts are the text: only then can it be shown block by block."""
        pieces = alignment.pieces(rendering.blocks_from_json(self.stored_blocks))
        return bool(self.stored_blocks) and _squeezed("".join(pieces)) == _squeezed(self.text)

    @cached_property
    def blocks(self) -> list[ShownBlock]:
        return [self._shown(number, block) for number, block in enumerate(self.stored_blocks, start=1)]

    def _shown(self, number: int, stored: dict[str, Any]) -> ShownBlock:
        (piece,) = alignment.pieces(rendering.blocks_from_json([stored]))
        html = safe_html(piece) if piece and self.linked and self.view == "text" else mark_safe("")
        words = " ".join(str(stored["body"]).split())[:60]
        boxes = [Box.of(corners) for corners in stored["boxes"]]
        return ShownBlock(number, str(stored["label"]).replace("_", " "), boxes, html, words)

    @property
    def html(self) -> SafeString:
        return safe_html(self.text)

    @property
    def drawn(self) -> bool:
        return self.page.image_width_px is not None and not self.image_gone

    @property
    def image_gone(self) -> str:
        """Why there is no image any more; empty while there is one, or it can be drawn again."""
        return "" if self.may_rerun else retention.let_go("The page image", self.document.images_deleted_at)

    @property
    def may_rerun(self) -> bool:
        return rerunning.is_possible(self.document)

    @property
    def done(self) -> bool:
        return bool(self.page.status == PageStatus.DONE)

    @cached_property
    def attempts(self) -> list[Attempt]:
        return list(self.page.attempts.all())

    # ---- versions

    @cached_property
    def versions(self) -> list[readings.Version]:
        return readings.versions(self.page)

    @property
    def version_rows(self) -> list[tuple[readings.Version, str, str]]:
        """(version, what happened, how), of edits in one go by one person only the last."""
        rows: list[tuple[readings.Version, str, str]] = []
        for version in self.versions:
            newer = rows[-1][0] if rows else None
            if newer and _same_go(newer, version) and not (version.in_force or version.proposed):
                continue
            told = version.reading.settings or {}
            how = version.author or reruns.sentence(told, version.backend)
            written = version.reading.source == "edit" and version.reading.base_id is None
            rows.append((version, "written" if written else SOURCES[version.reading.source], how))
        return rows

    @cached_property
    def compared(self) -> Reading | None:
        """The version asked for beside the one in force."""
        asked = self.asked.get("with", "")
        if not asked.isdecimal() or len(asked) > 18:
            return None
        try:
            return readings.reading_of(self.page, int(asked))
        except errors.NotFound:
            return None

    @cached_property
    def diff(self) -> list[differences.Row]:
        """The text in force on the left; on the right the proposed one, or the version asked for."""
        other = self.page.proposed if self.view == "compare" else self.compared
        return differences.rows(self.text, other.text) if other else []

    @property
    def changed_lines(self) -> int:
        return differences.changes(self.diff)

    @property
    def proposal_words(self) -> str:
        proposed = self.page.proposed
        if proposed is None:
            return ""
        told = (proposed.settings or {}) | {"dpi": proposed.attempt.dpi if proposed.attempt else None}
        return reruns.sentence(told, proposed.attempt.backend if proposed.attempt else "")

    @cached_property
    def proposed_count(self) -> int:
        return self.document.pages.filter(proposed__isnull=False).count()

    @cached_property
    def rerun_form(self) -> RerunForm:
        return RerunForm(user=self.user, initial={"scope": "page"})

    # ---- around it

    @cached_property
    def before(self) -> list[Page]:
        around = self.document.pages.filter(number__lt=self.page.number).order_by("-number")
        return list(reversed(around[:NEIGHBOURS]))

    @cached_property
    def after(self) -> list[Page]:
        return list(self.document.pages.filter(number__gt=self.page.number).order_by("number")[:NEIGHBOURS])

    @property
    def around(self) -> list[Page]:
        return [*self.before, self.page, *self.after]

    @property
    def previous(self) -> Page | None:
        return self.before[-1] if self.before else None

    @property
    def next(self) -> Page | None:
        return self.after[0] if self.after else None

    @cached_property
    def last_number(self) -> int:
        if len(self.after) < NEIGHBOURS:
            return self.around[-1].number
        last: int = self.document.pages.order_by("-number").values_list("number", flat=True)[0]
        return last

    @cached_property
    def to_review(self) -> Page | None:
        return reviewing.next_to_review(self.user, self.page)

    @cached_property
    def failed(self) -> int | None:
        return reviewing.next_failed(self.document, self.page.number)

    @property
    def carried(self) -> str:
        """What of the address a step to another page keeps: the tab."""
        return f"?view={self.view}" if self.view in ("source", "output") else ""

    @property
    def live(self) -> bool:
        return self.document.status not in ENDED_DOCUMENTS

    @cached_property
    def seen(self) -> str:
        page = self.page
        states: list[Any] = [(p.number, p.status, p.needs_review, p.proposed_id) for p in self.around]
        return digest(
            states, page.reading_id, page.proposed_id, page.reason, page.rerun_error, page.approved_at,
            len(self.attempts), len(self.versions), self.drawn, self.live,
        )  # fmt: skip


def _squeezed(text: str) -> str:
    return _SPACE.sub("", text)


def _same_go(newer: readings.Version, older: readings.Version) -> bool:
    """Autosaved steps of one person at one text, within ten minutes of each other."""
    both = newer.reading.source == older.reading.source == "edit"
    return both and newer.author == older.author and (newer.at - older.at).total_seconds() < 600
