"""What a benchmark looks like, for OpenAPI. A test holds it against its schema."""

from __future__ import annotations

from typing import Any

FIGURES = {
    "tokens_per_second": 912.0,
    "seconds_10_pages": 31.5,
    "seconds_50_pages": 142.0,
    "concurrent_requests": 4.0,
    "highest_dpi": 200.0,
}
STEP: dict[str, Any] = {
    "name": "4 at once",
    "kind": "concurrency",
    "pages": 16,
    "at_once": 4,
    "dpi": 200,
    "seconds": 45.1,
    "p50": 11.2,
    "p95": 12.0,
    "pages_per_second": 0.36,
    "tokens": 10240,
    "outcomes": {"ok": 16},
    "gap_seconds": 0.03,
    "disturbed": False,
}
BENCHMARK: dict[str, Any] = {
    "id": 7,
    "backend": "calypso",
    "state": "done",
    "reason": "",
    "doing": "",
    "disturbed": False,
    "created_at": "2026-01-31T12:00:00Z",
    "began_at": "2026-01-31T12:00:01Z",
    "ended_at": "2026-01-31T12:08:20Z",
    "steps": [STEP],
    "figures": FIGURES,
    "latency_doubles_at": None,
    "expected": {
        "tokens_per_second": [800.0, 1200.0],
        "seconds_10_pages": [25.0, 40.0],
        "seconds_50_pages": [120.0, 240.0],
        "concurrent_requests": [2.0, 4.0],
        "highest_dpi": [150.0, 200.0],
    },
    "before": None,
    "proposals": [
        {
            "field": "slots",
            "title": "Slots",
            "current": 2.0,
            "proposed": 4.0,
            "reason": "4 at once read nearly as many pages a second as any number up to 5.",
        }
    ],
}
BEGUN: dict[str, Any] = BENCHMARK | {
    "state": "waiting",
    "began_at": None,
    "ended_at": None,
    "steps": [],
    "figures": dict.fromkeys(FIGURES),
    "proposals": [],
}
