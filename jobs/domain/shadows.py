"""Which rules can never match, because an earlier one always does: said as a warning when a policy is saved."""

from __future__ import annotations

from jobs.domain.policies import Policy, Rule


def warnings(policy: Policy) -> list[str]:
    """A sentence for each enabled rule that an earlier enabled one hides, wholly or in part."""
    said = []
    enabled = [rule for rule in policy.rules if rule.enabled]
    for place, rule in enumerate(enabled):
        said += [sentence for earlier in enabled[:place] if (sentence := _shadow(earlier, rule))][:1]
    return said


def _shadow(earlier: Rule, later: Rule) -> str:
    if _hides_wholly(earlier, later):
        return f"Rule “{later.name}” can never match: “{earlier.name}” comes first and always matches when it would."
    if _hides_in_part(earlier, later):
        return f"Rule “{later.name}” sees only part of its documents: “{earlier.name}” comes first."
    return ""


def _hides_wholly(earlier: Rule, later: Rule) -> bool:
    if earlier.when != later.when:
        return False
    if earlier.threshold is None or later.threshold is None:
        return earlier.value == later.value
    if earlier.when.endswith("_over"):
        return earlier.threshold <= later.threshold
    return earlier.threshold >= later.threshold


def _hides_in_part(earlier: Rule, later: Rule) -> bool:
    """Rules on volume match every document of a quiet day, whatever its size: they hide what follows."""
    return earlier.when == "documents_per_day_under" and later.when != earlier.when and earlier.backend != later.backend
