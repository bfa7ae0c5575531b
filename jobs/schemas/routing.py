"""The routing policy and its decisions."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

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
    expected_wait_seconds: float | None = None
    was_overloaded: bool | None = Field(None, description="An overload that holds lets go at its release level only.")
    backends: dict[str, dict[str, str]] = Field({}, description="By name: `state`, `lifecycle` or both.")


class ComparedFacts(Schema):
    """The values that the rules compared."""

    page_count: int
    priority: Priority
    purpose: Purpose
    sla: bool
    dpi: int
    documents_per_day: int
    documents_in_progress: int
    queue_depth: int
    expected_wait_seconds: float
    was_overloaded: bool


class VerdictOut(Schema):
    rule: str
    backend: str
    enabled: bool
    matched: bool
    words: str


class Explained(Decision):
    """The decision, with what every rule said, and the facts: those given and those taken from now."""

    verdicts: list[VerdictOut]
    facts: ComparedFacts


class RuleNow(Schema):
    """A rule with what it compares right now."""

    name: str
    when: str
    threshold: float | int | None
    value: str
    backend: str
    enabled: bool
    now: str = Field(examples=["12 documents in 24 hours"])
    matches_now: bool | None = Field(description="null for a rule on the document itself")


class RulesNow(Schema):
    items: list[RuleNow]
    next_cursor: str | None = None


class ReplayIn(Schema):
    policy: dict[str, Any] = Field(description="A whole policy, as PUT /routing/policy takes it.")
    hours: int = Field(24, ge=1, le=720)


class Moved(Schema):
    documents: int
    pages: int


class MoveOut(Schema):
    model_config = {"serialize_by_alias": True}

    origin: str = Field(alias="from")
    target: str = Field(alias="to")
    documents: int
    pages: int


class MovedDocument(Schema):
    model_config = {"serialize_by_alias": True}

    document: UUID
    name: str
    pages: int
    origin: str = Field(alias="from")
    target: str = Field(alias="to")
    rule_before: str | None
    rule_after: str | None
    seconds_before: float | None = Field(description="From its arrival to its last page; null where it would wait.")
    seconds_after: float | None


class BeforeAfter(Schema):
    before: int
    after: int


class Finish(Schema):
    """Estimates, in seconds; null where nothing would be read."""

    seconds: float | None = Field(description="From the first document's arrival to the last page.")
    backends: dict[str, float] = Field(description="The same for each backend that reads anything.")
    mean_seconds: float | None = Field(description="What a document takes from its own arrival on.")
    p95_seconds: float | None


class Finishes(Schema):
    before: Finish
    after: Finish


class Replayed(Schema):
    """`before` is the policy in force, `after` the draft; both are simulated over the same documents."""

    hours: int
    since: datetime
    documents: int
    pages: int
    moved: Moved
    moves: list[MoveOut]
    items: list[MovedDocument] = Field(description="The newest that would move, at most 50.")
    spilled_pages: BeforeAfter = Field(description="Pages read elsewhere than at their document's backend.")
    finish: Finishes
    warnings: list[str]
    estimated_from: str


class AuditLine(Schema):
    id: int
    at: datetime
    actor: str | None = Field(description="null for what the site did by itself, or somebody at the terminal")
    action: str
    subject: str
    detail: dict[str, Any]


class AuditLog(Schema):
    items: list[AuditLine]
    next_cursor: str | None
