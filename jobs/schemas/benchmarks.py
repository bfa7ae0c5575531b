"""A benchmark of a backend, as it comes out."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from ninja import Field, Schema

from jobs.schemas.measuring import Range

BenchmarkState = Literal["waiting", "running", "done", "failed", "stopped", "interrupted"]


class BenchmarkStepOut(Schema):
    """Seconds. null: no page was read."""

    name: str
    kind: Literal["document", "concurrency", "resolution"]
    pages: int
    at_once: int
    dpi: int
    seconds: float = Field(description="From the first call of the step to its end.")
    p50: float | None = Field(description="Of one page, its waiting inside the host included.")
    p95: float | None
    pages_per_second: float | None
    tokens: int
    outcomes: dict[str, int]
    gap_seconds: float = Field(description="Between a call's end and the next one's beginning, at the site.")
    disturbed: bool = Field(description="People's pages ran or waited there meanwhile.")


class ProposalOut(Schema):
    field: str = Field(description="The backend's field; empty for a setting of the whole site.")
    title: str
    current: float
    proposed: float
    reason: str


class BenchmarkOut(Schema):
    """A benchmark as it stands. Figures have the names of a backend's `expected`; null: not measured."""

    id: int
    backend: str
    state: BenchmarkState
    reason: str = Field(description="Why it ended before its end.")
    doing: str
    disturbed: bool
    created_at: datetime
    began_at: datetime | None
    ended_at: datetime | None
    steps: list[BenchmarkStepOut]
    figures: dict[str, float | None]
    latency_doubles_at: int | None = Field(description="So many at once, and a page takes twice as long as alone.")
    expected: dict[str, Range | None]
    before: dict[str, float | None] | None = Field(description="The figures of the benchmark before.")
    proposals: list[ProposalOut] = Field(description="None before its end, or where it was disturbed.")
