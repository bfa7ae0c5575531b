"""What administrators watch: what each host holds now, its pace, and what went wrong lately. One query each, however
many documents there are."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Count, F, Min, Prefetch, Q, Sum
from django.utils import timezone

from jobs.models import Attempt, Backend, Document, SlotLease

PACE_SECONDS = 300.0  # long enough for a page of several seconds, short enough to be "now"
TROUBLE_SECONDS = 3600.0
TROUBLES_READ = 60  # newest of all hosts together; a card shows a few
NO_TROUBLE = ("ok", "cancelled")


@dataclass(frozen=True)
class Pace:
    """What a host did over the last five minutes, or since it began within them."""

    pages_per_minute: float = 0.0
    tokens_per_second: float = 0.0


def hosts() -> list[Backend]:
    """All backends by name, with health and leases, the leases with page and document. Two queries."""
    leases = SlotLease.objects.select_related("page__document").order_by("pk")
    known = Backend.objects.in_name_order().select_related("health")
    return list(known.prefetch_related(Prefetch("leases", leases)))


def paces(names: Collection[str]) -> dict[str, Pace]:
    """Each backend's pace, by name, from its attempts; those without any are left out. One query."""
    now = timezone.now()
    recent = Attempt.objects.filter(backend__in=names, started_at__gte=now - timedelta(seconds=PACE_SECONDS))
    rows = recent.order_by().values("backend").annotate(
        pages=Count("pk", filter=Q(outcome="ok")), tokens=Sum("completion_tokens"), first=Min("started_at")
    )  # fmt: skip
    return {row["backend"]: _pace(row, now) for row in rows}


def _pace(row: Mapping[str, Any], now: Any) -> Pace:
    # A host that began ten seconds ago has not been idle for five minutes; a single page is no pace of one a second.
    seconds = min(PACE_SECONDS, max(60.0, (now - row["first"]).total_seconds()))
    return Pace(row["pages"] * 60 / seconds, (row["tokens"] or 0) / seconds)


def troubles(names: Collection[str]) -> dict[str, list[Attempt]]:
    """Each backend's failed attempts of the last hour, newest first, with page and document. One query."""
    since = timezone.now() - timedelta(seconds=TROUBLE_SECONDS)
    failed = Attempt.objects.filter(backend__in=names, started_at__gte=since).exclude(outcome__in=NO_TROUBLE)
    found: dict[str, list[Attempt]] = {}
    for attempt in failed.select_related("page__document").order_by("-started_at", "-pk")[:TROUBLES_READ]:
        found.setdefault(attempt.backend, []).append(attempt)
    return found


def unended_pages() -> int:
    """Pages of open documents that have not ended: those that wait, and those that are being read. One query."""
    left = F("page_count") - F("pages_done") - F("pages_failed") - F("pages_cancelled")
    return int(Document.objects.open().aggregate(pages=Sum(left))["pages"] or 0)
