"""A page read again: what it was asked for with, what it goes back to, and how its outcome is taken in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol


class Wishes(Protocol):
    """What a Document says of how it is to be read; `dpi` None for each backend's default."""

    @property
    def mode(self) -> Any: ...
    @property
    def prompt(self) -> Any: ...
    @property
    def language(self) -> Any: ...
    @property
    def dpi(self) -> Any: ...


@dataclass(frozen=True)
class Asked:
    """How one page is read now. `dpi` None for each backend's default; `backend` empty for the document's own."""

    mode: str
    prompt: str
    language: str
    dpi: int | None
    backend: str = ""

    def as_json(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if value not in ("", None)}


@dataclass(frozen=True)
class Rerun:
    """Kept on a page while it is read again. Empty wishes leave the document's in place.

    `reason`, `backend_before`: what the page said before, restored when the rerun ends without a new text in force.
    `image_dpi`: set once it was drawn again, finer than the page image.
    """

    mode: str = ""
    prompt: str = ""
    language: str = ""
    dpi: int | None = None
    backend: str = ""
    reason: str = ""
    backend_before: str = ""
    image_dpi: int | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def from_json(stored: Mapping[str, Any] | None) -> Rerun | None:
    """The way back from a page's column. None where the page is not read again."""
    return None if stored is None else replace(Rerun(), **stored)


def asked(document: Wishes, rerun: Rerun | None) -> Asked:
    """The document's wishes, where the rerun has none of its own. A new mode brings its own prompt."""
    said = rerun or Rerun()
    return Asked(
        mode=said.mode or document.mode,
        prompt=said.prompt if said.mode else document.prompt,
        language=said.language or document.language,
        dpi=said.dpi or document.dpi,
        backend=said.backend,
    )


class Rereadable(Protocol):
    """A Page, as far as this module looks at it."""

    @property
    def document(self) -> Any: ...
    @property
    def rerun(self) -> Any: ...


def of_page(page: Rereadable) -> Asked:
    """How this page is read now: as its document says, or its rerun."""
    return asked(page.document, from_json(page.rerun))


def sentence(asked: Mapping[str, Any], backend: str) -> str:
    """How a reading came about, for people: "spark, as plain text, at 150 dpi, in deu"."""
    modes = {"text": "as plain text", "figure": "as a figure", "custom": "by an own instruction"}
    parts = [
        backend,
        modes.get(str(asked.get("mode")), ""),
        f"at {asked['dpi']} dpi" if asked.get("dpi") else "",
        f"in {asked['language']}" if asked.get("language") else "",
    ]
    return ", ".join(part for part in parts if part)
