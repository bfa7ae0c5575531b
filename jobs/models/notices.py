"""What people are told: the rules of alerts, and the alerts there were."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from jobs.domain.alert_rules import KINDS, SEVERITIES, WARNING
from jobs.domain.alerts import FIRING, PENDING, State

CLEARED = "cleared"
PHASES = (PENDING, FIRING, CLEARED)


class AlertRule(models.Model):
    """A rule that somebody edited or added; it stands in for the shipped one (domain.alert_rules.Rule)."""

    kind = models.CharField(max_length=20, choices=[(name, kind.title) for name, kind in KINDS.items()])
    backend = models.CharField(max_length=63, blank=True, default="", help_text="empty: every host, or the site")
    threshold = models.FloatField(null=True, blank=True, help_text="empty: only shown, never an alert")
    release = models.FloatField(null=True, blank=True)
    for_seconds = models.FloatField(default=60.0)
    clear_seconds = models.FloatField(default=60.0)
    severity = models.CharField(max_length=8, choices=[(s, s) for s in SEVERITIES], default=WARNING)
    enabled = models.BooleanField(default=True)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["kind", "backend"]
        constraints = [models.UniqueConstraint(fields=["kind", "backend"], name="alert_rule_once")]

    def __str__(self) -> str:
        return f"{self.kind} {self.backend}".strip()


class AlertQuerySet(models.QuerySet["Alert"]):
    def open(self) -> AlertQuerySet:
        """Those that fire, and those that will if it stays so."""
        return self.filter(phase__in=(PENDING, FIRING))

    def firing(self) -> AlertQuerySet:
        return self.filter(phase=FIRING)

    def over(self) -> AlertQuerySet:
        """Those that fired and are over, newest first."""
        return self.filter(phase=CLEARED).order_by("-cleared_at", "-id")


class Alert(models.Model):
    """One time that something was wrong: from its beginning, over its firing, to its end. One open for each kind and
    subject (a backend's name, which outlives its row, or empty for the site)."""

    kind = models.CharField(max_length=20)
    subject = models.CharField(max_length=64, blank=True, default="")
    severity = models.CharField(max_length=8, choices=[(s, s) for s in SEVERITIES])
    phase = models.CharField(max_length=8, choices=[(p, p) for p in PHASES], default=PENDING)
    value = models.FloatField(null=True, blank=True)
    threshold = models.FloatField(null=True, blank=True)
    cause = models.TextField(blank=True, default="")
    began_at = models.DateTimeField()
    calm_since = models.DateTimeField(null=True, blank=True)
    fired_at = models.DateTimeField(null=True, blank=True)
    cleared_at = models.DateTimeField(null=True, blank=True)
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    acknowledged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    acknowledged_cause = models.TextField(blank=True, default="", help_text="another one ends the acknowledgement")
    note = models.CharField(max_length=500, blank=True, default="")
    fired_told_at = models.DateTimeField(null=True, blank=True, help_text="when the mail about it was sent")
    cleared_told_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[Any] = AlertQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "subject"], condition=Q(phase__in=(PENDING, FIRING)), name="alert_open_once"
            )
        ]
        indexes = [models.Index(fields=["phase", "-cleared_at"], name="alert_newest")]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}".strip()

    @property
    def state(self) -> State:
        """As domain.alerts judges it."""
        since = self.fired_at if self.phase == FIRING and self.fired_at else self.began_at
        calm = self.calm_since.timestamp() if self.calm_since else None
        return State(self.phase, since.timestamp(), calm)
