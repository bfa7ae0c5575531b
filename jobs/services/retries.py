"""The retry budget, counted from what the database knows of the last minute."""

from __future__ import annotations

from dataclasses import replace

from django.db import connection

from jobs.domain import failures, retry_budget
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
    wait = retry_budget.wait_seconds(*_last_minute())
    if wait <= step.delay_seconds:
        return step
    return replace(step, delay_seconds=wait, reason=f"{step.reason} {retry_budget.REASON}")


def _last_minute() -> tuple[int, list[float]]:
    """How many calls there were, and when each retry was or will be made, in seconds from now."""
    ages = _calls()
    return len(ages), [-age for age, again in ages if again] + _waiting() + _in_flight()


def _calls() -> list[tuple[float, bool]]:
    """The calls of the last minute that are over: how long ago each began, and whether its page had met a host's fault
    before. What was busy, leaving or short of memory sent its pages on free of charge."""
    names = list(Backend.objects.values_list("name", flat=True))
    if not names:
        return []
    faults = [str(outcome) for outcome in failures.HOST_FAULTS]
    rows = sql.fetch(
        f"""SELECT {sql.seconds_since("a.started_at")}, EXISTS (
                SELECT 1 FROM jobs_attempt e WHERE e.page_id = a.page_id AND e.id < a.id
                AND e.outcome IN ({sql.marks(faults)}) AND e.reason <> %s)
            FROM jobs_attempt a
            WHERE a.backend IN ({sql.marks(names)}) AND a.started_at > {sql.now_plus()}""",
        [*faults, failures.DRAINING.reason, *names, -retry_budget.WINDOW_SECONDS],
    )
    return [(float(seconds), bool(again)) for seconds, again in rows]


def _waiting() -> list[float]:
    """Pages that a host failed and that wait to be sent again: in how many seconds they may be."""
    rows = sql.fetch(
        f"""SELECT -({sql.seconds_since("not_before")}) FROM jobs_page
            WHERE status = 'rendered' AND host_failures > 0 AND engine_deaths = 0"""
    )
    return [max(0.0, float(seconds or 0.0)) for (seconds,) in rows]


def _in_flight() -> list[float]:
    """Such pages that are being sent again now."""
    rows = sql.fetch(
        f"""SELECT {sql.seconds_since("l.assigned_at")} FROM jobs_slotlease l JOIN jobs_page p ON p.id = l.page_id
            WHERE p.host_failures > 0 AND p.engine_deaths = 0"""
    )
    return [-float(seconds) for (seconds,) in rows]
