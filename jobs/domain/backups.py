"""What a backup says of itself: its form, the tables' state, and size and SHA-256 sum of every file in it."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from jobs import errors

FORMAT = 1
MANIFEST = "manifest.json"
NOT_OURS = "This is no backup of ocrsite, or one that was never finished: its manifest is missing or damaged."
NEWER = "This backup was made by a newer version of ocrsite: update this one first."
SHOWN = 3  # names of damaged files in a sentence


@dataclass(frozen=True)
class Entry:
    """One file of a backup. `sha256` in hexadecimal."""

    size_bytes: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """`migrations`: the newest one of each app when it was made. `files`: by name, with forward slashes."""

    made_at: str
    migrations: Mapping[str, str]
    files: Mapping[str, Entry] = field(default_factory=dict)
    format: int = FORMAT

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=1, sort_keys=True)

    @property
    def size_bytes(self) -> int:
        return sum(entry.size_bytes for entry in self.files.values())


def from_json(text: str | bytes) -> Manifest:
    """Raises errors.Invalid for what is no manifest, and for one of a form that is not known yet."""
    try:
        told: dict[str, Any] = json.loads(text)
        if int(told["format"]) > FORMAT:
            raise errors.Invalid(NEWER)
        files = {str(name): Entry(int(e["size_bytes"]), str(e["sha256"])) for name, e in told["files"].items()}
        migrations = {str(app): str(name) for app, name in told["migrations"].items()}
        manifest = Manifest(str(told["made_at"]), migrations, files, int(told["format"]))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise errors.Invalid(NOT_OURS) from error
    if not all(map(is_safe, manifest.files)):
        raise errors.Invalid(NOT_OURS)
    return manifest


def is_safe(name: str) -> bool:
    """Whether a name stays inside the folder it is put into, on every system."""
    parts = name.split("/")
    return all(part and part not in (".", "..") and "\\" not in part and "\0" not in part for part in parts)


def refuse_newer(manifest: Manifest, known: Collection[tuple[str, str]]) -> None:
    """`known`: (app, migration) of this version. Raises errors.Invalid."""
    if not manifest.migrations or set(manifest.migrations.items()) - set(known):
        raise errors.Invalid(NEWER)


def refuse_damaged(manifest: Manifest, found: Mapping[str, Entry]) -> None:
    """`found`: what is really there. Raises errors.Invalid with the names of what is missing or differs."""
    missing = sorted(set(manifest.files) - set(found))
    damaged = sorted(name for name, entry in manifest.files.items() if name in found and found[name] != entry)
    if missing or damaged:
        said = [_named("missing", missing), _named("damaged", damaged)]
        raise errors.Invalid(f"The backup cannot be restored: {', '.join(filter(None, said))}. Nothing was changed.")


def _named(what: str, names: list[str]) -> str:
    if not names:
        return ""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{', '.join(names[:SHOWN])}{more} {'is' if len(names) == 1 else 'are'} {what}"
