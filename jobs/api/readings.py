"""The texts of a page: edited, approved, read again, accepted or discarded, restored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Router

from jobs import actors
from jobs.api import examples
from jobs.api.answers import answers
from jobs.api.auth import needs
from jobs.schemas import DocumentOut, PageOut
from jobs.schemas.readings import EditIn, ReadingIn, ReadingList, ReadingOut, RerunIn
from jobs.services import finding, readings, rerunning, writing

router = Router(tags=["Readings"])
ONE_PAGE = "/documents/{uuid:document_id}/pages/{int:number}"


def _changes(*, body: Any = None, refusals: tuple[str, ...]) -> dict[str, Any]:
    return answers(PageOut, example=examples.PAGE, refusals=refusals, body=body)


@router.get(
    ONE_PAGE + "/readings",
    auth=needs("read"),
    summary="List a page's readings",
    **answers(ReadingList, example=examples.READINGS, refusals=("not_found",)),
)
def list_readings(request: HttpRequest, document_id: UUID, number: int) -> ReadingList:
    """Every text the page ever had, newest first: what hosts read, what people wrote, which one is in force."""
    page = finding.page(request.user, document_id, number)
    return ReadingList(items=[ReadingOut.of(version) for version in readings.versions(page)], next_cursor=None)


@router.put(
    ONE_PAGE + "/text",
    auth=needs("write"),
    summary="Edit a page's text",
    **_changes(body=examples.EDIT, refusals=("not_found", "conflict", "not_ready", "invalid")),
)
def edit_text(request: HttpRequest, document_id: UUID, number: int, edit: EditIn) -> PageOut:
    """Puts your text in force, as a new reading. `base` is the page's `reading` as you fetched it.

    409 `conflict` when another one is in force now: fetch the page again, and put both together. Nothing is lost.
    A page that failed or was set aside takes your text too, with `base` null, and is done with it.
    """
    writing.save(document_id, number, edit.text, base=edit.base, by=request.user)
    return _out(request, document_id, number)


@router.post(
    ONE_PAGE + "/approve",
    auth=needs("write"),
    summary="Approve a page",
    **_changes(refusals=("not_found", "not_ready")),
)
def approve_page(request: HttpRequest, document_id: UUID, number: int) -> PageOut:
    """You have looked at the page and its text is good: it needs no further look. Twice is harmless."""
    readings.approve(document_id, number, by=request.user)
    return _out(request, document_id, number)


CHOSEN: dict[str, Any] = _changes(body=examples.CHOOSE, refusals=("not_found", "conflict", "invalid"))


@router.post(ONE_PAGE + "/accept", auth=needs("write"), summary="Accept a new reading", **CHOSEN)
def accept_reading(request: HttpRequest, document_id: UUID, number: int, chosen: ReadingIn) -> PageOut:
    """Puts the reading that a rerun proposed in force. Twice is harmless."""
    return _chosen(readings.accept, request, document_id, number, chosen)


@router.post(ONE_PAGE + "/discard", auth=needs("write"), summary="Discard a new reading", **CHOSEN)
def discard_reading(request: HttpRequest, document_id: UUID, number: int, chosen: ReadingIn) -> PageOut:
    """Leaves the text in force; the proposed reading stays in the list of readings. Twice is harmless."""
    return _chosen(readings.discard, request, document_id, number, chosen)


@router.post(ONE_PAGE + "/restore", auth=needs("write"), summary="Restore a reading", **CHOSEN)
def restore_reading(request: HttpRequest, document_id: UUID, number: int, chosen: ReadingIn) -> PageOut:
    """Puts any earlier reading of the page in force again. Twice is harmless."""
    return _chosen(readings.restore, request, document_id, number, chosen)


@router.post(
    "/documents/{uuid:document_id}/rerun",
    auth=needs("write"),
    summary="Read pages again",
    **answers(
        DocumentOut, example=examples.DOCUMENT, body=examples.RERUN, refusals=("not_found", "conflict", "invalid")
    ),
)
def rerun_document(request: HttpRequest, document_id: UUID, rerun: RerunIn) -> DocumentOut:
    """Reads pages again, otherwise if you like. Their text in force stays until the new one is accepted; what failed
    before gets its text at once. `backend` is for administrators.
    """
    wish = rerunning.Wish(rerun.pages, rerun.mode or "", rerun.prompt, rerun.dpi, rerun.language, rerun.backend)
    document = rerunning.rerun(document_id, wish, by=request.user)
    actors.dispatch_soon()
    return DocumentOut.of_all([document])[0]


def _chosen(
    service: Callable[..., object], request: HttpRequest, document_id: UUID, number: int, chosen: ReadingIn
) -> PageOut:
    service(document_id, number, chosen.reading, by=request.user)
    return _out(request, document_id, number)


def _out(request: HttpRequest, document_id: UUID, number: int) -> PageOut:
    return PageOut.of(finding.page(request.user, document_id, number))
