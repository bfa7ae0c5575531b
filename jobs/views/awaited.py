"""What the screens ask of services that may not answer yet. Each falls back to what there is, or to nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jobs.domain.policies import Policy
from jobs.models import AuditEntry
from jobs.services import access, health, progress, routing


def outage(user: Any) -> Any:
    """Pages waiting, why, and the next try, while no backend can take work; else None."""
    told = outage_now()
    if told is not None:
        return told
    known = progress.totals(user)
    return {"waiting_pages": known.waiting_pages, "reason": known.no_backend} if known.no_backend else None


def outage_now() -> Any:
    """services.health's own word, where it has one."""
    ask: Callable[[], Any] | None = getattr(health, "outage", None)
    return ask() if ask is not None else None


def rules_now(policy: Policy) -> list[dict[str, Any]]:
    """For each rule what it compares right now, in order: {"now": words, "matches_now": bool or None}."""
    ask: Callable[[Policy], list[dict[str, Any]]] | None = getattr(routing, "rules_now", None)
    return ask(policy) if ask is not None else [{"now": "", "matches_now": None} for _ in policy.rules]


def replay(policy: Any, *, hours: int) -> dict[str, Any] | None:
    """What would have moved; None where nothing can be replayed."""
    try:
        from jobs.services import replaying  # type: ignore[attr-defined]
    except ImportError:
        return None
    answer: dict[str, Any] = replaying.replay(policy, hours=hours)
    return answer


def audit_entries(*, limit: int, before: int | None) -> list[AuditEntry]:
    """The audit log, newest first; with `before`, what is older than the entry of that id."""
    ask: Callable[..., list[AuditEntry]] | None = getattr(access, "entries", None)
    if ask is not None:
        return ask(limit=limit, before=before)
    rows = AuditEntry.objects.select_related("actor").order_by("-id")
    return list((rows.filter(pk__lt=before) if before else rows)[:limit])
