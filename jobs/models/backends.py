"""Backend (one vLLM base URL with its profile), its health, and the leases on its slots."""

from __future__ import annotations

from typing import Any, ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q

LIFECYCLES = ("planned", "checking", "active", "draining", "disabled")
HEALTH_STATES = ("unknown", "up", "slow_start", "down", "hung", "misconfigured")
BREAKER_STATES = ("closed", "open", "half_open")
LEASE_KINDS = ("page", "canary", "benchmark", "passthrough")
MODEL_PROFILES = ("deepseek-ocr", "tesseract")

name_validator = RegexValidator(
    r"^[a-z0-9][a-z0-9._-]{0,62}$", "Use small letters, digits, dots, dashes and underscores."
)


class BackendQuerySet(models.QuerySet["Backend"]):
    def contactable(self) -> BackendQuerySet:
        """Those that are looked after: a planned or disabled one is contacted by its self-test alone."""
        return self.filter(lifecycle__in=["active", "draining"])

    def in_name_order(self) -> BackendQuerySet:
        """The order in which rows are locked, so that two dispatchers cannot deadlock."""
        return self.order_by("name")


class Backend(models.Model):
    """A host's address and profile. What is measured of it is kept apart, in BackendHealth."""

    name = models.CharField(max_length=63, unique=True, validators=[name_validator])
    base_url = models.CharField(max_length=300, blank=True, help_text="such as http://127.0.0.1:9001, without /v1")
    model = models.CharField(max_length=200, default="deepseek-ai/DeepSeek-OCR")
    model_profile = models.CharField(max_length=40, choices=[(p, p) for p in MODEL_PROFILES], default="deepseek-ocr")
    kind = models.CharField(max_length=8, choices=[("gpu", "gpu"), ("cpu", "cpu")], default="gpu")
    built_in = models.BooleanField(default=False, editable=False)
    lifecycle = models.CharField(max_length=10, choices=[(s, s) for s in LIFECYCLES], default="planned")
    slots = models.PositiveSmallIntegerField(default=4, validators=[MinValueValidator(1), MaxValueValidator(1024)])
    queue_ahead = models.PositiveSmallIntegerField(
        default=1,
        validators=[MaxValueValidator(64)],
        help_text="requests sent beyond the slots, so that the host never waits",
    )
    max_model_len = models.PositiveIntegerField(default=8192, validators=[MinValueValidator(512)])
    default_dpi = models.PositiveSmallIntegerField(
        default=200, validators=[MinValueValidator(50), MaxValueValidator(600)]
    )
    max_dpi = models.PositiveSmallIntegerField(default=200, validators=[MinValueValidator(50), MaxValueValidator(600)])
    streaming = models.BooleanField(
        default=False, help_text="only for hosts without repetition detection (vLLM before 0.17)"
    )
    gpu_exporter_url = models.CharField(
        "GPU exporter",
        max_length=300,
        blank=True,
        default="",
        help_text="address of its dcgm-exporter or nvidia_gpu_exporter, such as http://127.0.0.1:9400",
    )
    encrypted_api_key = models.TextField(blank=True, default="", editable=False)
    hardware: models.JSONField[Any] = models.JSONField(default=dict, blank=True)
    launch: models.JSONField[Any] = models.JSONField("launch flags", default=dict, blank=True)
    expected: models.JSONField[Any] = models.JSONField("expected figures", default=dict, blank=True)
    costs: models.JSONField[Any] = models.JSONField(default=dict, blank=True)
    notes = models.TextField(blank=True, default="")
    remove_when_drained = models.BooleanField(default=False, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects: ClassVar[Any] = BackendQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(condition=Q(lifecycle__in=LIFECYCLES), name="backend_lifecycle_known"),
            models.CheckConstraint(condition=Q(slots__gte=1), name="backend_has_a_slot"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def api_key_set(self) -> bool:
        return bool(self.encrypted_api_key)

    @property
    def capacity(self) -> int:
        """How many requests may be in flight there, ours of every kind together."""
        return self.slots + self.queue_ahead


class BackendHealth(models.Model):
    """What the probes and the calls last told of a backend. Written by services.health and services.outcomes."""

    backend = models.OneToOneField(Backend, on_delete=models.CASCADE, primary_key=True, related_name="health")
    state = models.CharField(max_length=14, choices=[(s, s) for s in HEALTH_STATES], default="unknown")
    breaker = models.CharField(max_length=10, choices=[(s, s) for s in BREAKER_STATES], default="closed")
    reason = models.TextField(blank=True, default="")
    since = models.DateTimeField(null=True, blank=True)
    retry_at = models.DateTimeField(null=True, blank=True)
    circuit: models.JSONField[Any] = models.JSONField(
        default=dict, blank=True, help_text="domain.circuit.Circuit as JSON"
    )
    waiting = models.PositiveIntegerField(default=0, help_text="requests the host itself reports waiting")
    running = models.PositiveIntegerField(default=0)
    kv_usage = models.FloatField(null=True, blank=True)
    generation_tokens = models.FloatField(null=True, blank=True)
    version = models.CharField(max_length=60, blank=True, default="")
    served_max_model_len = models.PositiveIntegerField(null=True, blank=True)
    languages: models.JSONField[Any] = models.JSONField(default=list, blank=True)
    warnings: models.JSONField[Any] = models.JSONField(default=list, blank=True)
    overload: models.JSONField[Any] = models.JSONField(
        default=dict, blank=True, help_text="domain.overload.Overload as JSON"
    )
    stall: models.JSONField[Any] = models.JSONField(default=dict, blank=True, help_text="domain.stalls.Watch as JSON")
    busy_until = models.DateTimeField(null=True, blank=True, help_text="it asked to be tried later, not before this")
    seconds_per_page = models.FloatField(null=True, blank=True, help_text="measured over its newest pages")
    tokens_per_second = models.FloatField(null=True, blank=True, help_text="of one request, measured likewise")
    self_test: models.JSONField[Any] = models.JSONField(
        default=dict, blank=True, help_text="the newest self-test: when, its steps, whether it was overruled"
    )
    gpu: models.JSONField[Any] = models.JSONField(
        default=dict, blank=True, help_text="what its GPU exporter last told, see services.gpus"
    )
    launch_seen: models.JSONField[Any] = models.JSONField(
        default=dict, blank=True, help_text="what of its launch can be seen from outside, see services.asking"
    )
    checked_at = models.DateTimeField(null=True, blank=True)
    certificate_ends_at = models.DateTimeField(null=True, blank=True, help_text="of an https address, as last seen")

    class Meta:
        verbose_name_plural = "backend health"

    def __str__(self) -> str:
        return f"{self.backend_id}: {self.state}"


class HealthSample(models.Model):
    """One probe's reading, for the charts; pruned by age."""

    backend = models.ForeignKey(Backend, on_delete=models.CASCADE, related_name="samples")
    at = models.DateTimeField(auto_now_add=True)
    state = models.CharField(max_length=14)
    in_flight = models.PositiveIntegerField(default=0)
    waiting = models.PositiveIntegerField(default=0)
    kv_usage = models.FloatField(null=True, blank=True)
    generation_tokens = models.FloatField(null=True, blank=True)
    running = models.PositiveIntegerField(default=0)
    queued = models.PositiveIntegerField(default=0, help_text="pages that waited for it, at ours and inside it")
    measured = models.BooleanField(default=False, db_default=False, editable=False)
    # As the host's GPU exporter told them, all cards together (gateways.gpu_exporter); null where it did not.
    gpu_memory_used_bytes = models.FloatField(null=True, blank=True)
    gpu_memory_total_bytes = models.FloatField(null=True, blank=True)
    gpu_utilization = models.FloatField(null=True, blank=True, help_text="0 to 1")
    gpu_power_watts = models.FloatField(null=True, blank=True)
    gpu_temperature_celsius = models.FloatField(null=True, blank=True)
    gpu_energy_joules = models.FloatField(null=True, blank=True, help_text="since the driver's start")

    class Meta:
        ordering = ["-at"]
        indexes = [
            models.Index(fields=["backend", "-at"], name="sample_newest"),
            models.Index(fields=["id"], name="sample_to_measure", condition=Q(measured=False)),
        ]

    def __str__(self) -> str:
        return f"{self.backend_id} at {self.at:%H:%M:%S}"


class SlotLease(models.Model):
    """The right to have one request in flight at a backend. Its id is the fencing token of what it covers.

    Assigned (holder empty) → claimed by a worker (holder set, renewed until `expires_at`) → deleted when settled.
    """

    backend = models.ForeignKey(Backend, on_delete=models.CASCADE, related_name="leases")
    page = models.OneToOneField("jobs.Page", on_delete=models.CASCADE, null=True, blank=True, related_name="lease")
    kind = models.CharField(max_length=12, choices=[(k, k) for k in LEASE_KINDS], default="page")
    holder = models.CharField(max_length=80, blank=True, default="", help_text="the worker that claimed it")
    rule = models.CharField(max_length=100, blank=True, default="")
    reason = models.TextField(blank=True, default="", help_text="why this backend")
    decision: models.JSONField[Any] = models.JSONField(
        null=True, blank=True, help_text="backend, wanted, rule, reason, considered; copied to the attempt"
    )
    assigned_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)
    sends = models.PositiveSmallIntegerField(default=0)
    claimed_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["holder", "expires_at"], name="lease_by_holder"),
        ]

    def __str__(self) -> str:
        return f"lease {self.pk} at {self.backend_id}"
