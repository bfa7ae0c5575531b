"""What differs between two versions of the routing policy, in sentences: for the list of versions, and for a draft."""

from __future__ import annotations

from jobs.domain.policies import Policy, Rule, rule_as_json


def changes(before: Policy | None, after: Policy) -> list[str]:
    """A sentence for each difference; none where both are equal. `before`: None at the first version."""
    if before is None:
        return ["First version."]
    said = [
        f"{label}: {_show(getattr(before, name))} → {_show(getattr(after, name))}."
        for name, label in (
            ("default_backend", "Default backend"),
            ("fallback_order", "Fallback order"),
            ("spread", "Spread"),
            ("cpu", "CPU backend"),
        )
        if getattr(before, name) != getattr(after, name)
    ]
    for section in ("failover", "quality"):
        old, new = getattr(before, section).__dict__, getattr(after, section).__dict__
        said += [
            f"{section} {name}: {_show(old[name])} → {_show(new[name])}." for name in new if old[name] != new[name]
        ]
    return said + _rule_changes(before.rules, after.rules)


def _show(value: object) -> str:
    return ", ".join(value) or "none" if isinstance(value, tuple) else str(value)


def _rule_changes(before: tuple[Rule, ...], after: tuple[Rule, ...]) -> list[str]:
    old, new = {rule.name: rule for rule in before}, {rule.name: rule for rule in after}
    said = [f"Rule “{name}” removed." for name in old if name not in new]
    said += [f"Rule “{name}” added." for name in new if name not in old]
    for name in new:
        if name in old and old[name] != new[name]:
            was, now = rule_as_json(old[name]), rule_as_json(new[name])
            parts = [f"{key} {was.get(key)} → {now.get(key)}" for key in {**was, **now} if was.get(key) != now.get(key)]
            said.append(f"Rule “{name}”: {', '.join(parts)}.")
    kept_old, kept_new = [n for n in old if n in new], [n for n in new if n in old]
    if kept_old != kept_new:
        said.append("Rules reordered.")
    return said
