"""“What would become of a document like this?”: the facts somebody tries, checked, and the hosts as they suppose them.

What is not given is taken from now, by whoever asks. Every field that does not fit is named.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from jobs import errors
from jobs.domain.routing import BackendSnapshot

_WHOLE = {
    "page_count": (1, 1_000_000),
    "documents_per_day": (0, 10_000_000),
    "documents_in_progress": (0, 10_000_000),
    "queue_depth": (0, 10_000_000),
    "dpi": (1, 2400),
}
_SECONDS = {"expected_wait_seconds": (0, 10_000_000)}
_WORDS = {"priority": ("low", "normal", "high"), "purpose": ("production", "development")}
_YES_OR_NO = ("sla", "was_overloaded")
_OF_A_BACKEND = {
    "lifecycle": ("planned", "checking", "active", "draining", "disabled"),
    "state": ("unknown", "up", "slow_start", "down", "hung", "misconfigured"),
}
KNOWN = (*_WHOLE, *_SECONDS, *_WORDS, *_YES_OR_NO, "backends")


@dataclass(frozen=True)
class Supposed:
    """`facts`: fields of routing.Facts, those that were given. `backends`: what is to be otherwise, by name."""

    facts: Mapping[str, Any]
    backends: Mapping[str, Mapping[str, Any]]

    def applied_to(self, snapshots: Iterable[BackendSnapshot]) -> list[BackendSnapshot]:
        """The backends with what is supposed of them."""
        return [replace(seen, **self.backends.get(seen.name, {})) for seen in snapshots]


def parse(payload: Mapping[str, Any], backends: Collection[str]) -> Supposed:
    """What `payload` (decoded JSON) supposes. Raises errors.Invalid naming each wrong field."""
    given = {name: value for name, value in payload.items() if value is not None}
    wrong = {name: f"Unknown. Known are {', '.join(sorted(KNOWN))}." for name in given if name not in KNOWN}
    if "page_count" not in given:
        wrong["page_count"] = "Say how many pages the document has."
    facts = {name: value for name, value in given.items() if name in KNOWN and name != "backends"}
    wrong |= {name: said for name, value in facts.items() if (said := _refusal(name, value))}
    supposed = _backends(given.get("backends", {}), backends, wrong)
    if wrong:
        raise errors.Invalid("This cannot be explained: some facts do not fit.", wrong)
    return Supposed(facts, supposed)


def _refusal(name: str, value: object) -> str:
    """What would be right; empty when it fits."""
    number = isinstance(value, int) and not isinstance(value, bool)
    if name in _WHOLE:
        low, high = _WHOLE[name]
        fits = number and low <= value <= high  # type: ignore[operator]
        return "" if fits else f"Use a whole number from {low:,} to {high:,}."
    if name in _SECONDS:
        low, high = _SECONDS[name]
        fits = (number or isinstance(value, float)) and low <= value <= high  # type: ignore[operator]
        return "" if fits else f"Use a number from {low:,} to {high:,}."
    if name in _WORDS:
        return "" if value in _WORDS[name] else f"Use one of {', '.join(_WORDS[name])}."
    return "" if isinstance(value, bool) else "Use true or false."


def _backends(value: object, known: Collection[str], wrong: dict[str, str]) -> dict[str, dict[str, str]]:
    if not isinstance(value, Mapping):
        wrong["backends"] = 'Use an object such as {"calypso": {"state": "down"}}.'
        return {}
    supposed = {}
    for name, change in value.items():
        if name not in known:
            wrong[f"backends.{name}"] = f"There is no such backend. There are {', '.join(sorted(known)) or 'none'}."
        elif not isinstance(change, Mapping):
            wrong[f"backends.{name}"] = 'Use an object such as {"state": "down"}.'
        else:
            supposed[name] = _change(name, change, wrong)
    return supposed


def _change(backend: str, change: Mapping[Any, Any], wrong: dict[str, str]) -> dict[str, str]:
    given = {name: value for name, value in change.items() if value is not None}
    for name, value in given.items():
        if name not in _OF_A_BACKEND:
            wrong[f"backends.{backend}.{name}"] = f"Unknown. Known are {', '.join(sorted(_OF_A_BACKEND))}."
        elif value not in _OF_A_BACKEND[name]:
            wrong[f"backends.{backend}.{name}"] = f"Use one of {', '.join(_OF_A_BACKEND[name])}."
    return given
