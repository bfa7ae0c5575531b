"""Advice that somebody did not want for now. Written by services.advising."""

from __future__ import annotations

from typing import Any

from django.db import models


class AdvicePutOff(models.Model):
    """One advice, told again when its figures differ by a good deal from these (domain.advice.still_put_off)."""

    key = models.CharField(max_length=200, unique=True, help_text="domain.advice.Advice's")
    figures: models.JSONField[Any] = models.JSONField(default=dict)

    def __str__(self) -> str:
        return self.key
