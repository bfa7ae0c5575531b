"""The texts of a page, as they come out, and what is sent to change which is in force."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from ninja import Field, Schema

from jobs.schemas.documents import Mode
from jobs.services import readings

ReadingSource = Literal["recognized", "edit", "rerun", "blank"]


class ReadingSettings(Schema):
    """What it was read with; null where nothing was chosen."""

    mode: Mode | None = None
    prompt: str | None = None
    language: str | None = None
    dpi: int | None = None
    model: str | None = None

    @classmethod
    def of(cls, told: dict[str, Any]) -> ReadingSettings:
        return cls(**{name: told.get(name) for name in cls.model_fields})


class ReadingOut(Schema):
    """One text of a page. It never changes; which one is in force does."""

    id: int
    source: ReadingSource
    author: str | None = Field(description="Who wrote it; null for what a host read.")
    at: datetime
    backend: str | None
    settings: ReadingSettings
    in_force: bool
    proposed: bool = Field(description="It waits to be accepted or discarded.")
    base: int | None = Field(description="The reading that an edit began with.")
    text: str

    @classmethod
    def of(cls, version: readings.Version) -> ReadingOut:
        reading = version.reading
        facts: dict[str, Any] = {
            "id": version.id,
            "source": reading.source,
            "author": reading.author.get_username() if reading.author else None,
            "at": version.at,
            "backend": version.backend or None,
            "settings": ReadingSettings.of(readings.provenance(reading)),
            "in_force": version.in_force,
            "proposed": version.proposed,
            "base": reading.base_id,
            "text": reading.text,
        }
        return cls(**facts)


class ReadingList(Schema):
    items: list[ReadingOut]
    next_cursor: str | None = Field(None, description="Always null: all are there.")


class EditIn(Schema):
    """A text for a page, and the reading it began with."""

    text: str
    base: int | None = Field(description="`reading` of the page as it was fetched.")


class ReadingIn(Schema):
    reading: int = Field(description="The id of a reading of this page.")


class RerunIn(Schema):
    """How pages are to be read again. What is left out stays as the document has it."""

    pages: str = Field("", description="Page numbers and ranges; empty for all.")
    mode: Mode | None = None
    prompt: str = Field("", description="For the mode custom only.")
    dpi: int | None = None
    language: str = ""
    backend: str = Field("", description="For administrators.")
