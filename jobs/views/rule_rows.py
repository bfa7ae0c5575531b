"""The rules and settings of a policy as the screen shows them: sentences with fields in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jobs.domain.policies import RULE_KINDS, RUNGS

# What stands before and behind the field; {default} is the default backend.
CONDITIONS = {
    "page_count_over": ("pages over", ""),
    "page_count_under": ("pages under", ""),
    "priority_is": ("priority is", ""),
    "purpose_is": ("meant for", ""),
    "sla_is": ("under an SLA:", ""),
    "documents_per_day_over": ("documents in 24 hours over", ""),
    "documents_per_day_under": ("documents in 24 hours under", ""),
    "documents_in_progress_over": ("documents in progress over", ""),
    "queue_depth_over": ("pages ahead at {default} over", ""),
    "expected_wait_over": ("wait at {default} over", "s"),
    "dpi_over": ("resolution over", "dpi"),
}
KIND_WORDS = {
    "page_count_over": "pages over …",
    "page_count_under": "pages under …",
    "priority_is": "priority",
    "purpose_is": "purpose",
    "sla_is": "service agreement (SLA)",
    "documents_per_day_over": "documents in 24 hours over …",
    "documents_per_day_under": "documents in 24 hours under …",
    "documents_in_progress_over": "documents in progress over …",
    "queue_depth_over": "pages ahead at the default over …",
    "expected_wait_over": "expected wait over …",
    "dpi_over": "resolution over …",
}
VALUE_WORDS = {"high": "urgent", "development": "a test", "production": "real work", "true": "yes", "false": "no"}
FAILOVER_WORDS = {
    "max_attempts": ("Tries of a page", "hosts’ failures after which it fails"),
    "oom_dpi": ("Resolution after running out of memory", "dpi"),
    "breaker_failures": ("Faults in a row until a host rests", "faults"),
    "breaker_seconds": ("It rests for", "seconds, doubled each time"),
    "breaker_max_seconds": ("… but at most", "seconds"),
    "quarantine_deaths": ("Hosts a page may stop until it is set aside", "hosts"),
}
QUALITY_WORDS = {
    "max_tries": ("Tries of a page that was read badly", "tries"),
    "enabled": ("Judge what was read", ""),
    "text_layer_check": ("Compare with the file’s own text", ""),
    "rungs": ("What is tried then, in this order", f"any of {', '.join(RUNGS)}"),
}
SPREADS = (
    ("off", "A document stays with its host", "failures aside"),
    ("overload", "Waiting pages may leave while the default is overloaded", "as the rule on pages ahead says"),
    ("free", "Any free host takes the next page", "fastest, least frugal"),
)
CPU_USES = (
    ("when_no_gpu", "Only while there is no GPU host", "pages wait while one is down"),
    ("never", "Never", ""),
    ("always", "Always", "last in the fallback order"),
)


@dataclass(frozen=True)
class RuleRow:
    """One rule of the draft. `now`: what it compares right now, in words; `matches_now` is None where that depends on
    the document; `wrong`: reasons by field."""

    place: int
    rule: Mapping[str, Any]
    default: str
    now: str
    matches_now: bool | None
    wrong: Mapping[str, str]
    changed: bool
    last: bool

    @property
    def key(self) -> str:
        return f"rule{self.place}"

    @property
    def condition(self) -> tuple[str, str]:
        before, behind = CONDITIONS.get(self.rule["when"], ("", ""))
        return before.format(default=self.default or "the default"), behind

    @property
    def values(self) -> list[tuple[str, str, bool]]:
        """The words it may compare with; empty for those with a threshold."""
        mine = str(self.rule.get("value", "")).lower()
        return [(word, VALUE_WORDS.get(word, word), word == mine) for word in RULE_KINDS.get(self.rule["when"], ())]

    @property
    def has_release(self) -> bool:
        return bool(self.rule["when"] == "queue_depth_over")

    @property
    def needs_a_look(self) -> bool:
        """Whether something is wrong where it is folded away."""
        return any(name in self.wrong for name in ("name", "when", "release", "hold_seconds"))


def rule_rows(
    body: Mapping[str, Any], now: Sequence[Mapping[str, Any]], wrong: Mapping[str, str], in_force: Sequence[Any]
) -> list[RuleRow]:
    """A row for each rule of the draft. `in_force`: the rules as they are, in the API's form."""
    rules = body["rules"]
    return [
        RuleRow(
            place=i,
            rule=rule,
            default=str(body["default_backend"]),
            now=str(now[i]["now"]) if i < len(now) else "",
            matches_now=now[i]["matches_now"] if i < len(now) else None,
            wrong=_of(wrong, f"rules[{i}]."),
            changed=rule not in in_force,
            last=i == len(rules) - 1,
        )
        for i, rule in enumerate(rules)
    ]


def _of(wrong: Mapping[str, str], start: str) -> dict[str, str]:
    return {path.removeprefix(start): reason for path, reason in wrong.items() if path.startswith(start)}


def _shown(value: Any) -> Any:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else value


def figures(body: Mapping[str, Any], section: str, wrong: Mapping[str, str]) -> list[dict[str, Any]]:
    """The fields of `failover` or `quality`: name, value, label, unit, what is wrong, whether it is a switch."""
    words = {"failover": FAILOVER_WORDS, "quality": QUALITY_WORDS}[section]
    return [
        {
            "name": f"{section}-{key}",
            "value": _shown(body.get(section, {}).get(key)),
            "listed": key == "rungs",
            "label": label,
            "unit": unit,
            "wrong": next((why for path, why in wrong.items() if path.partition("[")[0] == f"{section}.{key}"), ""),
            "switch": not unit,
        }
        for key, (label, unit) in words.items()
    ]
