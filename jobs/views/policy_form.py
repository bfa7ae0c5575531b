"""The policy's form: what was typed becomes the API's form of a policy, right or wrong. domain.policies judges it.

Rules are numbered in their order: `rule0-name`, `rule0-when`, …; `rules` says how many there are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from jobs.domain import presets
from jobs.domain.policies import RULE_KINDS, Failover, Quality

RULES_AT_MOST = 200
SWITCHES = {"quality": ("enabled", "text_layer_check")}
LISTS = {"quality": ("rungs",)}
Body = dict[str, Any]


def read(data: Any) -> Body:
    """The policy that stands in the form. `data`: a QueryDict."""
    return {
        "default_backend": data.get("default_backend", ""),
        "fallback_order": [name for name in data.getlist("fallback") if name],
        "spread": data.get("spread", ""),
        "cpu": data.get("cpu", ""),
        "rules": [_rule(data, f"rule{i}") for i in range(_count(data))],
        "failover": _section(data, "failover", Failover().__dict__),
        "quality": _section(data, "quality", Quality().__dict__),
    }


def _count(data: Mapping[str, str]) -> int:
    text = data.get("rules", "")
    return min(int(text), RULES_AT_MOST) if text.isdecimal() and len(text) < 9 else 0


def _rule(data: Mapping[str, str], key: str) -> Body:
    """One row. What its kind does not compare is left out, and what it does compare gets a first value."""
    when = data.get(f"{key}-when", "")
    row: Body = {"name": data.get(f"{key}-name", "").strip(), "when": when}
    if words := RULE_KINDS.get(when):
        value = data.get(f"{key}-value", "")
        row["value"] = value if value in words else words[-1 if when == "priority_is" else 0]
        if when == "sla_is":
            row["value"] = row["value"] == "true"
    else:
        row["threshold"] = number(data.get(f"{key}-threshold", ""))
    if when == "queue_depth_over":
        more = {name: number(data.get(f"{key}-{name}", "")) for name in ("release", "hold_seconds")}
        row.update({name: value for name, value in more.items() if value is not None})
    return {**row, "backend": data.get(f"{key}-backend", ""), "enabled": f"{key}-enabled" in data}


def _section(data: Mapping[str, str], name: str, default: Mapping[str, Any]) -> Body:
    return {key: _figure(data, name, key) for key in default}


def _figure(data: Mapping[str, str], section: str, key: str) -> Any:
    """A switch, a list of words, or a number."""
    name = f"{section}-{key}"
    if key in SWITCHES.get(section, ()):
        return name in data
    if key in LISTS.get(section, ()):
        return [word.strip() for word in data.get(name, "").split(",") if word.strip()]
    return number(data.get(name, ""))


def number(text: str) -> float | int | str | None:
    """`20`, `1.5`; None for nothing; what is no number stays as it was typed, so that it can be shown again."""
    text = text.strip().replace(",", ".")
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        return text[:40]
    if not math.isfinite(value):
        return text[:40]
    return int(value) if value.is_integer() else value


def changed(body: Body, deed: str, data: Mapping[str, str]) -> Body:
    """The policy after one button: `up-2`, `down-0`, `remove-1`, `add`, `preset-hybrid`, `fallback-up-1`,
    `fallback-remove-0`, `fallback-add`. What makes no sense changes nothing."""
    verb, _, place = deed.rpartition("-")
    at = int(place) if place.isdecimal() and len(place) < 6 else None
    if verb == "preset" and place in presets.POLICIES:
        return {**presets.POLICIES[place]}
    if deed == "add":
        return {**body, "rules": [*body["rules"], _fresh_rule(body)]}
    if deed == "fallback-add" and data.get("fallback-new"):
        return {**body, "fallback_order": [*body["fallback_order"], data["fallback-new"]]}
    if verb.startswith("fallback-"):
        return {**body, "fallback_order": _moved(body["fallback_order"], verb.removeprefix("fallback-"), at)}
    return {**body, "rules": _moved(body["rules"], verb, at)}


def _moved(rows: list[Any], verb: str, at: int | None) -> list[Any]:
    if at is None or at >= len(rows):
        return rows
    rest = [*rows[:at], *rows[at + 1 :]]
    if verb == "remove":
        return rest
    to = moved_to(verb, at, len(rows))
    return rows if to is None else [*rest[:to], rows[at], *rest[to:]]


def moved_to(verb: str, at: int, count: int) -> int | None:
    """Where a row stands after `up` or `down`; None for other verbs."""
    steps = {"up": -1, "down": 1}
    return max(0, min(count - 1, at + steps[verb])) if verb in steps else None


def _fresh_rule(body: Body) -> Body:
    """A rule to start from: switched off, so that it changes nothing by itself."""
    taken, name, n = {rule["name"] for rule in body["rules"]}, "New rule", 2
    while name in taken:
        name, n = f"New rule {n}", n + 1
    backend = body["rules"][-1]["backend"] if body["rules"] else body["default_backend"]
    return {"name": name, "when": "page_count_over", "threshold": 50, "backend": backend, "enabled": False}
