"""The texts of a page: which is in force, which is proposed, what a person wrote, approved, took back.

A reading is never changed and never removed. What moves is the page's pointer: `reading` is in force, `proposed` waits
for a person's yes. What a host answered comes in force in page_ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from jobs import errors
from jobs.domain import alignment, rendering
from jobs.domain.chat import storable
from jobs.models import Attempt, Backend, Document, Page, Reading
from jobs.services import access, searching

MAX_TEXT_SIGNS = 1_000_000
BLANK = "blank"


class EditedMeanwhile(errors.Conflict):
    """Somebody else's text is in force now. `in_force` is that reading."""

    def __init__(self, message: str, in_force: Reading | None) -> None:
        super().__init__(message)
        self.in_force = in_force


@dataclass(frozen=True)
class Version:
    """A reading as people see it in the list of versions. `author` is empty for what a host read."""

    reading: Reading
    backend: str
    author: str
    at: datetime
    in_force: bool
    proposed: bool

    @property
    def id(self) -> int:
        return int(self.reading.pk)


# ---- what a person does


def edit(document_id: Any, number: int, text: str, *, base: int | None, by: Any) -> Reading:
    """Put a person's text in force. `base` is the reading they began with; the same text again changes nothing.

    Raises EditedMeanwhile when another reading is in force now, errors.NotReady before there is one, errors.Invalid.
    """
    cleaned = checked(text)
    with transaction.atomic():
        page = locked(document_id, number, by)
        current = _in_force(page)
        if current.text == cleaned:
            return current
        if current.pk != base:
            raise EditedMeanwhile(_who_edited(current), current)
        blocks = alignment.realigned(rendering.blocks_from_json(current.blocks), cleaned)
        reading = Reading.objects.create(
            page=page, source="edit", author=by, text=cleaned, blocks=rendering.blocks_as_json(blocks), base=current,
            settings={"origin": (current.settings or {}).get("origin") or current.pk},
        )  # fmt: skip
        put_in_force(page, reading, looked_at=True)
    access.audit("page.edited", by=by, subject=str(page.document_id), detail={"page": number, "reading": reading.pk})
    return reading


def restore(document_id: Any, number: int, reading_id: int, *, by: Any) -> Page:
    """Put an earlier reading in force again. Twice is harmless. Raises errors.NotFound."""
    with transaction.atomic():
        page = locked(document_id, number, by)
        reading = _of_page(page, reading_id)
        if page.reading_id != reading.pk:
            put_in_force(page, reading, looked_at=True)
    access.audit("page.restored", by=by, subject=str(page.document_id), detail={"page": number, "reading": reading_id})
    return page


def approve(document_id: Any, number: int, *, by: Any) -> Page:
    """A person has looked at the page and finds its text good. Twice is harmless. Raises errors.NotReady."""
    with transaction.atomic():
        page = locked(document_id, number, by)
        _in_force(page)
        page.approved_at, page.approved_by = timezone.now(), by
        page.save(update_fields=["approved_at", "approved_by"])
        _looked_at(page)
    access.audit("page.approved", by=by, subject=str(page.document_id), detail={"page": number})
    return page


def accept(document_id: Any, number: int, reading_id: int, *, by: Any) -> Page:
    """Put the proposed reading in force. Twice is harmless. Raises errors.NotFound, errors.Conflict."""
    with transaction.atomic():
        page = locked(document_id, number, by)
        reading = _of_page(page, reading_id)
        if page.reading_id == reading.pk and page.proposed_id is None:
            return page
        _check_proposed(page, reading)
        put_in_force(page, reading, looked_at=False)
    access.audit("page.accepted", by=by, subject=str(page.document_id), detail={"page": number, "reading": reading_id})
    return page


def discard(document_id: Any, number: int, reading_id: int, *, by: Any) -> Page:
    """Leave the text in force as it is. The proposed reading stays among the versions. Twice is harmless."""
    with transaction.atomic():
        page = locked(document_id, number, by)
        reading = _of_page(page, reading_id)
        if page.proposed_id is None and page.reading_id != reading.pk:
            return page
        _check_proposed(page, reading)
        page.proposed = None
        page.save(update_fields=["proposed"])
        _touch(page)
    return page


def accept_all(document_id: Any, *, by: Any) -> int:
    """Put every proposed reading of a document in force. Returns how many."""
    visible = Page.objects.visible_to(by).filter(document_id=document_id, proposed__isnull=False)
    waiting = list(visible.values_list("number", "proposed_id"))
    for number, reading_id in waiting:
        accept(document_id, number, reading_id, by=by)
    return len(waiting)


# ---- looking


def versions(page: Page) -> list[Version]:
    """Every reading of a page, newest first. Three queries at most."""
    rows = page.readings.select_related("attempt", "author").order_by("-pk")
    return [
        Version(
            reading=row,
            backend=row.attempt.backend if row.attempt else "",
            author=(row.author.get_full_name() or row.author.get_username()) if row.author else "",
            at=row.created_at,
            in_force=row.pk == page.reading_id,
            proposed=row.pk == page.proposed_id,
        )
        for row in rows
    ]


def reading_of(page: Page, reading_id: int) -> Reading:
    """Raises errors.NotFound for one that is not this page's."""
    return _of_page(page, reading_id)


def raw_output(reading: Reading) -> str:
    """What the model itself wrote; for an edit, of the reading that it began with."""
    origin = (reading.settings or {}).get("origin")
    if reading.source != "edit" or not origin:
        return reading.raw
    first = Reading.objects.filter(pk=origin, page_id=reading.page_id).first()
    return first.raw if first else ""


def provenance(reading: Reading) -> dict[str, Any]:
    """How a reading came about: {"mode", "dpi", "language", "prompt", "backend", "model"}, of an edit its origin's."""
    told = reading.settings or {}
    attempt: Attempt | None = reading.attempt
    if attempt is None:
        return told
    model = Backend.objects.filter(name=attempt.backend).values_list("model", flat=True).first()
    return told | {"backend": attempt.backend, "dpi": attempt.dpi, "model": model}


# ---- inside


def checked(text: str) -> str:
    """A person's text as it is stored. Raises errors.Invalid for one that is far too long."""
    if len(text) > MAX_TEXT_SIGNS:
        sentence = f"A page takes at most {MAX_TEXT_SIGNS:,} characters: shorten it."
        raise errors.Invalid(sentence, {"text": sentence})
    return storable(text.replace("\r\n", "\n").replace("\r", "\n"))


def locked(document_id: Any, number: int, by: Any) -> Page:
    """The page, held by this transaction. Raises errors.NotFound for what is not there and not theirs alike."""
    pages = Page.objects.visible_to(by).filter(document_id=document_id, number=number)
    found = pages.values_list("pk", flat=True).first()
    if found is None:
        raise errors.NotFound(f"There is no page {number} of this document, or it is not prepared yet.")
    # The page first and its document's counters last, as settling does: so two can never wait for each other.
    page: Page = Page.objects.select_for_update(of=("self",)).select_related("reading__author").get(pk=found)
    return page


def _in_force(page: Page) -> Reading:
    if page.reading is None:
        raise errors.NotReady(f"Page {page.number} has no text yet.")
    reading: Reading = page.reading
    return reading


def _of_page(page: Page, reading_id: int) -> Reading:
    reading: Reading | None = page.readings.select_related("attempt").filter(pk=reading_id).first()
    if reading is None:
        raise errors.NotFound(f"There is no such reading of page {page.number}.")
    return reading


def _check_proposed(page: Page, reading: Reading) -> None:
    if page.proposed_id != reading.pk:
        raise errors.Conflict(f"That reading of page {page.number} does not wait to be accepted any more.")


def _who_edited(current: Reading) -> str:
    who = current.author.get_full_name() or current.author.get_username() if current.author else "A new reading"
    return f"{who} changed this page meanwhile: nothing was saved over it."


def put_in_force(page: Page, reading: Reading, *, looked_at: bool) -> None:
    """Inside the caller's transaction, which holds the page. `looked_at`: a person chose these words, so nobody need
    look again; else the reading's own doubt counts."""
    doubt = "" if looked_at else reading.doubt
    page.reading = reading
    page.approved_at = page.approved_by = None
    if page.proposed_id == reading.pk:
        page.proposed = None
    if reading.attempt is not None:
        page.backend = reading.attempt.backend
    page.save(update_fields=["reading", "approved_at", "approved_by", "proposed", "backend"])
    searching.index_text(page.pk, reading.text)
    _looked_at(page, doubt)


def _looked_at(page: Page, doubt: str = "") -> None:
    """Sets or clears that the page needs a look, and counts it. While it is read again, what it goes back to."""
    blank = page.reading is not None and page.reading.source == BLANK
    reason = doubt or (BLANK if blank else "")
    if page.rerun is not None:
        page.rerun = page.rerun | {"reason": reason}
    else:
        page.reason = reason
    fewer = int(bool(doubt)) - int(page.needs_review)
    page.needs_review = bool(doubt)
    page.save(update_fields=["rerun", "reason", "needs_review"])
    _touch(page, needs_review=fewer)


def _touch(page: Page, *, needs_review: int = 0) -> None:
    Document.objects.filter(pk=page.document_id).update(
        revision=F("revision") + 1, needs_review=F("needs_review") + needs_review
    )
