"""Where a page may run now, best first, and why in words.

A document's decision names one backend. At dispatch a page may have to go elsewhere, or may be free to: the backend is
down, or asked to be tried later; the page failed there; the default is overloaded; the policy spreads freely. Each of
these is a sentence that is stored with the page's attempt.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from jobs.domain import overload, routing
from jobs.domain.overload import Overload
from jobs.domain.policies import Policy, Rule
from jobs.domain.routing import BackendSnapshot, plural

BUSY = "asked to be tried later"
# What a page did at a backend that it had better not see again, by the outcome of its attempt there.
_FAILED_THERE = {
    "out_of_memory": "page ran {} out of memory",
    "timeout": "{} did not answer this page in time",
    "cut_off": "page did not fit into {}",
    "misconfigured": "{} could not be used for this page",
}
_FAILED = "{} failed with this page"


@dataclass(frozen=True)
class Choice:
    """What the document's decision says: the backend wanted, the rule's name (None: the default), and its words."""

    wanted: str
    rule: str | None = None
    why: str = ""


@dataclass(frozen=True)
class Site:
    """What is the same for all pages of one round. `free`: slots open now and not taken; `overload`: the state of the
    default backend."""

    policy: Policy
    backends: Sequence[BackendSnapshot]
    free: Mapping[str, int]
    overload: Overload = field(default_factory=Overload)

    @property
    def obstacles(self) -> dict[str, str]:
        """Why a backend takes no page now; empty where it does."""
        found = {b.name: routing.obstacle(b, self.policy, self.backends) for b in self.backends}
        busy = {b.name for b in self.backends if b.busy}
        return {name: words or (BUSY if name in busy else "") for name, words in found.items()}


@dataclass(frozen=True)
class Placement:
    """`candidates` best first, each with its rule and reason; `spread`: any is as good as the first."""

    wanted: str
    candidates: tuple[str, ...] = ()
    spread: bool = False
    rules: Mapping[str, str | None] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)
    verdicts: Mapping[str, str] = field(default_factory=dict)

    def decision(self, backend: str) -> dict[str, Any]:
        """The decision for a page that runs at `backend`, as it is kept with the lease and the attempt."""
        chosen = "chosen" if backend == self.wanted else f"takes it for {self.wanted}"
        return {
            "backend": backend,
            "wanted": self.wanted,
            "rule": self.rules.get(backend),
            "reason": self.reasons.get(backend, ""),
            "considered": [
                {"backend": name, "verdict": chosen if name == backend else verdict}
                for name, verdict in self.verdicts.items()
            ],
        }


def place(choice: Choice, site: Site, *, depth: int = 0, avoided: Mapping[str, str] | None = None) -> Placement:
    """Where a page may run now. `depth`: pages of others ahead of its document at the default backend; `avoided`: the
    backends that failed it, with the outcome there."""
    avoided = avoided or {}
    obstacles = site.obstacles
    chain = [n for n in routing.candidates(choice.wanted, site.policy, site.backends) if n in obstacles]
    # Busy ones count as able here: a page waits a moment for one of them rather than see again what failed it.
    able = [name for name in chain if obstacles[name] in ("", BUSY)]
    fresh = [name for name in able if name not in avoided] or able
    first = next((name for name in fresh if not obstacles[name]), None)
    verdicts = _verdicts(site, obstacles, avoided, chain, first)
    if first is None:
        return Placement(choice.wanted, verdicts=verdicts)
    rules: dict[str, str | None] = {first: choice.rule}
    reasons = {first: _reason(choice, first, obstacles, avoided)}
    spread = site.policy.spread == "free"
    others = _anywhere(site, obstacles, first) if spread else _relief(site, obstacles, first, depth)
    for name in others:
        if name not in avoided:
            rules[name], reasons[name] = _leaving(choice, site, first, name, depth)
    return Placement(choice.wanted, tuple(reasons), spread, rules, reasons, verdicts)


def may_leave(depth: int, site: Site) -> Rule | None:
    """The overload rule, where it lets pages of a document with `depth` pages of others ahead leave the default."""
    rule = site.policy.overload_rule
    if site.policy.spread != "overload" or rule is None or rule.threshold is None:
        return None
    return rule if depth > overload.limit(site.overload, rule) else None


def _relief(site: Site, obstacles: Mapping[str, str], first: str, depth: int) -> list[str]:
    """Where the overload rule sends pages of the default backend; second best, so only once that is full."""
    rule = may_leave(depth, site)
    if rule is None or first != site.policy.default_backend:
        return []
    chain = routing.candidates(rule.backend, site.policy, site.backends)
    target = next((name for name in chain if obstacles.get(name) == ""), first)
    return [target] if target != first else []


def _anywhere(site: Site, obstacles: Mapping[str, str], first: str) -> list[str]:
    """Every other GPU backend that can: a page never drifts to another engine just because a slot is free there."""
    return [b.name for b in site.backends if b.kind == "gpu" and b.name != first and not obstacles[b.name]]


def _leaving(choice: Choice, site: Site, first: str, backend: str, depth: int) -> tuple[str | None, str]:
    rule = may_leave(depth, site)
    if site.policy.spread == "free" or rule is None:
        return choice.rule, f"spread is free, and {backend} has room → {backend}"
    limit = overload.limit(site.overload, rule)
    over = f"over {rule.threshold:g}" if depth > (rule.threshold or 0.0) else f"still over {limit:g}"
    return rule.name, f"{plural(depth, 'page')} of others ahead at {first}, {over} → {backend}"


def _reason(choice: Choice, taken: str, obstacles: Mapping[str, str], avoided: Mapping[str, str]) -> str:
    wanted = choice.wanted
    if taken == wanted:
        return f"{choice.why} → {taken}" if choice.why else f"→ {taken}"
    missing = obstacles.get(wanted, "does not exist")
    words = f"{wanted} {missing}" if missing else _failed_there(wanted, avoided.get(wanted, ""))
    return f"{choice.why}; {words} → {taken}" if choice.rule and choice.why else f"{words} → {taken}"


def _failed_there(backend: str, outcome: str) -> str:
    return _FAILED_THERE.get(outcome, _FAILED).format(backend)


def _verdicts(
    site: Site, obstacles: Mapping[str, str], avoided: Mapping[str, str], chain: Sequence[str], first: str | None
) -> dict[str, str]:
    """For each backend why a page does not run there, had another been chosen."""

    def verdict(name: str) -> str:
        if obstacles[name]:
            return obstacles[name]
        if name in avoided and name != first:
            return _failed_there(name, avoided[name])
        if site.free.get(name, 0) <= 0:
            return "has no free slot"
        return "not needed" if name in chain else "not in the fallback order"

    return {backend.name: verdict(backend.name) for backend in site.backends}


def choice_of(decision: Mapping[str, Any] | None, wanted: str) -> Choice:
    """A document's stored decision, as its pages need it: the words of what was compared, without what became of it
    then ("25 pages, over 20; spark is planned → calypso" says "25 pages, over 20")."""
    if not decision:
        return Choice(wanted)
    why = str(decision.get("reason") or "").split("; ")[0].split(" → ")[0]
    return Choice(wanted, decision.get("rule") or None, why)
