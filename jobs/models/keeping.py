"""What is kept for how long: the rules administrators have made."""

from __future__ import annotations

from django.db import models

from jobs.domain import retention


class RetentionRule(models.Model):
    """One rule (domain.retention.Rule). Written by services.retention alone, all of them at once."""

    age_days = models.FloatField(help_text="since the document ended")
    status = models.CharField(max_length=12, choices=[(s, s) for s in retention.STATES], default=retention.ENDED)
    what = models.CharField(max_length=12, choices=[(what, words) for what, words in retention.PARTS.items()])
    enabled = models.BooleanField(default=False)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.what} after {self.age_days:g} days"
