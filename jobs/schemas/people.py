"""Who is asking."""

from __future__ import annotations

from typing import Literal

from ninja import Field, Schema


class Quotas(Schema):
    max_upload_bytes: int
    max_pages: int = Field(description="of one file")


class Me(Schema):
    name: str
    role: Literal["staff", "admin"]
    scope: Literal["read", "write", "admin"]
    quotas: Quotas
