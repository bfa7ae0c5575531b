"""What a document, its pages and their readings look like, for OpenAPI. A test holds each against its schema."""

from __future__ import annotations

from typing import Any

DOCUMENT_ID = "0199a3c2-7b1e-7c55-9d0a-3f6f0b7f2a10"
DECISION: dict[str, Any] = {
    "backend": "spark",
    "wanted": "spark",
    "rule": "Large document",
    "reason": "25 pages, over 20",
    "words": "25 pages, over 20 → spark",
    "considered": [
        {"backend": "calypso", "verdict": "not needed: rule “Large document” matched"},
        {"backend": "spark", "verdict": "chosen"},
    ],
    "resolution": {"dpi": 200, "words": "300 dpi asked for; DeepSeek-OCR gains nothing beyond 200"},
}
DOCUMENT: dict[str, Any] = {
    "id": DOCUMENT_ID,
    "name": "report.pdf",
    "status": "processing",
    "page_count": 25,
    "priority": "normal",
    "purpose": "production",
    "sla": False,
    "mode": "markdown",
    "dpi": 200,
    "pages": {"done": 7, "running": 4, "waiting": 14, "failed": 0, "cancelled": 0},
    "needs_review": 1,
    "decision": DECISION,
    "created_at": "2026-01-31T12:00:00Z",
    "finished_at": None,
    "eta_seconds": 41,
    "error": None,
    "duplicate_of": None,
    "page_range": "",
    "language": "",
    "media_type": "application/pdf",
    "size_bytes": 1_482_911,
    "owner": "mira",
    "warnings": [],
}
NEW_DOCUMENT = DOCUMENT | {
    "status": "queued",
    "pages": {"done": 0, "running": 0, "waiting": 25, "failed": 0, "cancelled": 0},
    "needs_review": 0,
    "decision": None,
    "eta_seconds": None,
}
DOCUMENTS = {"items": [DOCUMENT], "next_cursor": "MjAyNi0wMS0zMVQxMjowMDowMCswMDowMCAwMTk5"}
ATTEMPT = {
    "backend": "spark",
    "outcome": "ok",
    "reason": "",
    "rule": "Large document",
    "rung": None,
    "dpi": 200,
    "seconds": 3.412,
    "prompt_tokens": 912,
    "completion_tokens": 640,
    "finish_reason": "stop",
    "started_at": "2026-01-31T12:00:05Z",
}
PAGE_ROW: dict[str, Any] = {
    "number": 3,
    "status": "done",
    "backend": "spark",
    "needs_review": False,
    "reason": "",
    "image": {"width_px": 1654, "height_px": 2339},
    "claims": 0,
    "host_failures": 0,
    "quality_tries": 0,
    "attempts": [ATTEMPT],
}
PAGES = {"items": [PAGE_ROW], "next_cursor": "Mw"}
PAGE = PAGE_ROW | {
    "text": "# Results\n\nRevenue rose by 4 %.",
    "blocks": [
        {"label": "title", "boxes": [[140, 180, 620, 240]], "body": "# Results"},
        {"label": "text", "boxes": [[140, 280, 1500, 340]], "body": "Revenue rose by 4 %."},
    ],
    "reading": 4711,
    "proposed": None,
    "rerun_error": None,
    "approved_by": "mira",
    "approved_at": "2026-01-31T12:30:00Z",
}
READING: dict[str, Any] = {
    "id": 4711,
    "source": "recognized",
    "author": None,
    "at": "2026-01-31T12:00:09Z",
    "backend": "spark",
    "settings": {
        "mode": "markdown",
        "prompt": None,
        "language": None,
        "dpi": 200,
        "model": "deepseek-ai/DeepSeek-OCR",
    },
    "in_force": True,
    "proposed": False,
    "base": None,
    "text": "# Results\n\nRevenue rose by 4 %.",
}
READINGS = {"items": [READING], "next_cursor": None}
EDIT = {"text": "# Results\n\nRevenue rose by 4.1 %.", "base": 4711}
CHOOSE = {"reading": 4712}
RERUN = {"pages": "3,5-7", "mode": "text", "dpi": 150, "language": ""}
RESULTS = {
    "text/markdown": "<!-- page 1 -->\n# Results\n\n<!-- page 2 -->\n<!-- [page 2: failed: torn] -->\n",
    "text/plain": "Results\n\f[page 2: failed: torn]\n",
    "application/json": '{"id": "0199…", "name": "report.pdf", "pages": [{"number": 1, "text": "# Results"}]}',
    "text/html": "<!doctype html>…",
    "application/pdf": "",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "",
    "application/zip": "",
}
ME = {
    "name": "mira",
    "role": "staff",
    "scope": "write",
    "quotas": {"max_upload_bytes": 1_073_741_824, "max_pages": 10_000},
}
AUDIT_LINE = {
    "id": 118,
    "at": "2026-01-31T12:00:00Z",
    "actor": "ada",
    "action": "routing.changed",
    "subject": "version 2",
    "detail": {"changes": ["Rule “Large document”: threshold 25 → 20."]},
}
AUDIT_LOG = {"items": [AUDIT_LINE], "next_cursor": "118"}
