"""Rules that can never match, match only a part of what they say, or change nothing: said when a policy is saved.

Each rule looks at one fact, and changes its mind only at a threshold. So a fact's values just below, at and above every
threshold of the policy stand for all its values: which of these a rule matches is tried out, with the decision's own
comparison, and rules are compared as sets. Facts are independent of each other, so nothing is missed and nothing is
said that is not so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil, floor, inf, nextafter
from typing import Any

from jobs.domain.policies import RULE_KINDS, Policy, Rule
from jobs.domain.routing import Facts, matches

# The least that a fact can be: a document has a page, and counts itself.
_LEAST = {
    "page_count": 1,
    "documents_per_day": 1,
    "documents_in_progress": 1,
    "queue_depth": 0,
    "expected_wait": 0,
    "dpi": 1,
}
_FIELDS = {"expected_wait": "expected_wait_seconds"}
# On a quiet day, or a busy one, these match every document whatever it is: what follows gets none that day.
_VOLUME = ("documents_per_day_over", "documents_per_day_under")

Cells = frozenset[int]  # places in the list of a fact's values


class _Seen:
    """An enabled rule, with the values of its fact that it matches, and all values there are."""

    def __init__(self, rule: Rule, policy: Policy, values: Sequence[Facts]) -> None:
        self.rule = rule
        self.fact = _fact(rule)
        self.cells: Cells = frozenset(place for place, facts in enumerate(values) if matches(rule, facts, policy))
        self.all: Cells = frozenset(range(len(values)))


def warnings(policy: Policy) -> list[str]:
    """A sentence for each enabled rule that earlier ones hide, wholly or in part, or that changes nothing."""
    enabled = [rule for rule in policy.rules if rule.enabled]
    values = {fact: _values(fact, policy) for fact in {_fact(rule) for rule in enabled}}
    rules = [_Seen(rule, policy, values[_fact(rule)]) for rule in enabled]
    said = []
    for place, seen in enumerate(rules):
        before, after = rules[:place], enabled[place + 1 :]
        said.append(_never(seen, before) or _partly(seen, before) or _idle(seen.rule, after, policy))
    return [sentence for sentence in said if sentence]


def _never(seen: _Seen, before: Sequence[_Seen]) -> str:
    start = f"Rule “{seen.rule.name}” can never match: "
    if not seen.cells:
        return start + "no document fits it."
    # Either all it would match is taken, or some fact's every value is: then nothing at all gets this far.
    for fact, wanted in ((seen.fact, seen.cells), *((earlier.fact, earlier.all) for earlier in before)):
        hiding = [earlier for earlier in before if earlier.fact == fact and earlier.cells]
        if hiding and wanted <= frozenset[int]().union(*(earlier.cells for earlier in hiding)):
            alone = next((earlier.rule.name for earlier in hiding if wanted <= earlier.cells), None)
            if alone:
                return start + f"“{alone}” comes first and always matches when it would."
            names = " and ".join(f"“{earlier.rule.name}”" for earlier in hiding)
            return start + f"{names} come first, and one of them always matches when it would."
    return ""


def _partly(seen: _Seen, before: Sequence[_Seen]) -> str:
    for earlier in before:
        if earlier.rule.backend == seen.rule.backend or not earlier.cells:
            continue
        same_fact = earlier.fact == seen.fact
        # A smaller range before a wider one is how steps are written; two that cross are rarely meant.
        crossing = same_fact and earlier.cells & seen.cells and not earlier.cells < seen.cells
        if crossing or (earlier.rule.when in _VOLUME and not same_fact):
            return f"Rule “{seen.rule.name}” sees only part of its documents: “{earlier.rule.name}” comes first."
    return ""


def _idle(rule: Rule, after: Sequence[Rule], policy: Policy) -> str:
    if rule.backend != policy.default_backend or any(later.backend != rule.backend for later in after):
        return ""
    return f"Rule “{rule.name}” changes nothing: it names the default backend, and no rule after it names another."


def _fact(rule: Rule) -> str:
    return rule.when.removesuffix("_over").removesuffix("_under").removesuffix("_is")


def _values(fact: str, policy: Policy) -> list[Facts]:
    """Values that stand for all there are of a fact."""
    plain: dict[str, Any] = {"page_count": 1}
    if fact not in _LEAST:
        words = RULE_KINDS[f"{fact}_is"]
        return [Facts(**plain | {fact: word == "true" if fact == "sla" else word}) for word in words]
    name = _FIELDS.get(fact, fact)
    around = _around_seconds if fact == "expected_wait" else _around
    values = sorted({value for level in _levels(fact, policy) for value in around(level) if value >= _LEAST[fact]})
    # An overload that holds compares with the release level.
    holding = (False, True) if fact == "queue_depth" else (False,)
    return [Facts(**plain | {name: value, "was_overloaded": held}) for value in values for held in holding]


def _around(level: float) -> tuple[float, ...]:
    """Whole numbers, as most facts are."""
    return floor(level), floor(level) + 1, ceil(level) - 1


def _around_seconds(level: float) -> tuple[float, ...]:
    return level, nextafter(level, inf)


def _levels(fact: str, policy: Policy) -> Iterator[float]:
    yield _LEAST[fact]
    for rule in policy.rules:
        if _fact(rule) == fact:
            yield from (level for level in (rule.threshold, rule.release) if level is not None)
