"""Retry-After, as a busy host or a proxy says it: in seconds, or as a date."""

from __future__ import annotations

import math
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

LIMIT_SECONDS = 3600.0


def seconds(headers: Mapping[str, str]) -> float | None:
    """Retry-After in seconds, 0 to 3600. A date is read against the answer's own Date, since no clock is here."""
    named = {name.lower(): value for name, value in headers.items()}
    value = named.get("retry-after", "").strip()
    if not value:
        return None
    wait = _number(value)
    if wait is None:
        wait = _seconds_between(named.get("date", ""), value)
    return None if wait is None else min(max(wait, 0.0), LIMIT_SECONDS)


def _number(value: str) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _seconds_between(start: str, end: str) -> float | None:
    try:
        return (parsedate_to_datetime(end) - parsedate_to_datetime(start)).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return None
