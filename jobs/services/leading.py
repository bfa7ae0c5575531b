"""Which clock leads: one row, held for a while on the database's time."""

from __future__ import annotations

from django.db import transaction

from jobs.models import ClockLease
from jobs.services import statements as sql

NAME = "clock"


def lead(holder: str, *, seconds: float) -> bool:
    """Become or stay the leader for `seconds`. False while another process leads."""
    with transaction.atomic():
        held = sql.change(
            f"""UPDATE jobs_clocklease SET holder = %s, expires_at = {sql.now_plus()}
                WHERE name = %s AND (holder = %s OR expires_at < {sql.now()})""",
            [holder, seconds, NAME, holder],
        )
        if held:
            return True
        return bool(
            sql.change(
                f"""INSERT INTO jobs_clocklease (name, holder, expires_at) VALUES (%s, %s, {sql.now_plus()})
                    ON CONFLICT (name) DO NOTHING""",
                [NAME, holder, seconds],
            )
        )


def resign(holder: str) -> None:
    """Let another process lead at once."""
    ClockLease.objects.filter(name=NAME, holder=holder).delete()
