"""A host that runs out of memory on pages stays in use, and administrators are told."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from jobs.domain.failures import Outcome
from jobs.domain.routing import plural
from jobs.models import Attempt, Backend

SHOWN_FOR = timedelta(hours=1)


def of(backend: Backend) -> str:
    """The warning in words; empty when there was no such page in the last hour: it goes by itself."""
    since = timezone.now() - SHOWN_FOR
    pages = (
        Attempt.objects.filter(backend=backend.name, started_at__gte=since, outcome=Outcome.OUT_OF_MEMORY)
        .values("page")
        .distinct()
        .count()
    )
    if not pages:
        return ""
    return f"It ran out of memory on {plural(pages, 'page')} in the last hour. Give it more memory, or a lower max DPI."
