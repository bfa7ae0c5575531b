"""What alerts, events and webhooks look like, for OpenAPI. A test holds each against its schema."""

from __future__ import annotations

from typing import Any

from jobs.api.examples import DOCUMENT_ID

ALERT: dict[str, Any] = {
    "id": 12,
    "kind": "host_down",
    "subject": "spark",
    "severity": "warning",
    "state": "firing",
    "message": "spark is down: It refused the connection.",
    "value": 1.0,
    "threshold": 0.0,
    "fired_at": "2026-01-31T12:00:00Z",
    "cleared_at": None,
    "acknowledged": {"by": "ada", "at": "2026-01-31T12:04:00Z", "note": "The fan is being changed."},
}
ALERTS = {"items": [ALERT], "next_cursor": None}
ACKNOWLEDGE = {"note": "The fan is being changed."}
EVENTS: dict[str, Any] = {
    "items": [
        {
            "cursor": "481",
            "type": "document.done",
            "document": DOCUMENT_ID,
            "page": None,
            "at": "2026-01-31T12:03:00Z",
            "data": {"document": DOCUMENT_ID, "name": "report.pdf", "status": "done", "page_count": 25},
        }
    ],
    "next_cursor": "481",
}
WEBHOOK: dict[str, Any] = {
    "id": 3,
    "url": "https://hooks.example.org/ocr",
    "description": "Invoices",
    "events": ["document.done", "document.failed"],
    "enabled": True,
    "disabled_reason": "",
    "failing_since": None,
    "created_at": "2026-01-31T12:00:00Z",
}
NEW_WEBHOOK = {"url": "https://hooks.example.org/ocr", "events": ["document.done", "document.failed"]}
REGISTERED_WEBHOOK = WEBHOOK | {"secret": "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"}
WEBHOOKS = {"items": [WEBHOOK], "next_cursor": None}
DELIVERY: dict[str, Any] = {
    "id": 90,
    "message_id": "msg_3f2VQb0YcJ9Xo1k7Ee5sT2aL",
    "type": "document.done",
    "state": "pending",
    "tries": 1,
    "status": 503,
    "error": "It answered 503.",
    "created_at": "2026-01-31T12:03:00Z",
    "next_try_at": "2026-01-31T12:03:05Z",
    "delivered_at": None,
}
DELIVERIES = {"items": [DELIVERY], "next_cursor": None}
