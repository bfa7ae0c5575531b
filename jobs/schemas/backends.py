"""Backends, as they come out and as they may be set."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from ninja import Field, Schema

Lifecycle = Literal["planned", "checking", "active", "draining", "disabled"]
Kind = Literal["gpu", "cpu"]


class Gpu(Schema):
    """What its GPU exporter told at the last probe, all cards together; null what it does not tell."""

    memory_used_bytes: float | None
    memory_total_bytes: float | None
    utilization: float | None = Field(description="0 to 1, the mean of its cards")
    power_watts: float | None
    temperature_celsius: float | None
    energy_joules: float | None = Field(description="Grows from the driver's start.")
    at: datetime


class Health(Schema):
    state: Literal["unknown", "up", "slow_start", "down", "hung", "misconfigured"]
    breaker: Literal["closed", "open", "half_open"]
    reason: str
    since: datetime | None
    retry_at: datetime | None
    in_flight: int
    waiting: int
    version: str
    warnings: list[str]
    gpu: Gpu | None = Field(None, description="null without an exporter, or before it was asked")


class BackendOut(Schema):
    name: str
    base_url: str
    model: str
    model_profile: str
    kind: Kind
    lifecycle: Lifecycle
    slots: int
    queue_ahead: int
    max_model_len: int
    default_dpi: int
    max_dpi: int
    streaming: bool
    api_key_set: bool
    gpu_exporter_url: str = ""
    health: Health
    hardware: dict[str, Any]
    launch: dict[str, Any]
    expected: dict[str, Any]
    costs: dict[str, Any]
    notes: str = ""


class BackendList(Schema):
    items: list[BackendOut]
    next_cursor: str | None = None


class StepOut(Schema):
    name: str
    passed: bool
    message: str


class SelfTestOut(Schema):
    passed: bool
    steps: list[StepOut]


class CheckedBackend(BackendOut):
    """A backend as it stands after its self-test."""

    self_test: SelfTestOut | None = Field(None, description="null when nothing was tested")


class BackendFields(Schema):
    """What may be set. What is left out keeps its value."""

    model_config = {"extra": "forbid"}

    base_url: str | None = Field(None, description="Such as http://127.0.0.1:9001, without /v1.")
    lifecycle: Lifecycle | None = None
    model: str | None = None
    model_profile: str | None = None
    kind: Kind | None = None
    slots: int | None = Field(None, ge=1, le=1024)
    queue_ahead: int | None = Field(None, ge=0, le=64)
    max_model_len: int | None = Field(None, ge=512)
    default_dpi: int | None = Field(None, ge=50, le=600)
    max_dpi: int | None = Field(None, ge=50, le=600)
    streaming: bool | None = None
    api_key: str | None = Field(None, description="Write only. Empty to take it away.")
    gpu_exporter_url: str | None = Field(
        None, description="Of its dcgm-exporter or nvidia_gpu_exporter, such as http://127.0.0.1:9400. Empty for none."
    )
    hardware: dict[str, Any] | None = None
    launch: dict[str, Any] | None = None
    expected: dict[str, Any] | None = None
    costs: dict[str, Any] | None = None
    notes: str | None = None


class NewBackend(BackendFields):
    name: str
    base_url: str
