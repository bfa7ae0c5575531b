"""Pages read again, otherwise: the text in force stays until somebody accepts the new one.

The pages go through the same states as at first, with `Page.rerun` saying what was asked for; so the document's five
counters stay true, and its end is settled as ever.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from jobs import errors
from jobs.domain import page_ranges, reruns, retention, statuses
from jobs.domain.reruns import Rerun
from jobs.domain.statuses import DocumentStatus, PageStatus
from jobs.models import Backend, Document, Page, SlotLease
from jobs.services import access, finding, intake, page_ends, readings, routing, settling


@dataclass(frozen=True)
class Wish:
    """What a rerun is asked for. Empty fields leave the document's own options in place; `pages` empty means all."""

    pages: str = ""
    mode: str = ""
    prompt: str = ""
    dpi: int | None = None
    language: str = ""
    backend: str = ""


def rerun(document_id: Any, wish: Wish, *, by: Any) -> Document:
    """Send pages again. Raises errors.NotFound, Invalid, Forbidden (a backend, for others than administrators) and
    Conflict when none of them can be sent now.
    """
    document = finding.document(by, document_id)
    checked = _checked(document, wish, by)
    with transaction.atomic():
        # Pages before the document, as settling locks them.
        pages = list(_chosen(document, checked.pages).select_for_update().order_by("number"))
        document = Document.objects.select_for_update(of=("self",)).one_for(by, document.pk)
        ready = [page for page in pages if page.status in statuses.ENDED_PAGES]
        _refuse_none(document, pages, ready, wish)
        for page in ready:
            _send_again(page, document, checked)
        _begin_again(document)
    access.audit("document.rerun", by=by, subject=str(document.pk), detail={"pages": len(ready)} | _said(checked))
    return document


def stop(document: Document) -> int:
    """Bring pages that are being read again back to the text they have. Under the document's lock; returns how many."""
    stopped = 0
    for page in Page.objects.filter(document=document, rerun__isnull=False, reading__isnull=False).unended():
        changed = page_ends.restored(reruns.from_json(page.rerun) or Rerun()) | {"finished_at": timezone.now()}
        sources = statuses.rerun_sources(PageStatus.DONE)
        stopped += Page.objects.filter(pk=page.pk, status__in=sources).update(**changed)
    return stopped


def _chosen(document: Document, pages: str) -> QuerySet[Page]:
    """The pages named; without a name all but the blank ones, which nobody would want sent by the way."""
    if not pages:
        every: QuerySet[Page] = document.pages.exclude(reason=readings.BLANK)
        return every
    last = document.pages.order_by("-number").values_list("number", flat=True).first() or 0
    named: QuerySet[Page] = document.pages.filter(number__in=page_ranges.parse_page_range(pages, last))
    return named


def _checked(document: Document, wish: Wish, by: Any) -> Wish:
    options = intake.check(
        intake.Options(
            mode=wish.mode or document.mode,
            prompt=wish.prompt if wish.mode else document.prompt,
            dpi=wish.dpi,
            language=wish.language,
            pages=wish.pages,
        )
    )
    backend = wish.backend.strip()
    if backend and not by.is_superuser:
        raise errors.Forbidden("Only an administrator chooses the backend of a rerun.")
    if backend and not Backend.objects.filter(name=backend, lifecycle__in=["active", "checking"]).exists():
        sentence = f"“{backend}” is not a backend that is in use."
        raise errors.Invalid(sentence, {"backend": sentence})
    prompt = options.prompt if wish.mode else ""
    return Wish(options.pages, wish.mode, prompt, options.dpi, options.language, backend)


def is_possible(document: Document) -> bool:
    """Whether there is still something to read: page images, or the file they are drawn from."""
    return document.original_deleted_at is None or document.images_deleted_at is None


def _refuse_none(document: Document, pages: list[Page], ready: list[Page], wish: Wish) -> None:
    if not is_possible(document):
        gone = retention.let_go("The uploaded file", document.original_deleted_at)
        raise errors.Conflict(f"{gone} There is nothing left that could be read again.")
    if not document.prepared or not pages:
        raise errors.Conflict(f"“{document.name}” has no pages that could be read again.")
    if SlotLease.objects.filter(page__in=ready).exists():
        raise errors.Conflict("A host is still letting go of one of these pages: try again in a moment.")
    busy = [page.number for page in pages if page not in ready]
    if busy and (wish.pages or not ready):
        raise errors.Conflict(f"Page {busy[0]} is being read already, or waits for it: nothing was sent again.")


def _send_again(page: Page, document: Document, wish: Wish) -> None:
    target = PageStatus.PENDING if _to_be_drawn(page, document, wish) else PageStatus.RENDERED
    again = Rerun(
        mode=wish.mode, prompt=wish.prompt, language=wish.language, dpi=wish.dpi, backend=wish.backend,
        reason=page.reason if page.reading_id else "", backend_before=page.backend,
    )  # fmt: skip
    Page.objects.filter(pk=page.pk, status__in=statuses.rerun_sources(target)).update(
        status=target, rerun=again.as_json(), wanted_backend=wish.backend, rerun_error="", proposed=None,
        claims=0, host_failures=0, quality_tries=0, engine_deaths=0, dpi_cap=None, in_pieces=False, ladder={}, avoid=[],
        reason="", not_before=None, finished_at=None,
    )  # fmt: skip


def _to_be_drawn(page: Page, document: Document, wish: Wish) -> bool:
    """Whether its image is too coarse for what was asked, was never drawn, or is not kept any more."""
    if page.image_dpi is None or document.images_deleted_at is not None:
        return True
    if document.original_deleted_at is not None:
        return False  # the image there is, is the finest there will be
    backends = Backend.objects.filter(lifecycle="active")
    asked = wish.dpi or document.dpi
    if wish.backend:
        backends = backends.filter(name=wish.backend)
    finest = [routing.resolution_at(asked, backend).dpi for backend in backends]
    # Without a wish for another resolution or host the image is as fine as it was found to be right.
    return bool((wish.dpi or wish.backend) and finest and max(finest) > page.image_dpi)


def _begin_again(document: Document) -> None:
    settling.recount(document)
    document.error, document.finished_at, document.rerun_at = "", None, timezone.now()
    document.images_deleted_at = None  # images are drawn now: the rule's time begins anew
    document.notified_at = None
    if document.status in statuses.ENDED_DOCUMENTS:
        document.status = DocumentStatus.PROCESSING.value
    document.revision += 1
    document.save()


def _said(wish: Wish) -> dict[str, Any]:
    named = {"mode": wish.mode, "dpi": wish.dpi, "language": wish.language, "backend": wish.backend}
    return {name: value for name, value in named.items() if value}
