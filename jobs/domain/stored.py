"""State that is kept as JSON between looks: a dataclass back from what `dataclasses.asdict` made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar

Kept = TypeVar("Kept")


def from_json(kind: type[Kept], value: Mapping[str, Any]) -> Kept:
    """The object that was kept; fields that are not there have their defaults, unknown ones (of an older or a newer
    version) are passed over. An empty object is a fresh one."""
    known = {one.name for one in fields(kind)}  # type: ignore[arg-type]
    return kind(**{name: item for name, item in value.items() if name in known})
