"""`manage.py status`: documents, backends and the queue at a glance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.management.base import BaseCommand
from django.db.models import Count

from jobs import errors
from jobs.domain.statuses import DocumentStatus
from jobs.models import Backend, Document, Page, SlotLease
from jobs.services import backends, routing


class Command(BaseCommand):
    help = "Shows documents by state, backends with their health and slots, and what waits."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(table(("DOCUMENTS", ""), _documents()))
        self.stdout.write("")
        rows = [_backend(row) for row in Backend.objects.select_related("health").in_name_order()]
        self.stdout.write(table(("BACKEND", "LIFECYCLE", "HEALTH", "SLOTS BUSY", "WAITING THERE", "WHY"), rows))
        self.stdout.write("")
        self.stdout.write(table(("QUEUE", ""), _queue()))


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as their widest cell, two spaces between them; no cell is cut."""
    lines = [list(head), *[list(row) for row in rows]]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def _documents() -> list[tuple[str, str]]:
    counted = dict(Document.objects.kept().order_by().values_list("status").annotate(n=Count("pk")))
    return [(state.value, str(counted.get(state.value, 0))) for state in DocumentStatus]


def _backend(row: Backend) -> tuple[str, ...]:
    told = backends.snapshot(row)
    health = told["health"]
    state = health["state"] if health["breaker"] == "closed" else f"{health['state']}, breaker {health['breaker']}"
    busy = f"{health['in_flight']} of {row.slots}"
    return row.name, row.lifecycle, state, busy, str(health["waiting"]), " ".join(health["reason"].split())


def _queue() -> list[tuple[str, str]]:
    unprepared = Document.objects.open().filter(prepared=False).count()
    open_pages = Page.objects.filter(document__in=Document.objects.open())
    return [
        ("documents not begun", str(unprepared)),
        ("pages to draw", str(open_pages.waiting_to_be_drawn().count())),
        ("pages waiting for a slot", str(open_pages.waiting_for_a_slot().count())),
        ("pages with a host", str(SlotLease.objects.filter(kind="page").count())),
        ("policy", _policy()),
    ]


def _policy() -> str:
    try:
        policy = routing.in_force()
    except errors.Unavailable:
        return "none yet"
    return f"default {policy.default_backend}, {len([rule for rule in policy.rules if rule.enabled])} rules"
