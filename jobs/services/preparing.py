"""From an upload to pages that wait for a slot: page rows, the decision, and drawing ahead in bounded chunks.

Which document is drawn next is read from the database each time: a message only says "there may be something to
draw", so none can be lost, and an urgent document overtakes at the next chunk.
"""

from __future__ import annotations

import json
import os
import tempfile
import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now
from django.utils import timezone

from jobs import errors
from jobs.domain import page_ranges, reruns, scheduling, statuses
from jobs.domain.attempts import Step
from jobs.domain.statuses import PageStatus
from jobs.gateways import disk, rasterizer, storage
from jobs.models import Backend, Document, Page
from jobs.services import current_backends, events, log_ids, queues, routing, settling
from jobs.services import statements as sql
from jobs.services.leases import keeper

log = structlog.get_logger(__name__)

BLANK_INK = 1e-5  # below this share of differing pixels a page shows nothing at all; doubtful ones are sent
BATCH_ROWS = 500
# Drawing never uses more processes than cores, and never takes the threads that wait for hosts.
_drawers = threading.BoundedSemaphore(os.cpu_count() or 1)


def prepare(document_id: Any) -> bool:
    """Make the page rows and store where they go. False when that was done before, or the document has ended."""
    document = Document.objects.open().filter(pk=document_id, prepared=False).first()
    if document is None:
        return False
    with log_ids.of_document(document):
        return _prepare(document)


def _prepare(document: Document) -> bool:
    boxes = _boxes(document)
    numbers = page_ranges.parse_page_range(document.page_range, len(boxes))
    policy = routing.in_force()
    decision = routing.decide(document, policy)
    stored = routing.as_stored(document, decision)
    with transaction.atomic():
        ours = Document.objects.open().filter(pk=document.pk, prepared=False)
        if not ours.update(
            prepared=True,
            decision=stored,
            wanted_backend=decision.wanted,
            backend=decision.backend,
            revision=1,
        ):
            return False
        _make_pages(document, [(n, boxes[n - 1][0], boxes[n - 1][1]) for n in numbers])
    queues.look(policy)  # afterwards: the decision takes the former state, so that replay reproduces it
    routing.log_decided(document, decision)
    return True


def _make_pages(document: Document, pages: list[tuple[int, float, float]]) -> None:
    """Rows for `pages`, each (number, width in pt, height in pt).

    The ORM makes the first, with every field's default, and the others are its copies: as objects 2,000 pages take half
    a second, and the first text waits for them.
    """
    own = ("number", "width_pt", "height_pt")
    first = Page.objects.create(document=document, **dict(zip(own, pages[0], strict=True)))
    columns = [str(field.column) for field in Page._meta.concrete_fields if not field.primary_key]
    shared = ", ".join(connection.ops.quote_name(column) for column in columns if column not in own)
    for at in range(1, len(pages), BATCH_ROWS):
        some = pages[at : at + BATCH_ROWS]
        sql.change(
            f"""INSERT INTO jobs_page ({", ".join(own)}, {shared})
                SELECT v.column1, v.column2, v.column3, {shared}
                FROM jobs_page, (VALUES {", ".join(["(%s, %s, %s)"] * len(some))}) AS v WHERE id = %s""",
            [*(value for page in some for value in page), first.pk],
        )


def unprepared() -> list[Any]:
    """Open documents whose pages do not exist yet: their message may have been lost."""
    return list(Document.objects.open().filter(prepared=False).in_work_order().values_list("pk", flat=True)[:100])


def _boxes(document: Document) -> list[list[float]]:
    return list(json.loads(storage.read_bytes(document.inspection_key))["pages"])


@dataclass(frozen=True)
class Chunk:
    """Pages of one document that this process draws now."""

    document: Document
    pages: dict[int, Page]
    dpi: int


def something_to_draw() -> bool:
    """Whether a chunk could be claimed now. Asked with each page: one statement where there is nothing, as mostly."""
    return _some_page_waits() and _choose() is not None


def _some_page_waits() -> bool:
    """Asked document by document: what paused ones have waiting, however much, is not walked through."""
    rows = sql.fetch(
        f"""SELECT 1 FROM jobs_document d WHERE d.status IN ({sql.words(statuses.OPEN_DOCUMENTS)})
            AND EXISTS (SELECT 1 FROM jobs_page p WHERE p.document_id = d.id AND p.status = 'pending') LIMIT 1"""
    )
    return bool(rows)


def draw_next() -> bool:
    """Draw one chunk of the document whose turn it is. False when there is nothing to do, or all cores draw."""
    if not _drawers.acquire(blocking=False):
        return False
    try:
        chunk = _claim_chunk()
        if chunk is None:
            return False
        with keeper.drawing(chunk.document.pk.hex), log_ids.of_document(chunk.document):
            _draw(chunk)
        Document.objects.filter(pk=chunk.document.pk).update(drawing_until=None)
        return True
    finally:
        _drawers.release()


def _choose() -> tuple[str, int] | None:
    """The document to draw next and how many pages of it; None while the disk is nearly full: the clock asks again."""
    return None if disk.room().is_short else _whose_turn()


def _whose_turn() -> tuple[str, int] | None:
    """Four queries, however many pages there are."""
    rows = _drawable()
    if not rows:
        return None
    pools, capacity = _pools()
    ready: Counter[UUID] = Counter()
    running: Counter[UUID] = Counter()
    ahead: Counter[str] = Counter()
    for document, backend, status, count in _drawn_and_unread():
        if status == PageStatus.RUNNING:
            running[document] += count
        else:
            ready[document] += count
            ahead[pools.get(backend, backend)] += count
    now = timezone.now()
    candidates = [
        scheduling.DrawCandidate(
            document=row.pk.hex,
            pool=pools.get(row.backend, row.backend),
            owner=row.owner_id,
            priority_rank=row.priority_rank,
            age_seconds=(now - row.created_at).total_seconds(),
            ready=ready[row.pk],
            ended_or_running=row.pages_done + row.pages_failed + running[row.pk],
            pages=row.page_count,
        )
        for row in rows
    ]
    return scheduling.next_to_draw(candidates, capacity, ahead)


DRAWABLE = (
    "pk", "backend", "owner_id", "priority_rank", "created_at", "pages_done", "pages_failed", "page_count",
)  # fmt: skip


def _drawable() -> list[Any]:
    """Documents with pages to draw that nobody draws now. All of them: those of a host that is down, however many, must
    not hide those of another."""
    waiting = Page.objects.waiting_to_be_drawn().filter(document=OuterRef("pk"))
    nobody = Q(drawing_until=None) | Q(drawing_until__lt=Now())
    documents = Document.objects.open().filter(nobody, Exists(waiting), prepared=True).order_by()
    return list(documents.values_list(*DRAWABLE, named=True))


def _drawn_and_unread() -> Iterable[tuple[UUID, str, str, int]]:
    """(document, its backend, a state, how many of its drawn pages are in that). Of open documents alone: what a paused
    one has drawn is not ahead of anybody. Through the drawn pages and the leases alone, not through those read."""
    open_ones = sql.words(statuses.OPEN_DOCUMENTS)
    rows = sql.fetch(
        f"""SELECT d.id, d.backend, 'rendered',
                (SELECT count(*) FROM jobs_page p WHERE p.document_id = d.id AND p.status = 'rendered')
            FROM jobs_document d WHERE d.status IN ({open_ones})
            UNION ALL
            SELECT d.id, d.backend, p.status, count(*) FROM jobs_page p CROSS JOIN jobs_document d
            WHERE p.id IN ({sql.LEASED_PAGES}) AND p.status IN ('assigned', 'running')
              AND d.id = p.document_id AND d.status IN ({open_ones}) GROUP BY d.id, d.backend, p.status"""
    )
    return [(UUID(sql.document_key(key)), *told) for key, *told in rows]


def _pools() -> tuple[dict[str, str], dict[str, int]]:
    """Which hosts take from the same drawn pages, and how many requests each such pool takes at once: all of them one
    where pages spread freely, else each its own."""
    backends = current_backends.in_name_order()
    free = routing.in_force().spread == "free"
    pools = {backend.name: "any" if free else backend.name for backend in backends}
    capacity: Counter[str] = Counter()
    for backend in backends:
        if not free or backend.lifecycle == "active":
            capacity[pools[backend.name]] += backend.capacity
    return pools, dict(capacity)


def _claim_chunk() -> Chunk | None:
    choice = _choose()
    if choice is None:
        return None
    key, size = choice
    claimed = sql.change(
        f"""UPDATE jobs_document SET drawing_until = {sql.now_plus()}
            WHERE id = %s AND (drawing_until IS NULL OR drawing_until < {sql.now()})""",
        [settings.LEASE_SECONDS, sql.document_id(key)],
    )
    if not claimed:
        return _claim_chunk()  # another process was quicker: there may be a second document
    document = Document.objects.get(pk=key)
    waiting = list(Page.objects.waiting_to_be_drawn().filter(document=document)[:size])
    if not waiting:
        return Chunk(document, {}, 0)
    resolutions = _resolutions(document, waiting)
    # One resolution a chunk: pages that are read again at another one come in chunks of their own.
    dpi = resolutions[waiting[0].pk]
    return Chunk(document, {page.number: page for page in waiting if resolutions[page.pk] == dpi}, dpi)


def _resolutions(document: Document, pages: list[Page]) -> dict[int, int]:
    """At which DPI each page is drawn. Worked out once for each different wish."""
    known: dict[tuple[int | None, str], int] = {}
    found = {}
    for page in pages:
        asked = reruns.asked(document, reruns.from_json(page.rerun))
        wish = (asked.dpi, asked.backend)
        if wish not in known:
            known[wish] = drawing_dpi(asked, asked.backend or document.wanted_backend, document.backend)
        found[page.pk] = known[wish]
    return found


def drawing_dpi(wishes: reruns.Wishes, wanted: str, chosen: str) -> int:
    """The largest resolution that a backend which may get its pages can use: drawn once, scaled down for others."""
    policy = routing.in_force()
    backends = {backend.name: backend for backend in current_backends.in_name_order()}
    names = routing.able(wanted, policy, backends.values()) or [chosen]
    return max((sending_dpi(wishes, backends[name]) for name in names if name in backends), default=200)


def sending_dpi(wishes: reruns.Wishes, backend: Backend) -> int:
    """The resolution at which a page is sent to this backend, if `wishes` (its document's, or its rerun's) hold."""
    return routing.resolution_at(wishes.dpi, backend).dpi


def _draw(chunk: Chunk) -> None:
    boxes = {n: rasterizer.PageBox(page.width_pt, page.height_pt) for n, page in chunk.pages.items()}
    with tempfile.TemporaryDirectory(dir=settings.DATA_DIR / "uploads", prefix="draw-") as folder:
        try:
            with storage.local_path(chunk.document.original_key) as path:
                results = rasterizer.draw(
                    path,
                    chunk.document.media_type,
                    boxes,
                    dpi=chunk.dpi,
                    into=Path(folder),
                    limits=rasterizer.in_force(),
                )
        except errors.NotFound:
            results = [rasterizer.FailedPage(n, "The file is no longer in storage: upload it again.") for n in boxes]
        for result in results:
            page = chunk.pages[result.number]
            if isinstance(result, rasterizer.FailedPage):
                _page_failed(page, result.reason)
            else:
                _page_drawn(page, result)


def _page_failed(page: Page, reason: str) -> None:
    with transaction.atomic():
        settling.move_page(page, Step(PageStatus.FAILED, reason))


def _page_drawn(page: Page, drawn: rasterizer.DrawnPage) -> None:
    if page.rerun is not None and page.reading_id and page.image_width_px is not None:
        _page_drawn_again(page, drawn)
        return
    storage.save_path(page.image_key, drawn.path)
    facts = {
        "image_width_px": drawn.width_px,
        "image_height_px": drawn.height_px,
        "image_dpi": drawn.dpi,
        "ink": drawn.ink,
    }
    # A blank page is not sent, unless a person asked for it.
    if drawn.ink < BLANK_INK and page.rerun is None:
        Page.objects.filter(pk=page.pk).update(**facts)
        settling.page_blank(page)
        return
    sources = statuses.page_sources(PageStatus.RENDERED)
    Page.objects.filter(pk=page.pk, status=PageStatus.PENDING, status__in=sources).update(
        status=PageStatus.RENDERED, **facts
    )


def _page_drawn_again(page: Page, drawn: rasterizer.DrawnPage) -> None:
    """An image for this rerun alone: the page image stays, and with it the boxes of the text in force."""
    storage.save_path(page.rerun_image_key, drawn.path)
    Page.objects.filter(pk=page.pk, status=PageStatus.PENDING, rerun__isnull=False).update(
        status=PageStatus.RENDERED, rerun=page.rerun | {"image_dpi": drawn.dpi}
    )


def give_up(document_id: Any, error: errors.OcrsiteError) -> None:
    """End a document whose file cannot be worked on at all, with the reason."""
    ended = {"status": statuses.DocumentStatus.FAILED, "error": error.message, "finished_at": timezone.now()}
    with transaction.atomic():
        if Document.objects.unfinished().filter(pk=document_id).update(**ended):
            events.document_ended(document_id)
    log.error("document.given_up", document=str(document_id), reason=error.message)
