"""Ended calls, counted in the database: one small statement a call, in the transaction that stores its attempt.

Always the last statement of its transaction. Rows are shared by all workers: whoever holds one waits for nobody any
more, so two settlements can neither block each other for long nor lock each other out.
"""

from __future__ import annotations

from jobs.domain import durations
from jobs.models import CallTally
from jobs.services import statements as sql

_COLUMNS = "figure, backend, outcome, up_to_ms, calls, seconds, prompt_tokens, completion_tokens, tried_again"
_SUMS = ("calls", "seconds", "prompt_tokens", "completion_tokens", "tried_again")
_ADD = ", ".join(f"{name} = jobs_calltally.{name} + excluded.{name}" for name in _SUMS)


def add(
    *,
    backend: str,
    outcome: str,
    seconds: float,
    prompt_tokens: int | None = None,
    completion_tokens: int | None = None,
    tried_again: bool = False,
    dispatch_seconds: float | None = None,
) -> None:
    """Count one ended call. `dispatch_seconds`: from its slot to the worker that took it, where that is known."""
    span = durations.up_to_ms(seconds)
    tokens = [prompt_tokens or 0, completion_tokens or 0]
    values = ["call", backend, outcome, span, 1, seconds, *tokens, int(tried_again)]
    rows = 1
    if dispatch_seconds is not None:
        waited = max(0.0, dispatch_seconds)
        values += ["dispatch", backend, "", durations.up_to_ms(waited), 1, waited, 0, 0, 0]
        rows = 2
    places = ", ".join(["(%s, %s, %s, %s, %s, %s, %s, %s, %s)"] * rows)
    sql.change(
        f"""INSERT INTO jobs_calltally ({_COLUMNS}) VALUES {places}
            ON CONFLICT (figure, backend, outcome, up_to_ms) DO UPDATE SET {_ADD}""",
        values,
    )


def counted() -> list[CallTally]:
    """Every row: a few hundred at most, by figure, backend and outcome. One query."""
    return list(CallTally.objects.order_by("figure", "backend", "outcome", "up_to_ms"))
