"""What staff read on the screens: states, spans of time and sentences, from plain values. No database, no clock."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from jobs.domain.statuses import DocumentStatus, PageCounts, PageStatus
from jobs.services.health import Outage

# A look is a shape and a colour in the style sheets; the word stands beside it.
DOCUMENT_LOOKS = {
    DocumentStatus.QUEUED: ("waiting", "Waiting"),
    DocumentStatus.PROCESSING: ("running", "Reading"),
    DocumentStatus.PAUSED: ("paused", "Paused"),
    DocumentStatus.DONE: ("done", "Done"),
    DocumentStatus.PARTIAL: ("failed", "Partial"),
    DocumentStatus.FAILED: ("failed", "Failed"),
    DocumentStatus.CANCELLED: ("cancelled", "Cancelled"),
}
PAGE_LOOKS = {
    PageStatus.PENDING: ("waiting", "waiting"),
    PageStatus.RENDERED: ("waiting", "waiting"),
    PageStatus.ASSIGNED: ("waiting", "next in line"),
    PageStatus.RUNNING: ("running", "being read"),
    PageStatus.DONE: ("done", "read"),
    PageStatus.FAILED: ("failed", "failed"),
    PageStatus.QUARANTINED: ("quarantined", "set aside"),
    PageStatus.CANCELLED: ("cancelled", "cancelled"),
}
OUTCOMES = {
    "ok": "read",
    "out_of_memory": "ran out of memory",
    "host_down": "stopped answering",
    "timeout": "took too long",
    "cut_off": "did not finish the page",
    "garbage": "sent an answer that makes no sense",
    "refused": "refused the page",
    "misconfigured": "is not set up for this",
    "busy": "was busy",
    "looping": "repeated itself",
    "empty": "found no text",
    "cancelled": "was told to stop",
    "lost": "was interrupted",
}
FORMATS = {
    "md": "Markdown",
    "txt": "Text",
    "html": "Web page, one file",
    "docx": "Word",
    "pdf": "Searchable PDF",
    "xlsx": "Tables",
    "json": "JSON, with boxes",
    "zip": "All, with figures",
}
ORDINALS = ("1st", "2nd", "3rd")


def counted(n: int, one: str, many: str = "") -> str:
    """`1 page`, `12 pages`, `1,200 pages`."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def figure(value: float) -> str:
    """`0`, `4.2`, `61`, `2,410`: a decimal only where it tells something."""
    return f"{value:.1f}".removesuffix(".0") if 0 < value < 9.95 else f"{value:,.0f}"


def ordinal(n: int) -> str:
    return ORDINALS[n - 1] if 1 <= n <= len(ORDINALS) else f"{n}th"


def span(seconds: float) -> str:
    """A length of time in its one fitting unit: `9 s`, `4 min`, `2 h 10 min`, `3 days`."""
    whole = max(0, round(seconds))
    if whole < 90:
        return f"{max(1, whole)} s"
    minutes = round(whole / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return counted(round(whole / 86_400), "day")


def moments(seconds: float) -> str:
    """How long one call took: `0.4 s`, `2.4 s`, `48 s`."""
    return f"{seconds:.1f} s" if seconds < 10 else span(seconds)


def ago(then: datetime, now: datetime) -> str:
    """`just now`, `2 min ago`, `yesterday`, `3 days ago`, then the date. static/js/times.js says the same."""
    seconds = (now - then).total_seconds()
    if seconds < 45:
        return "just now"
    if (seconds < 86_400 and then.date() == now.date()) or seconds < 6 * 3600:
        minutes = max(1, round(seconds / 60))
        return f"{minutes} min ago" if minutes < 60 else f"{round(seconds / 3600)} h ago"
    days = (now.date() - then.date()).days
    if days <= 1:
        return "yesterday"
    return f"{days} days ago" if days < 7 else f"{then.day} {then:%b %Y}"


def until(then: datetime, now: datetime) -> str:
    """`in 12 s`, `in 4 min`, `now` when it is past. static/js/times.js says the same."""
    seconds = (then - now).total_seconds()
    return f"in {span(seconds)}" if seconds >= 0.5 else "now"


def file_size(size_bytes: int) -> str:
    """`812 B`, `40 kB`, `3.2 MB`, `1 GB`."""
    size = float(size_bytes)
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.1f} {unit}" if unit == "MB" and size < 10 else f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.1f} GB".replace(".0 ", " ")


def volume(kept: Any) -> str:
    """`1 file, 40 kB` of what a storage.Volume counts."""
    return f"{counted(kept.files, 'file')}, {file_size(kept.size_bytes)}"


def document_look(status: str, needs_review: int) -> tuple[str, str]:
    """(look, word) of a document; a finished one with pages to look at says how many."""
    if needs_review and status == DocumentStatus.DONE:
        return "review", f"{needs_review:,} to review"
    return DOCUMENT_LOOKS[DocumentStatus(status)]


def page_look(status: str, *, needs_review: bool = False, reason: str = "") -> tuple[str, str]:
    """(look, word) of a page."""
    if status == PageStatus.DONE and needs_review:
        return "review", "needs a look"
    if status == PageStatus.DONE and reason == "blank":
        return "blank", "blank"
    return PAGE_LOOKS[PageStatus(status)]


def percent(counts: PageCounts) -> int:
    """Whole percent of the pages that ended, never 100 before all have."""
    return counts.ended * 100 // counts.total if counts.total else 0


def pages_line(document: Any, counts: PageCounts, eta_seconds: float | None, ahead_documents: int) -> str:
    """What stands below a document's strip: `214 pages · 57 % · about 40 s left`."""
    parts = [counted(counts.total, "page"), *_progress_parts(document, counts, eta_seconds, ahead_documents)]
    return " · ".join(part for part in parts if part)


def _progress_parts(document: Any, counts: PageCounts, eta_seconds: float | None, ahead: int) -> list[str]:
    match document.status:
        case DocumentStatus.QUEUED if not document.prepared:
            return ["getting ready"]
        case DocumentStatus.QUEUED:
            return [f"{counted(ahead, 'document')} ahead" if ahead else "next in line"]
        case DocumentStatus.PROCESSING:
            left = f"about {span(eta_seconds)} left" if eta_seconds else ""
            return [f"{percent(counts)} %", left, failed_words(counts)]
        case DocumentStatus.PAUSED:
            return [f"{percent(counts)} %", failed_words(counts)]
        case DocumentStatus.CANCELLED:
            return [f"{counts.done:,} read before it was cancelled" if counts.done else ""]
        case _:
            return [failed_words(counts) or took(document)]


def failed_words(counts: PageCounts) -> str:
    if not counts.failed:
        return ""
    return "none could be read" if counts.failed == counts.total else f"{counted(counts.failed, 'page')} failed"


def took(document: Any) -> str:
    """`done in 48 s`, from the upload to the last page; of a rerun, from when it was asked for."""
    if not (document.finished_at and document.created_at):
        return ""
    said, since = ("read again in", document.rerun_at) if document.rerun_at else ("done in", document.created_at)
    return f"{said} {span((document.finished_at - since).total_seconds())}"


def where(decision: Mapping[str, Any] | None) -> str:
    """`spark`, or `calypso → spark` where a document was wanted elsewhere."""
    if not decision:
        return ""
    wanted, backend = decision.get("wanted") or "", decision.get("backend") or ""
    return f"{wanted} → {backend}" if wanted and backend and wanted != backend else backend or wanted


def try_words(outcome: str, seconds: float, dpi: int | None) -> str:
    """How one try ended: `read in 2.4 s at 200 dpi`, `ran out of memory after 1.2 s`."""
    words = OUTCOMES.get(outcome, outcome.replace("_", " "))
    if outcome == "ok":
        return f"read in {moments(seconds)}" + (f" at {dpi} dpi" if dpi else "")
    return f"{words} after {moments(seconds)}" if seconds >= 0.05 else words


def outage(known: Outage) -> dict[str, Any]:
    """`words` and the moment of the `next_try`."""
    pages = known.waiting_pages
    waits = f"{counted(pages, 'page')} {'waits' if pages == 1 else 'wait'}. " if pages else ""
    return {"words": f"{waits}{known.reason}", "next_try": known.next_probe_at}
