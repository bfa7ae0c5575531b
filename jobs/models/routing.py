"""The routing policy in force, its ordered rules, and every version it ever had."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.db import models

from jobs.domain import policies


def choices(words: Iterable[str]) -> list[tuple[str, str]]:
    """The domain's words as a field's choices: each is told there, and nowhere else."""
    return [(word, word) for word in words]


class RoutingPolicy(models.Model):
    """One row: the policy in force. Written by services.routing alone, which also keeps the version."""

    default_backend = models.CharField(max_length=63)
    fallback_order: models.JSONField[Any] = models.JSONField(default=list)
    spread = models.CharField(max_length=10, choices=choices(policies.SPREADS), default="overload")
    cpu = models.CharField(
        "CPU backend",
        max_length=12,
        choices=choices(policies.CPU_USES),
        default="when_no_gpu",
    )
    failover: models.JSONField[Any] = models.JSONField(default=dict)
    quality: models.JSONField[Any] = models.JSONField(default=dict)
    version = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name_plural = "routing policy"

    def __str__(self) -> str:
        return f"routing policy, version {self.version}"


class RoutingRule(models.Model):
    """One row of the ordered table: first match wins."""

    policy = models.ForeignKey(RoutingPolicy, on_delete=models.CASCADE, related_name="rules")
    position = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=100)
    when = models.CharField(max_length=30, choices=[(k, k.replace("_", " ")) for k in policies.RULE_KINDS])
    threshold = models.FloatField(null=True, blank=True)
    value = models.CharField(max_length=20, blank=True, default="")
    release = models.FloatField(null=True, blank=True)
    hold_seconds = models.FloatField(null=True, blank=True)
    backend = models.CharField(max_length=63)
    enabled = models.BooleanField(default=True)

    class Meta:
        ordering = ["position"]

    def __str__(self) -> str:
        return self.name


class PolicyVersion(models.Model):
    """A policy as it was: who changed it, when, and what differs from the one before."""

    number = models.PositiveIntegerField(unique=True)
    policy: models.JSONField[Any] = models.JSONField()
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    changes: models.JSONField[Any] = models.JSONField(default=list, help_text="sentences")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-number"]

    def __str__(self) -> str:
        return f"version {self.number}"
