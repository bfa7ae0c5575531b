"""A document as the list shows it, ready to print: one row, its strip, its words and a print that tells it changed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from jobs.domain import statuses
from jobs.domain.search_words import Question
from jobs.domain.statuses import DocumentStatus
from jobs.models import Document
from jobs.services import progress, searching, tagging
from jobs.services.searching import Hits
from jobs.views import words


@dataclass(frozen=True)
class Row:
    """`bars`: one state word a bar; `mine`: uploaded by who looks at it; `hits`: what answers a search in it."""

    document: Document
    progress: progress.Progress
    bars: Sequence[str]
    mine: bool
    tags: Sequence[str] = ()
    hits: Hits | None = None

    @cached_property
    def look(self) -> str:
        return words.document_look(self.document.status, self.document.needs_review)[0]

    @cached_property
    def state(self) -> str:
        return words.document_look(self.document.status, self.document.needs_review)[1]

    @cached_property
    def pages_line(self) -> str:
        known = self.progress
        return words.pages_line(self.document, known.counts, known.eta_seconds, known.ahead_documents)

    @property
    def owner(self) -> str:
        return "you" if self.mine else self.document.owner.get_full_name() or self.document.owner.get_username()

    @property
    def key(self) -> str:
        return str(self.document.id)

    @property
    def where(self) -> str:
        return words.where(self.document.decision)

    @property
    def why(self) -> str:
        decision: dict[str, Any] = self.document.decision or {}
        return str(decision.get("reason") or "")

    @property
    def live(self) -> bool:
        """Whether anything about it may still change by itself."""
        return self.document.status in statuses.UNFINISHED_DOCUMENTS

    @property
    def may_cancel(self) -> bool:
        return self.live

    @property
    def may_pause(self) -> bool:
        return self.document.status in statuses.OPEN_DOCUMENTS

    @property
    def may_resume(self) -> bool:
        return bool(self.document.status == DocumentStatus.PAUSED)

    @property
    def may_retry(self) -> bool:
        failed = bool(self.document.pages_failed) and self.document.status != DocumentStatus.CANCELLED
        return failed and self.document.original_deleted_at is None

    @cached_property
    def print(self) -> str:
        """Differs whenever the row would look different."""
        told = (self.document.id, self.state, self.pages_line, self.where, self.why, self.document.name, *self.bars)
        return digest(*told, "tags", *self.tags)

    @cached_property
    def hits_print(self) -> str:
        """Differs whenever the pieces found in it would look different."""
        return digest(self.document.id, self.hits)


def digest(*parts: object) -> str:
    """A short name for what is on a screen. Not a secret: it only tells a poll whether to answer."""
    return hashlib.blake2s("\x1f".join(map(str, parts)).encode(), digest_size=8).hexdigest()


NOTHING_ASKED = Question()


def rows_for(documents: Sequence[Document], user: Any, asked: Question = NOTHING_ASKED) -> list[Row]:
    """Rows in the same order, in a constant number of queries. The documents' owners should be joined already."""
    known, strips, tags = progress.of(documents), progress.strips(documents), tagging.of(documents)
    hits = searching.hits(documents, asked, user)
    return [
        Row(d, known[d.id], strips[d.id], mine=d.owner_id == user.pk, tags=tags[d.id], hits=hits.get(d.id))
        for d in documents
    ]
