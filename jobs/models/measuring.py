"""What each host did, minute by minute, hour by hour and day by day. Written by services.rolling_up."""

from __future__ import annotations

from typing import Any

from django.db import models

SPANS = ("minute", "hour", "day")


class Measurement(models.Model):
    """A host's sums over one minute, hour or day (UTC). The host's name outlives its row, as in Attempt."""

    backend = models.CharField(max_length=64)
    span = models.CharField(max_length=6, choices=[(span, span) for span in SPANS])
    begins_at = models.DateTimeField()
    tally: models.JSONField[Any] = models.JSONField(default=dict, help_text="domain.tallies.Tally as JSON")
    busy = models.CharField(
        max_length=150, blank=True, default="", help_text="of a minute: its busy tenths of a second as bits, in hex"
    )

    class Meta:
        ordering = ["begins_at"]
        constraints = [
            models.UniqueConstraint(fields=["backend", "span", "begins_at"], name="measurement_once"),
        ]
        indexes = [models.Index(fields=["span", "begins_at"], name="measurement_by_age")]

    def __str__(self) -> str:
        return f"{self.backend}, {self.span} of {self.begins_at:%Y-%m-%d %H:%M}"
