"""Benchmarks of hosts: the one that runs, and those there were."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from jobs.models.backends import Backend

OPEN = ("waiting", "running")
STATES = (*OPEN, "done", "failed", "stopped", "interrupted")


class BenchmarkQuerySet(models.QuerySet["Benchmark"]):
    def open(self) -> BenchmarkQuerySet:
        """Those that wait for a worker, or run."""
        return self.filter(state__in=OPEN)

    def newest_first(self) -> BenchmarkQuerySet:
        return self.order_by("-created_at", "-pk")


class Benchmark(models.Model):
    """One benchmark of one backend. Written by services.benchmarking alone.

    Waiting → running (`holder` set, renewed until `expires_at`) → done, failed (the host failed under it), stopped (by
    somebody) or interrupted (its worker died).
    """

    backend = models.ForeignKey(Backend, on_delete=models.CASCADE, related_name="benchmarks")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    state = models.CharField(max_length=12, choices=[(s, s) for s in STATES], default="waiting")
    setup: models.JSONField[Any] = models.JSONField(
        default=dict, help_text="how the host was set: domain.benchmark_plan.Setup as JSON"
    )
    steps: models.JSONField[Any] = models.JSONField(
        default=list, blank=True, help_text="what came of each so far: domain.benchmark_plan.Result as JSON"
    )
    doing = models.CharField(max_length=200, blank=True, default="", help_text="what it does now, in words")
    reason = models.TextField(blank=True, default="", help_text="why it ended before its end")
    stop_wanted = models.BooleanField(default=False)
    holder = models.CharField(max_length=80, blank=True, default="", help_text="the process that runs it")
    sent_at = models.DateTimeField()
    created_at = models.DateTimeField()
    began_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[Any] = BenchmarkQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["backend"], condition=Q(state__in=OPEN), name="one_benchmark_a_backend")
        ]

    def __str__(self) -> str:
        return f"benchmark {self.pk} of {self.backend_id}: {self.state}"

    @property
    def is_open(self) -> bool:
        return self.state in OPEN
