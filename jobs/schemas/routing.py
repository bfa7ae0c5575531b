"""The routing policy and its decisions."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from ninja import Field, Schema

from jobs.schemas.documents import Decision, Priority, Purpose


class RuleOut(Schema):
    """First match wins. `when` says which of threshold and value it compares with."""

    name: str
    when: str
    backend: str
    enabled: bool = True
    threshold: float | int | None = None
    value: str | bool | None = None
    release: float | int | None = Field(None, description="For queue_depth_over: it lets go at this depth…")
    hold_seconds: float | int | None = Field(None, description="…once it stayed there this long.")


class FailoverOut(Schema):
    max_attempts: int
    oom_dpi: int
    breaker_failures: int
    breaker_seconds: float | int
    breaker_max_seconds: float | int
    quarantine_deaths: int


class QualityOut(Schema):
    enabled: bool
    max_tries: int
    text_layer_check: bool
    rungs: list[str] = Field(description="What is tried when a page was read badly, in this order.")


class PolicyOut(Schema):
    default_backend: str
    fallback_order: list[str]
    spread: Literal["off", "overload", "free"]
    cpu: Literal["when_no_gpu", "never", "always"]
    rules: list[RuleOut]
    failover: FailoverOut
    quality: QualityOut


class SavedPolicy(PolicyOut):
    warnings: list[str] = Field(description="What is allowed but surprising, such as a rule that can never match.")


class VersionOut(Schema):
    number: int
    created_at: datetime
    author: str | None
    changes: list[str]
    policy: dict[str, Any]


class VersionList(Schema):
    items: list[VersionOut]
    next_cursor: str | None = None


class FactsIn(Schema):
    """What is left out is taken from now. `backends` tries what is not so: {"calypso": {"state": "down"}}."""

    page_count: int
    priority: Priority = "normal"
    purpose: Purpose = "production"
    sla: bool = False
    dpi: int | None = None
    documents_per_day: int | None = None
    documents_in_progress: int | None = None
    queue_depth: int | None = None
    backends: dict[str, dict[str, str]] = {}


class VerdictOut(Schema):
    rule: str
    backend: str
    enabled: bool
    matched: bool
    words: str


class Explained(Decision):
    """The decision, with what every rule said."""

    verdicts: list[VerdictOut]
