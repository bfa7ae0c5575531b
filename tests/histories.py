"""What hosts did, as attempts: pages back to back on all of a host's slots, each of about the same time."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

from django.utils import timezone

from jobs.models import Attempt
from jobs.services import rolling_up

JITTER = 0.1  # of the time of a page, to either side


def read(page: Any, backend: str, *, seconds: float, at_once: int, pages: int = 240, hours_ago: int = 30) -> None:
    """`page` read so many times at `backend`, rolled up. Two of these a day apart are hours of their own."""
    chance = random.Random(pages)
    began = rolling_up.hour_of(timezone.now() - timedelta(hours=hours_ago))
    rows = [
        Attempt(
            page=page,
            backend=backend,
            outcome="ok",
            completion_tokens=600,
            started_at=began + timedelta(seconds=number // at_once * seconds),
            seconds=seconds * chance.uniform(1 - JITTER, 1 + JITTER),
        )
        for number in range(pages)
    ]
    Attempt.objects.bulk_create(rows)
    rolling_up.roll_up()
