"""Alert rules as the screen shows them: what each compares, in words, and what that is right now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from jobs.domain import alert_rules
from jobs.domain.alert_rules import AT_LEAST, AT_MOST, Rule
from jobs.domain.alerts import Fact
from jobs.views import words


@dataclass(frozen=True)
class RuleRow:
    """One rule with the facts it judges. `sent` and `wrong` are what a refused form held, and why, by field."""

    rule: Rule
    facts: Sequence[Fact]
    sent: Mapping[str, Any] = field(default_factory=dict)
    wrong: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        return "-".join(part for part in ("alert", *self.rule.key) if part)

    @property
    def title(self) -> str:
        return self.rule.about.title

    @property
    def where(self) -> str:
        if self.rule.backend:
            return self.rule.backend
        return "every host" if self.rule.about.per_host else "the site"

    @property
    def has_threshold(self) -> bool:
        return not self.rule.about.yes_or_no

    @property
    def reset(self) -> str:
        """What forgetting the edit is called; empty for a rule as it shipped."""
        if self.rule in alert_rules.SHIPPED:
            return ""
        return "As shipped" if self.rule.key in {rule.key for rule in alert_rules.SHIPPED} else "Remove"

    @property
    def condition(self) -> str:
        """`at 22 GiB or more for 60 s; ends at 20 GiB after 2 min`, `when it lasts 30 s; ends after 60 s`."""
        rule, about = self.rule, self.rule.about
        if rule.threshold is None:
            return "only shown: it has no threshold"
        beyond = {AT_LEAST: "at {} or more", AT_MOST: "at {} or less"}.get(about.compare, "over {}")
        lasting = f"for {words.span(rule.for_seconds)}" if rule.for_seconds else ""
        if about.yes_or_no:
            begins = f"when it lasts {words.span(rule.for_seconds)}" if rule.for_seconds else "at once"
        else:
            begins = f"{beyond.format(alert_rules.figure(rule.threshold, about.unit))} {lasting}".strip()
        back = "" if rule.release is None else f" at {alert_rules.figure(rule.release, about.unit)}"
        later = f" after {words.span(rule.clear_seconds)}" if rule.clear_seconds else " at once" if not back else ""
        return f"{begins}; ends{back}{later}"

    @property
    def beyond(self) -> list[Fact]:
        return [fact for fact in self.facts if fact.value is not None and self.rule.is_beyond(fact.value)]

    @property
    def now(self) -> str:
        """The value right now; of several hosts those that are beyond, or else the one that comes nearest."""
        about, values = self.rule.about, [fact for fact in self.facts if fact.value is not None]
        if not self.facts:
            return "not looked after" if self.rule.backend else "no host is looked after"
        if not values:
            return next((fact.absent for fact in self.facts if fact.absent), about.absent)
        if about.yes_or_no:
            return ", ".join(fact.subject or "yes" for fact in self.beyond) or "no"
        nearest = sorted(values, key=lambda fact: fact.value or 0.0, reverse=about.compare != AT_MOST)[0]
        at = f" at {nearest.subject}" if not self.rule.backend and nearest.subject and nearest.value else ""
        return f"{alert_rules.figure(nearest.value or 0.0, about.unit)}{at}"

    def value_of(self, name: str) -> str:
        """As the field holds it: what was sent, else the rule's own."""
        value = self.sent.get(name, getattr(self.rule, name))
        return "" if value is None else value if isinstance(value, str) else f"{value:g}"

    @property
    def fields(self) -> list[tuple[str, str, str, str]]:
        """(name, label, value, what is wrong) of the numbers that can be edited."""
        unit = f", in {self.rule.about.unit}" if self.rule.about.unit else ""
        labels = {"for_seconds": "For at least, in seconds", "clear_seconds": "Ends after, in seconds"}
        if self.has_threshold:
            compare = self.rule.about.compare.capitalize()
            labels = {"threshold": f"{compare}{unit}", "release": f"Ends at{unit}"} | labels
        return [(name, label, self.value_of(name), self.wrong.get(name, "")) for name, label in labels.items()]


def rows(rules: Sequence[Rule], facts: Sequence[Fact], refused: RuleRow | None = None) -> list[RuleRow]:
    """Every rule with the facts that it, and no other rule, judges."""
    found = []
    for rule in rules:
        mine = [f for f in facts if f.kind == rule.kind and alert_rules.rule_for(rules, f.kind, f.subject) == rule]
        row = RuleRow(rule, mine)
        found.append(replace(refused, facts=mine) if refused is not None and refused.rule == rule else row)
    return found
