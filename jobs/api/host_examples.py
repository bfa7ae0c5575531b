"""What a host, its measured figures and its costs look like, for OpenAPI. A test holds each against its schema."""

from __future__ import annotations

from typing import Any

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
