"""What a policy, its versions and a replay look like, for OpenAPI. A test holds each against its schema."""

from __future__ import annotations

from typing import Any

from jobs.api.examples import DECISION, DOCUMENT_ID

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
