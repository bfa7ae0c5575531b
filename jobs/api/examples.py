"""What answers look like, for OpenAPI. A test holds each against its schema."""

from __future__ import annotations

from typing import Any

DOCUMENT_ID = "0199a3c2-7b1e-7c55-9d0a-3f6f0b7f2a10"
DECISION: dict[str, Any] = {
    "backend": "spark",
    "wanted": "spark",
    "rule": "Large document",
    "reason": "25 pages, over 20",
    "considered": [
        {"backend": "calypso", "verdict": "the rule “Large document” names spark"},
        {"backend": "spark", "verdict": "takes it"},
    ],
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
}
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
BACKEND: dict[str, Any] = {
    "name": "calypso",
    "base_url": "http://127.0.0.1:9001",
    "model": "deepseek-ai/DeepSeek-OCR",
    "model_profile": "deepseek-ocr",
    "kind": "gpu",
    "lifecycle": "active",
    "slots": 4,
    "queue_ahead": 1,
    "max_model_len": 4096,
    "default_dpi": 200,
    "max_dpi": 200,
    "streaming": False,
    "api_key_set": False,
    "health": {
        "state": "up",
        "breaker": "closed",
        "reason": "",
        "since": "2026-01-31T11:00:00Z",
        "retry_at": None,
        "in_flight": 3,
        "waiting": 0,
        "version": "0.20.2",
        "warnings": [],
    },
    "hardware": {"gpu": "RTX 4090", "memory_gib": 24, "tdp_watts": 450},
    "launch": {},
    "expected": {},
    "costs": {"hardware": 0, "power_month": 40},
    "notes": "",
}
BACKENDS = {"items": [BACKEND], "next_cursor": None}
NEW_BACKEND = {"name": "calypso", "base_url": "http://127.0.0.1:9001", "slots": 4, "api_key": "…"}
SELF_TEST = {
    "passed": True,
    "steps": [
        {"name": "reachable", "passed": True, "message": "It answers."},
        {"name": "model", "passed": True, "message": "It serves deepseek-ai/DeepSeek-OCR."},
        {"name": "canary", "passed": True, "message": "It reads the test page."},
    ],
}
CHECKED_BACKEND = BACKEND | {"self_test": SELF_TEST}
POLICY: dict[str, Any] = {
    "default_backend": "calypso",
    "fallback_order": ["calypso", "spark"],
    "spread": "overload",
    "cpu": "when_no_gpu",
    "rules": [
        {
            "name": "Large document",
            "when": "page_count_over",
            "threshold": 20,
            "backend": "spark",
            "enabled": True,
        },
        {"name": "High priority", "when": "priority_is", "value": "high", "backend": "spark", "enabled": True},
        {
            "name": "Default overloaded",
            "when": "queue_depth_over",
            "threshold": 5,
            "release": 2,
            "hold_seconds": 30,
            "backend": "spark",
            "enabled": True,
        },
    ],
    "failover": {
        "max_attempts": 3,
        "oom_dpi": 150,
        "breaker_failures": 3,
        "breaker_seconds": 15,
        "breaker_max_seconds": 300,
        "quarantine_deaths": 2,
    },
    "quality": {"enabled": True, "max_tries": 3, "text_layer_check": True},
}
SAVED_POLICY = POLICY | {"warnings": ["“High priority” can never match: “Large document” is before it."]}
VERSIONS = {
    "items": [
        {
            "number": 2,
            "created_at": "2026-01-31T12:00:00Z",
            "author": "ada",
            "changes": ["Large document: threshold 25 → 20"],
            "policy": POLICY,
        }
    ],
    "next_cursor": None,
}
FACTS = {"page_count": 25, "priority": "normal", "backends": {"calypso": {"state": "down"}}}
EXPLAINED = DECISION | {
    "verdicts": [
        {"rule": "Large document", "backend": "spark", "enabled": True, "matched": True, "words": "25 pages, over 20"}
    ]
}
