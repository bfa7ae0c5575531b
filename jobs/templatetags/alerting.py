"""Alerts for the head of every administrator's screen, and in words."""

from __future__ import annotations

from django import template

from jobs.models import Alert
from jobs.services import alerts

register = template.Library()
# Screens that tell of it in their own way: the board itself, and those that say why pages wait.
TOLD_ELSEWHERE = {"no_host": ("documents", "backends")}


@register.simple_tag
def unacknowledged_alerts() -> list[Alert]:
    """One query."""
    return alerts.unacknowledged()


@register.filter
def said(alert: Alert) -> str:
    return alerts.sentence(alert)


@register.filter
def critical_at(found: list[Alert], screen: str) -> list[Alert]:
    """The critical ones that this screen does not tell of anyway."""
    if screen in ("alerts", "alert-rule"):
        return []
    return [
        alert for alert in found if alert.severity == "critical" and screen not in TOLD_ELSEWHERE.get(alert.kind, ())
    ]
