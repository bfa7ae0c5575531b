"""What every refusal looks like."""

from __future__ import annotations

from typing import Literal

from ninja import Field, Schema

ErrorCode = Literal[
    "unauthenticated",
    "forbidden",
    "not_found",
    "invalid",
    "conflict",
    "too_large",
    "unsupported_type",
    "unreadable",
    "password_required",
    "wrong_password",
    "no_pages",
    "too_many_pages",
    "not_ready",
    "rate_limited",
    "unavailable",
    "out_of_space",
]


class ErrorBody(Schema):
    code: ErrorCode
    message: str = Field(description="A sentence for people: what is wrong and what to do.")
    fields: dict[str, str] = Field(default_factory=dict, description="For `invalid`: each wrong field and its reason.")


class Error(Schema):
    """What every refusal looks like."""

    error: ErrorBody
