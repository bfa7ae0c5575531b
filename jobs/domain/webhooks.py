"""Webhooks as Standard Webhooks has them: which events there are, the signature, when to try again and when to stop.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import hashlib
import hmac

OF_DOCUMENTS = ("document.done", "document.partial", "document.failed")
OF_THE_SITE = ("backend.down", "backend.up", "alert")  # for administrators
EVENTS = (*OF_DOCUMENTS, *OF_THE_SITE)
TEST = "test"
SECRET_START = "whsec_"  # noqa: S105 - not a secret: what every signing secret begins with
# Seconds from a failed try to the next, as the specification proposes them; after the last there is none.
PAUSES_SECONDS = (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
DISABLE_AFTER_SECONDS = 3 * 86_400.0
GONE = 410  # "stop sending", says the specification


def secret_text(secret: bytes) -> str:
    """The signing secret as its owner enters it at the receiver: `whsec_` and base64."""
    return SECRET_START + base64.b64encode(secret).decode("ascii")


def signature(secret: str, message_id: str, timestamp: int, body: str) -> str:
    """The header webhook-signature: `v1,` and base64 of HMAC-SHA256 over `id.timestamp.body`."""
    key = base64.b64decode(secret.removeprefix(SECRET_START))
    signed = hmac.new(key, f"{message_id}.{timestamp}.{body}".encode(), hashlib.sha256)
    return "v1," + base64.b64encode(signed.digest()).decode("ascii")


def pause_seconds(tries: int) -> float | None:
    """How long to wait after so many failed tries; None: it is given up."""
    return float(PAUSES_SECONDS[tries - 1]) if tries <= len(PAUSES_SECONDS) else None


def is_hopeless(status: int | None, failing_seconds: float) -> bool:
    """Whether nothing more is to be sent there: it said so, or nothing has arrived for days."""
    return status == GONE or failing_seconds >= DISABLE_AFTER_SECONDS
