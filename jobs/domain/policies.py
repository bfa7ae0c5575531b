"""The routing policy: an ordered table of rules, first match wins, else the default. Its form, and its validation.

The JSON form is the API's (docs/api.md). `parse` says for each field that is wrong what would be right; a policy
with an error is never made.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from jobs import errors

# What each kind of rule compares with: the values that `value` may take, or none where it takes a `threshold`. The only
# list of them: models, forms and the API's description follow it.
RULE_KINDS: dict[str, tuple[str, ...]] = {
    "page_count_over": (),
    "page_count_under": (),
    "priority_is": ("low", "normal", "high"),
    "purpose_is": ("production", "development"),
    "sla_is": ("true", "false"),
    "documents_per_day_over": (),
    "documents_per_day_under": (),
    "documents_in_progress_over": (),
    "queue_depth_over": (),
    "expected_wait_over": (),
    "dpi_over": (),
}
RELEASING_KIND = "queue_depth_over"  # the one that lets go at a release level, after a hold
SPREADS = ("off", "overload", "free")
CPU_USES = ("when_no_gpu", "never", "always")
MAX_RULES = 100
MOST = 10_000_000  # the largest threshold
# What is tried when a page was read badly (domain.ladder), in the shipped order: the cheapest first.
RUNGS = ("ngram", "free_ocr", "temperature", "halves", "other_backend")


@dataclass(frozen=True)
class Rule:
    """One row. `release` and `hold_seconds` belong to queue_depth_over, which lets go at `release` after the hold."""

    name: str
    when: str
    backend: str
    threshold: float | None = None
    value: str = ""
    release: float | None = None
    hold_seconds: float | None = None
    enabled: bool = True


@dataclass(frozen=True)
class Failover:
    """Caps and times of what happens after a failure. Defaults: the operator's and interface's figures."""

    max_attempts: int = 3
    oom_dpi: int = 150
    breaker_failures: int = 3
    breaker_seconds: float = 15.0
    breaker_max_seconds: float = 300.0
    quarantine_deaths: int = 2


@dataclass(frozen=True)
class Quality:
    """The quality gate. `max_tries` readings beyond the first; `rungs` in the order in which they are tried."""

    enabled: bool = True
    max_tries: int = 3
    text_layer_check: bool = True
    rungs: tuple[str, ...] = RUNGS

    def __post_init__(self) -> None:
        object.__setattr__(self, "rungs", tuple(self.rungs))  # stored JSON has lists


@dataclass(frozen=True)
class Policy:
    default_backend: str
    fallback_order: tuple[str, ...] = ()
    spread: str = "overload"
    cpu: str = "when_no_gpu"
    rules: tuple[Rule, ...] = ()
    failover: Failover = field(default_factory=Failover)
    quality: Quality = field(default_factory=Quality)

    @property
    def overload_rule(self) -> Rule | None:
        """The enabled rule that says when the default backend is overloaded."""
        return next((rule for rule in self.rules if rule.enabled and rule.when == RELEASING_KIND), None)


class _Fields:
    """Collects what is wrong, field by field, so that one answer names everything."""

    def __init__(self) -> None:
        self.wrong: dict[str, str] = {}

    def one_of(self, path: str, value: object, allowed: Collection[str]) -> str:
        if isinstance(value, str) and value in allowed:
            return value
        self.wrong[path] = f"Use one of {', '.join(sorted(allowed))}." if allowed else "There is no backend yet."
        return ""

    def number(self, path: str, value: object, low: float, high: float) -> float:
        if isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high:
            return value
        self.wrong[path] = f"Use a number from {low:,.10g} to {high:,.10g}."
        return low

    def whole(self, path: str, value: object, low: int, high: int) -> int:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
            return value
        self.wrong[path] = f"Use a whole number from {low} to {high}."
        return low

    def boolean(self, path: str, value: object) -> bool:
        if isinstance(value, bool):
            return value
        self.wrong[path] = "Use true or false."
        return False

    def section(self, path: str, value: object, known: Collection[str]) -> Mapping[str, Any]:
        if not isinstance(value, Mapping):
            self.wrong[path] = "Use an object of fields."
            return {}
        for name in value:
            if name not in known:
                self.wrong[f"{path}.{name}" if path else str(name)] = f"Unknown. Known are {', '.join(sorted(known))}."
        return value


def parse(payload: object, backends: Collection[str]) -> Policy:
    """The policy that `payload` (decoded JSON) describes. Raises errors.Invalid naming each wrong field."""
    fields = _Fields()
    known = {"default_backend", "fallback_order", "spread", "cpu", "rules", "failover", "quality"}
    body = fields.section("", payload, known)
    policy = Policy(
        default_backend=fields.one_of("default_backend", body.get("default_backend"), backends),
        fallback_order=_fallback_order(fields, body.get("fallback_order", []), backends),
        spread=fields.one_of("spread", body.get("spread", "overload"), SPREADS),
        cpu=fields.one_of("cpu", body.get("cpu", "when_no_gpu"), CPU_USES),
        rules=_rules(fields, body.get("rules", []), backends),
        failover=_failover(fields, body.get("failover", {})),
        quality=_quality(fields, body.get("quality", {})),
    )
    if fields.wrong:
        raise errors.Invalid("The policy was not changed: " + _first(fields.wrong), fields.wrong)
    return policy


def _first(wrong: Mapping[str, str]) -> str:
    name, reason = next(iter(wrong.items()))
    return f"{name or 'policy'}: {reason}" + (f" ({len(wrong) - 1} more)" if len(wrong) > 1 else "")


def _fallback_order(fields: _Fields, value: object, backends: Collection[str]) -> tuple[str, ...]:
    if not isinstance(value, list):
        fields.wrong["fallback_order"] = "Use a list of backends' names."
        return ()
    names = tuple(fields.one_of(f"fallback_order[{i}]", name, backends) for i, name in enumerate(value))
    if any(name and name in names[:place] for place, name in enumerate(names)):
        fields.wrong["fallback_order"] = "Name each backend once."
    return names


def _rules(fields: _Fields, value: object, backends: Collection[str]) -> tuple[Rule, ...]:
    if not isinstance(value, list):
        fields.wrong["rules"] = "Use a list of rules."
        return ()
    if len(value) > MAX_RULES:
        fields.wrong["rules"] = f"Use at most {MAX_RULES} rules."
        return ()
    rules = tuple(_rule(fields, f"rules[{i}]", row, backends) for i, row in enumerate(value))
    seen: set[str] = set()
    for i, rule in enumerate(rules):
        if rule.name and rule.name.casefold() in seen:
            # Decisions, attempts and the list of versions tell rules apart by their names.
            fields.wrong[f"rules[{i}].name"] = "Another rule has this name already."
        seen.add(rule.name.casefold())
    return rules


def _rule(fields: _Fields, path: str, value: object, backends: Collection[str]) -> Rule:
    known = ("name", "when", "threshold", "value", "release", "hold_seconds", "backend", "enabled")
    row = fields.section(path, value, known)
    when = fields.one_of(f"{path}.when", row.get("when"), RULE_KINDS)
    threshold = _threshold(fields, path, when, row.get("threshold"))
    return Rule(
        name=_name(fields, path, row.get("name")),
        when=when,
        backend=fields.one_of(f"{path}.backend", row.get("backend"), backends),
        threshold=threshold,
        value=_value(fields, path, when, row.get("value")),
        release=_release(fields, path, when, row.get("release"), MOST if threshold is None else threshold),
        hold_seconds=_hold(fields, path, when, row.get("hold_seconds")),
        enabled=fields.boolean(f"{path}.enabled", row.get("enabled", True)),
    )


def _name(fields: _Fields, path: str, name: object) -> str:
    if isinstance(name, str) and 1 <= len(name.strip()) <= 100 and name.strip().isprintable():
        return name.strip()
    fields.wrong[f"{path}.name"] = "Give the rule a name of at most 100 characters."
    return ""


def _threshold(fields: _Fields, path: str, when: str, value: object) -> float | None:
    if when and not RULE_KINDS[when]:
        return fields.number(f"{path}.threshold", value, 0, MOST)
    if when and value is not None:
        fields.wrong[f"{path}.threshold"] = f"Leave it out: {when} compares with a value."
    return None


def _value(fields: _Fields, path: str, when: str, value: object) -> str:
    if not when or not RULE_KINDS[when]:
        if when and value not in (None, ""):
            fields.wrong[f"{path}.value"] = f"Leave it out: {when} compares with a threshold."
        return ""
    word = str(value).lower() if isinstance(value, bool) else value
    # sla_is without a value asks whether it is under an SLA.
    word = "true" if when == "sla_is" and word is None else word
    return fields.one_of(f"{path}.value", word, RULE_KINDS[when])


def _release(fields: _Fields, path: str, when: str, value: object, threshold: float) -> float | None:
    if value is None or _only_releasing(fields, f"{path}.release", when):
        return None
    return fields.number(f"{path}.release", value, 0, threshold)


def _hold(fields: _Fields, path: str, when: str, value: object) -> float | None:
    if value is None or _only_releasing(fields, f"{path}.hold_seconds", when):
        return None
    return fields.number(f"{path}.hold_seconds", value, 0, 86_400)


def _only_releasing(fields: _Fields, path: str, when: str) -> bool:
    """Whether a field that belongs to one kind of rule stands at another; says so."""
    if when and when != RELEASING_KIND:
        fields.wrong[path] = f"Leave it out: only {RELEASING_KIND} has it."
    return when != RELEASING_KIND


# What each figure of `failover` may be: whole numbers from, to; times in seconds from, to.
_WHOLE = {
    "max_attempts": (1, 20),
    "oom_dpi": (50, 600),
    "breaker_failures": (1, 100),
    "quarantine_deaths": (1, 20),
}
_SECONDS = {"breaker_seconds": (0.05, 3600.0), "breaker_max_seconds": (0.05, 86_400.0)}


def _failover(fields: _Fields, value: object) -> Failover:
    default = Failover().__dict__
    row = {**default, **fields.section("failover", value, default)}
    figures: dict[str, Any] = {}
    figures |= {name: fields.whole(f"failover.{name}", row[name], *bounds) for name, bounds in _WHOLE.items()}
    figures |= {name: fields.number(f"failover.{name}", row[name], *bounds) for name, bounds in _SECONDS.items()}
    if figures["breaker_max_seconds"] < figures["breaker_seconds"]:
        fields.wrong.setdefault("failover.breaker_max_seconds", "Use at least what breaker_seconds says.")
    return Failover(**figures)


def _quality(fields: _Fields, value: object) -> Quality:
    default = Quality()
    row = fields.section("quality", value, default.__dict__)
    return Quality(
        enabled=fields.boolean("quality.enabled", row.get("enabled", default.enabled)),
        max_tries=fields.whole("quality.max_tries", row.get("max_tries", default.max_tries), 0, 10),
        text_layer_check=fields.boolean(
            "quality.text_layer_check", row.get("text_layer_check", default.text_layer_check)
        ),
        rungs=_rungs(fields, row.get("rungs", list(default.rungs))),
    )


def _rungs(fields: _Fields, value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        fields.wrong["quality.rungs"] = f"Use a list of {', '.join(RUNGS)}; an empty one tries nothing."
        return ()
    names = tuple(fields.one_of(f"quality.rungs[{i}]", name, RUNGS) for i, name in enumerate(value))
    if len(set(names)) < len(names) and all(names):
        fields.wrong["quality.rungs"] = "Name each of them once."
    return names


def as_json(policy: Policy) -> dict[str, Any]:
    """The API's form of a policy; `parse` reads it back to an equal one."""
    return {
        "default_backend": policy.default_backend,
        "fallback_order": list(policy.fallback_order),
        "spread": policy.spread,
        "cpu": policy.cpu,
        "rules": [rule_as_json(rule) for rule in policy.rules],
        "failover": dict(policy.failover.__dict__),
        "quality": policy.quality.__dict__ | {"rungs": list(policy.quality.rungs)},
    }


def rule_as_json(rule: Rule) -> dict[str, Any]:
    """The API's form of a rule: what its kind does not have is left out."""
    row: dict[str, Any] = {"name": rule.name, "when": rule.when}
    if rule.value:
        row["value"] = rule.value == "true" if rule.when == "sla_is" else rule.value
    for name in ("threshold", "release", "hold_seconds"):
        number = getattr(rule, name)
        if number is not None:
            row[name] = int(number) if float(number).is_integer() else number
    return {**row, "backend": rule.backend, "enabled": rule.enabled}
