"""What was measured of a host, and what hosts cost."""

from __future__ import annotations

from datetime import datetime

from ninja import Field, Schema

Range = tuple[float, float]


class PercentilesOut(Schema):
    p50: float | None
    p95: float | None
    p99: float | None


class ComparedOut(Schema):
    name: str
    expected: Range | None = Field(description="The least and the most that is expected.")
    measured: float | None
    ratio: float | None = Field(description="Measured to the nearest end of the range; 1 inside it.")


class MeasuredOut(Schema):
    """A host's figures. null: not measured."""

    backend: str
    since: datetime
    until: datetime
    pages: int = Field(description="Pages read.")
    pages_per_minute: float | None = Field(description="Over the time in which the host had at least one call.")
    tokens_per_second: float | None = Field(description="Tokens written, all requests together, over the same time.")
    seconds: PercentilesOut = Field(description="Of one page, its waiting inside the host included.")
    seconds_by_page_count: dict[str, PercentilesOut] = Field(description="The same by how many pages a document has.")
    outcomes: dict[str, int]
    out_of_memory: int
    quality_retries: int
    busy_seconds: float
    at_once: float | None = Field(description="Calls under way while it was busy, on the mean.")
    at_once_most: int | None
    queued_mean: float | None = Field(description="Pages that waited for it, over the probes of that time.")
    queued_most: int | None
    utilisation_while_waiting: float | None = Field(description="Share of its slots in use while pages waited, 0 to 1.")
    compared: list[ComparedOut] = Field(description="Each expected figure beside the measured one.")


class HostCostOut(Schema):
    """Dollars; a range is [least, most]. null: not known."""

    month: float | None = Field(description="What it costs to run: power and maintenance.")
    one_year: Range | None = Field(description="Hardware and twelve months.")
    three_years: Range | None
    per_1000_pages: Range | None = Field(
        description="At what it read in the last 24 hours, hardware spread over 3 years."
    )
    hardware: Range | None
    power_month: float | None
    pages_today: int
    pages_a_day: float | None = Field(description="What it can read in a day.")
    pace_from: str = Field(description="Whether that was measured or is expected.")


class CostsOut(Schema):
    backends: dict[str, HostCostOut]
    first: str = Field(description="The policy's default backend.")
    second: str = Field(description="The next GPU backend in the order in which they take over; empty: none.")
    pays_off_at_documents_per_day: float | None = Field(
        description="From which volume the second pays off at the most its hardware costs. null: unknown, or never."
    )
    documents_per_day: int = Field(description="In the last 24 hours.")
    pages_per_document: float
    price_per_kwh: float
