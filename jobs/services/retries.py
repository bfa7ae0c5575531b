"""The retry budget, counted from what the database knows of the last minute."""

from __future__ import annotations

from dataclasses import replace

from django.db import connection

from jobs.domain import retry_budget
from jobs.domain.attempts import Step
from jobs.models import Backend
from jobs.services import statements as sql

LOCK_KEY = 0x0C56  # any number, the same in every process: one retry is granted after the other on PostgreSQL


def within_budget(step: Step) -> Step:
    """The step, put off if too much is tried again already. Inside the transaction that carries it out, and before."""
    if not step.on_budget:
        return step
    if connection.vendor == "postgresql":
        sql.fetch("SELECT pg_advisory_xact_lock(%s)", [LOCK_KEY])
    calls, retried = _last_minute()
    wait = retry_budget.wait_seconds(calls, retried + _granted())
    if wait <= step.delay_seconds:
        return step
    return replace(step, delay_seconds=wait, reason=f"{step.reason} {retry_budget.REASON}")


def _last_minute() -> tuple[int, int]:
    """Calls that ended and began in the last minute, and those among them that were not their page's first."""
    names = list(Backend.objects.values_list("name", flat=True))
    if not names:
        return 0, 0
    rows = sql.fetch(
        f"""SELECT count(*), sum(CASE WHEN EXISTS (
                SELECT 1 FROM jobs_attempt e WHERE e.page_id = a.page_id AND e.id < a.id) THEN 1 ELSE 0 END)
            FROM jobs_attempt a
            WHERE a.backend IN ({sql.marks(names)}) AND {sql.seconds_since("a.started_at")} < %s""",
        [*names, retry_budget.WINDOW_SECONDS],
    )
    calls, retried = rows[0]
    return int(calls), int(retried or 0)


def _granted() -> int:
    """Retries that were granted and are not over yet: pages that a host failed, waiting or in flight."""
    rows = sql.fetch(
        """SELECT (SELECT count(*) FROM jobs_page
                   WHERE status = 'rendered' AND host_failures > 0 AND engine_deaths = 0)
                + (SELECT count(*) FROM jobs_slotlease l JOIN jobs_page p ON p.id = l.page_id
                   WHERE p.host_failures > 0 AND p.engine_deaths = 0)"""
    )
    return int(rows[0][0])
