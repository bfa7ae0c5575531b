"""Rows for tests, made with plain ORM and no service, so that a test says in one line what it starts from.

A document's counters and state follow from the pages asked for, as the services would have left them.
"""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.db.models import Count
from django.utils import timezone
from PIL import Image

from jobs.domain import presets, statuses
from jobs.domain.search_words import indexed
from jobs.domain.statuses import DocumentStatus, PageStatus
from jobs.models import (
    Attempt,
    Backend,
    BackendHealth,
    Document,
    Page,
    PageText,
    Reading,
    RoutingPolicy,
    RoutingRule,
    SlotLease,
)
from jobs.models.documents import PRIORITY_RANKS

PASSWORD = "a long enough pass phrase"
A4_PT = (595.0, 842.0)


def make_user(name: str = "mira", *, admin: bool = False, password: str = PASSWORD, **fields: Any) -> Any:
    """A member of staff, or an administrator. Signs in with `PASSWORD`."""
    create = get_user_model().objects.create_superuser if admin else get_user_model().objects.create_user
    return create(username=name, password=password, email=f"{name}@example.org", **fields)


def make_backend(name: str = "calypso", *, state: str = "up", reason: str = "", **fields: Any) -> Backend:
    """An active GPU host with four slots that answers; `fields` are Backend's own."""
    values = {"base_url": "http://127.0.0.1:9001", "lifecycle": "active", "slots": 4} | fields
    backend = Backend.objects.create(name=name, **values)
    BackendHealth.objects.create(backend=backend, state=state, reason=reason, since=timezone.now())
    return backend


def make_policy(preset: str = "hybrid", **fields: Any) -> RoutingPolicy:
    """A shipped policy in force. Its rules name calypso and spark, whether these exist or not."""
    shipped = presets.POLICIES[preset] | fields
    rules = shipped.pop("rules")
    policy = RoutingPolicy.objects.create(version=1, **shipped)
    for position, rule in enumerate(rules):
        value = rule.get("value", "")
        RoutingRule.objects.create(
            policy=policy, position=position, **(rule | {"value": str(value).lower() if value is True else value})
        )
    return policy


def make_document(
    owner: Any,
    *,
    pages: int = 3,
    done: int = 0,
    failed: int = 0,
    quarantined: int = 0,
    cancelled: int = 0,
    running: int = 0,
    assigned: int = 0,
    rendered: int = 0,
    review: int = 0,
    status: str | None = None,
    backend: str = "calypso",
    age_seconds: float = 120.0,
    prepared: bool = True,
    **fields: Any,
) -> Document:
    """A document with its page rows: first the done ones, then failed, quarantined, cancelled, running, assigned,
    rendered; the rest wait to be drawn. The first `review` done pages need a look. An unprepared one has no pages.
    """
    states = (
        ["done"] * done
        + ["failed"] * failed
        + ["quarantined"] * quarantined
        + ["cancelled"] * cancelled
        + ["running"] * running
        + ["assigned"] * assigned
        + ["rendered"] * rendered
    )
    states += ["pending"] * (pages - len(states))
    assert len(states) == pages, "more pages in states than pages"
    document = _document_row(owner, pages, states, backend, status, age_seconds, prepared, fields)
    if prepared:
        for number, state in enumerate(states, start=1):
            make_page(document, number, status=state, backend=backend, needs_review=number <= min(review, done))
    settle(document, status=status)
    return document


def _document_row(
    owner: Any,
    pages: int,
    states: list[str],
    backend: str,
    status: str | None,
    age_seconds: float,
    prepared: bool,
    fields: dict[str, Any],
) -> Document:
    priority = fields.get("priority", "normal")
    values: dict[str, Any] = {
        "name": "report.pdf",
        "sha256": f"{Document.objects.count():064x}",
        "size_bytes": 40_000,
        "media_type": "application/pdf",
        "priority_rank": PRIORITY_RANKS[priority],
        "backend": backend if prepared else "",
        "wanted_backend": backend if prepared else "",
        "decision": make_decision(backend) if prepared else None,
        "prepared": prepared,
        "started_at": timezone.now() - timedelta(seconds=age_seconds) if prepared else None,
    }
    document = Document.objects.create(owner=owner, page_count=pages, **(values | fields))
    Document.objects.filter(pk=document.pk).update(created_at=timezone.now() - timedelta(seconds=age_seconds))
    document.refresh_from_db()
    return document


def make_decision(backend: str = "calypso", **fields: Any) -> dict[str, Any]:
    """A Decision as it is stored on a document."""
    decision = {
        "backend": backend,
        "wanted": backend,
        "rule": None,
        "reason": "default, nothing ahead",
        "considered": [{"backend": backend, "verdict": "takes it"}],
        "resolution": {"dpi": 200, "words": ""},
    } | fields
    return {"words": f"{decision['reason']} → {decision['backend']}"} | decision


def make_page(document: Document, number: int = 1, *, status: str = "done", **fields: Any) -> Page:
    """One page, A4. A done one has a reading in force and the attempt it came from; a failed one its failed attempt."""
    text = fields.pop("text", f"# Page {number}\n\nThis is what stands on page {number}.")
    drawn = status not in ("pending", "cancelled")
    values: dict[str, Any] = {
        "width_pt": A4_PT[0],
        "height_pt": A4_PT[1],
        "image_width_px": 1654 if drawn else None,
        "image_height_px": 2339 if drawn else None,
        "image_dpi": 200 if drawn else None,
        "backend": "calypso",
    }
    values |= _ended_fields(status, number)
    page = Page.objects.create(document=document, number=number, status=status, **(values | fields))
    if status == PageStatus.DONE:
        make_reading(page, text=text, attempt=make_attempt(page))
    elif status in statuses.FAILED_PAGES:
        make_attempt(page, outcome="timeout", reason="the host did not answer within 180 seconds")
    return page


def _ended_fields(status: str, number: int) -> dict[str, Any]:
    if status == PageStatus.FAILED:
        return {"reason": "No host could read it: three tries timed out.", "finished_at": timezone.now()}
    if status == PageStatus.QUARANTINED:
        return {"reason": "Set aside: it stopped two hosts.", "finished_at": timezone.now()}
    return {"finished_at": timezone.now()} if status in (PageStatus.DONE, PageStatus.CANCELLED) else {}


def make_attempt(page: Page, *, outcome: str = "ok", **fields: Any) -> Attempt:
    """One call of a page to a host."""
    values = {
        "backend": page.backend or "calypso",
        "dpi": 200,
        "seconds": 2.4,
        "prompt_tokens": 912,
        "completion_tokens": 640,
        "finish_reason": "stop" if outcome == "ok" else "",
        "started_at": timezone.now() - timedelta(seconds=30),
    }
    return Attempt.objects.create(page=page, outcome=outcome, **(values | fields))


def make_reading(page: Page, *, text: str = "Text.", in_force: bool = True, **fields: Any) -> Reading:
    """A text of a page, put in force and into the index."""
    values: dict[str, Any] = {"source": "recognized", "raw": text, "blocks": []}
    reading = Reading.objects.create(page=page, text=text, **(values | fields))
    if in_force:
        Page.objects.filter(pk=page.pk).update(reading=reading)
        page.reading = reading
        words = {"document_id": page.document_id, "scope": f"owner:{page.document.owner_id}", "words": indexed(text)}
        PageText.objects.update_or_create(page=page, defaults=words)
    return reading


def make_lease(page: Page, backend: Backend, *, holder: str = "worker-1", **fields: Any) -> SlotLease:
    """A slot of `backend` that holds `page`."""
    now = timezone.now()
    values = {"assigned_at": now, "sent_at": now, "claimed_at": now, "expires_at": now + timedelta(seconds=30)}
    return SlotLease.objects.create(page=page, backend=backend, holder=holder, **(values | fields))


def make_page_image(page: Page, *, width_px: int = 413, height_px: int = 585, colour: str = "white") -> bytes:
    """Stores a JPEG where the page's image belongs, and gives its bytes."""
    buffer = io.BytesIO()
    Image.new("RGB", (width_px, height_px), colour).save(buffer, "JPEG")
    storages["documents"].delete(page.image_key)
    storages["documents"].save(page.image_key, ContentFile(buffer.getvalue()))
    return buffer.getvalue()


def settle(document: Document, *, status: str | None = None) -> Document:
    """Counts the document's pages again and puts it into the state that follows, or into `status`."""
    rows = document.pages.values("status").annotate(n=Count("id")).values_list("status", "n")
    count: dict[str, int] = dict(rows)
    document.pages_done = count.get("done", 0)
    document.pages_failed = count.get("failed", 0) + count.get("quarantined", 0)
    document.pages_cancelled = count.get("cancelled", 0)
    document.needs_review = document.pages.filter(needs_review=True).count()
    document.status = status or _state_of(document, count)
    if document.status in statuses.ENDED_DOCUMENTS and document.finished_at is None:
        document.finished_at = timezone.now()
    document.save()
    return document


def _state_of(document: Document, count: dict[str, int]) -> str:
    counts = statuses.PageCounts(
        total=document.page_count,
        done=document.pages_done,
        failed=document.pages_failed,
        cancelled=document.pages_cancelled,
        running=count.get("running", 0),
    )
    ended = statuses.ended_status(counts)
    if ended:
        return ended.value
    return DocumentStatus.PROCESSING.value if counts.ended or counts.running else DocumentStatus.QUEUED.value
