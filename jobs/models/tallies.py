"""What is counted for good: it outlives the documents, pages and attempts that it was counted from."""

from __future__ import annotations

from django.db import models

FIGURES = ("call", "dispatch")


class CallTally(models.Model):
    """Calls of pages that ended, counted (docs/decisions/0008-metrics.md). Only ever added to.

    One row for each figure (how long calls took; how long pages waited for a worker once they had a slot), backend,
    outcome (of calls alone) and span of time. `up_to_ms` is the span's upper bound; `seconds` is the sum.
    """

    figure = models.CharField(max_length=8, choices=[(f, f) for f in FIGURES])
    backend = models.CharField(max_length=64)
    outcome = models.CharField(max_length=16, blank=True, default="")
    up_to_ms = models.PositiveIntegerField()
    calls = models.PositiveBigIntegerField(default=0)
    seconds = models.FloatField(default=0.0)
    prompt_tokens = models.PositiveBigIntegerField(default=0)
    completion_tokens = models.PositiveBigIntegerField(default=0)
    tried_again = models.PositiveBigIntegerField(default=0, help_text="read badly, and sent to the next rung")

    class Meta:
        verbose_name_plural = "call tallies"
        constraints = [
            models.UniqueConstraint(fields=["figure", "backend", "outcome", "up_to_ms"], name="call_tally_once")
        ]

    def __str__(self) -> str:
        return f"{self.figure} {self.backend} {self.outcome}: {self.calls}"
