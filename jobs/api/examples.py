"""What answers look like, for OpenAPI. A test holds each against its schema."""

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
    "gpu_exporter_url": "http://127.0.0.1:9400",
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
        "gpu": {
            "memory_used_bytes": 21_474_836_480,
            "memory_total_bytes": 25_757_220_864,
            "utilization": 0.93,
            "power_watts": 412.0,
            "temperature_celsius": 67.0,
            "energy_joules": 955_287_014.0,
            "at": "2026-01-31T12:00:00Z",
        },
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
    "quality": {
        "enabled": True,
        "max_tries": 3,
        "text_layer_check": True,
        "rungs": ["ngram", "free_ocr", "temperature", "halves", "other_backend"],
    },
}
SAVED_POLICY = POLICY | {"warnings": ["Rule “Huge” sees only part of its documents: “Large document” comes first."]}
VERSIONS = {
    "items": [
        {
            "number": 2,
            "created_at": "2026-01-31T12:00:00Z",
            "author": "ada",
            "changes": ["Rule “Large document”: threshold 25 → 20."],
            "policy": POLICY,
        }
    ],
    "next_cursor": None,
}
FACTS = {"page_count": 25, "priority": "normal", "backends": {"calypso": {"state": "down"}}}
EXPLAINED = DECISION | {
    "verdicts": [
        {"rule": "Large document", "backend": "spark", "enabled": True, "matched": True, "words": "25 pages, over 20"}
    ],
    "facts": {
        "page_count": 25,
        "priority": "normal",
        "purpose": "production",
        "sla": False,
        "dpi": 200,
        "documents_per_day": 13,
        "documents_in_progress": 2,
        "queue_depth": 7,
        "expected_wait_seconds": 0.0,
        "was_overloaded": False,
    },
}
RULES_NOW = {
    "items": [
        {
            "name": "Default overloaded",
            "when": "queue_depth_over",
            "threshold": 5,
            "value": "",
            "backend": "spark",
            "enabled": True,
            "now": "7 pages of others ahead at calypso",
            "matches_now": True,
        }
    ],
    "next_cursor": None,
}
REPLAY = {"policy": POLICY, "hours": 24}
REPLAYED: dict[str, Any] = {
    "hours": 24,
    "since": "2026-01-30T12:00:00Z",
    "documents": 41,
    "pages": 602,
    "moved": {"documents": 1, "pages": 18},
    "moves": [{"from": "calypso", "to": "spark", "documents": 1, "pages": 18}],
    "items": [
        {
            "document": DOCUMENT_ID,
            "name": "report.pdf",
            "pages": 18,
            "from": "calypso",
            "to": "spark",
            "rule_before": None,
            "rule_after": "Large document",
            "seconds_before": 58.5,
            "seconds_after": 12.5,
        }
    ],
    "spilled_pages": {"before": 4, "after": 0},
    "finish": {
        "before": {
            "seconds": 80110.5,
            "backends": {"calypso": 80110.5, "spark": 71000.0},
            "mean_seconds": 31.2,
            "p95_seconds": 90.0,
        },
        "after": {
            "seconds": 80064.5,
            "backends": {"calypso": 79000.0, "spark": 80064.5},
            "mean_seconds": 28.9,
            "p95_seconds": 81.0,
        },
    },
    "warnings": [],
    "estimated_from": "calypso: 3.2 s a page, measured over 431 pages; spark: 12.5 s a page, from its expected figures",
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
MEASURED: dict[str, Any] = {
    "backend": "calypso",
    "since": "2026-01-30T12:00:00Z",
    "until": "2026-01-31T12:00:20Z",
    "pages": 1840,
    "pages_per_minute": 52.4,
    "tokens_per_second": 561.0,
    "seconds": {"p50": 4.1, "p95": 7.9, "p99": 12.6},
    "seconds_by_page_count": {"10-20": {"p50": 4.2, "p95": 8.0, "p99": 12.9}},
    "outcomes": {"ok": 1840, "looping": 6, "out_of_memory": 1},
    "out_of_memory": 1,
    "quality_retries": 6,
    "busy_seconds": 2106.9,
    "at_once": 3.7,
    "at_once_most": 5,
    "queued_mean": 2.6,
    "queued_most": 214,
    "utilisation_while_waiting": 0.97,
    "compared": [
        {"name": "tokens_per_second", "expected": [800.0, 1200.0], "measured": 561.0, "ratio": 0.70125},
        {"name": "seconds_50_pages", "expected": [120.0, 240.0], "measured": None, "ratio": None},
    ],
}
COSTS: dict[str, Any] = {
    "backends": {
        "calypso": {
            "month": 40.0,
            "one_year": [480.0, 480.0],
            "three_years": [1440.0, 1440.0],
            "per_1000_pages": [0.72, 0.72],
            "hardware": [0.0, 0.0],
            "power_month": 40.0,
            "pages_today": 1840,
            "pages_a_day": 26584.6,
            "pace_from": "expected",
        },
        "spark": {
            "month": 45.0,
            "one_year": [5540.0, 15540.0],
            "three_years": [6620.0, 16620.0],
            "per_1000_pages": None,
            "hardware": [5000.0, 15000.0],
            "power_month": 45.0,
            "pages_today": 0,
            "pages_a_day": 69120.0,
            "pace_from": "expected",
        },
    },
    "first": "calypso",
    "second": "spark",
    "pays_off_at_documents_per_day": 2658.5,
    "documents_per_day": 184,
    "pages_per_document": 10.0,
    "price_per_kwh": 0.123,
}
