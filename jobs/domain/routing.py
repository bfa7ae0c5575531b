"""Where a document goes, and why: a pure function of facts, policy and backend snapshots.

The answer always says which rule decided, what it compared, and for each backend that was not taken, why not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from jobs.domain.policies import Policy, Rule


@dataclass(frozen=True)
class Facts:
    """What the rules compare. `queue_depth`: pages of others ahead at the default backend; `expected_wait_seconds`
    likewise; `documents_per_day` over the last 24 hours and `documents_in_progress`, both with this one."""

    page_count: int
    priority: str = "normal"
    purpose: str = "production"
    sla: bool = False
    dpi: int = 200
    documents_per_day: int = 1
    documents_in_progress: int = 1
    queue_depth: int = 0
    expected_wait_seconds: float = 0.0
    was_overloaded: bool = False  # the overload rule's former state: hysteresis is an input, so that replay agrees


@dataclass(frozen=True)
class BackendSnapshot:
    """A backend as it stands at the moment of the decision. `max_model_len` in tokens, the smaller of what its profile
    says and the host serves; `busy`: it asked to be tried later, and that time has not come."""

    name: str
    kind: str = "gpu"
    lifecycle: str = "active"
    state: str = "up"
    reason: str = ""
    max_model_len: int = 8192
    busy: bool = False


@dataclass(frozen=True)
class Verdict:
    """One rule's answer. `words` say what was compared: "25 pages, over 20"."""

    rule: str
    backend: str
    enabled: bool
    matched: bool
    words: str


@dataclass(frozen=True)
class Considered:
    backend: str
    verdict: str


@dataclass(frozen=True)
class Decision:
    """`wanted`: what the rule (or the default) named; `backend`: what it became; `rule` is None with no match."""

    backend: str
    wanted: str
    rule: str | None
    reason: str
    considered: tuple[Considered, ...]
    verdicts: tuple[Verdict, ...] = field(default=())

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def decide(facts: Facts, policy: Policy, backends: Sequence[BackendSnapshot]) -> Decision:
    """The decision for one document. With no backend able to take work it stays with the wanted one, and waits."""
    verdicts = tuple(_verdict(rule, facts, policy) for rule in policy.rules)
    winner = next((verdict for verdict in verdicts if verdict.matched and verdict.enabled), None)
    wanted = winner.backend if winner else policy.default_backend
    why = winner.words if winner else default_words(facts)
    obstacles = {backend.name: obstacle(backend, policy, backends) for backend in backends}
    chain = candidates(wanted, policy, backends)
    taken = next((name for name in chain if not obstacles.get(name, "unknown")), wanted)
    return Decision(
        backend=taken,
        wanted=wanted,
        rule=winner.rule if winner else None,
        reason=_reason(why, wanted, taken, obstacles),
        considered=tuple(_considered(b.name, taken, wanted, winner, obstacles, chain) for b in backends),
        verdicts=verdicts,
    )


def candidates(wanted: str, policy: Policy, backends: Iterable[BackendSnapshot]) -> list[str]:
    """Where a page that wants `wanted` may run, best first: the wanted one, the fallback order, CPU backends last."""
    cpu = [backend.name for backend in backends if backend.kind == "cpu"]
    named = [wanted, *policy.fallback_order, *cpu]
    return list(dict.fromkeys(named))


def obstacle(backend: BackendSnapshot, policy: Policy, backends: Iterable[BackendSnapshot]) -> str:
    """Why this backend cannot take work now, in words; empty when it can."""
    if backend.lifecycle != "active":
        return {"checking": "is being checked"}.get(backend.lifecycle, f"is {backend.lifecycle}")
    if backend.state in {"down", "hung", "misconfigured"}:
        return f"is {backend.state}"
    if backend.kind == "cpu" and not cpu_may_serve(policy, backends):
        return "serves only without a GPU host" if policy.cpu == "when_no_gpu" else "is switched off by the policy"
    return ""


def cpu_may_serve(policy: Policy, backends: Iterable[BackendSnapshot]) -> bool:
    """With `when_no_gpu` a CPU backend serves only while no GPU backend is active, checking or draining: when GPU
    hosts are down pages wait, rather than silently become another engine's."""
    if policy.cpu == "when_no_gpu":
        return not any(b.kind == "gpu" and b.lifecycle in {"active", "checking", "draining"} for b in backends)
    return policy.cpu == "always"


def default_words(facts: Facts) -> str:
    ahead = facts.queue_depth
    return f"default, {plural(ahead, 'page')} ahead" if ahead else "default, nothing ahead"


def _reason(why: str, wanted: str, taken: str, obstacles: Mapping[str, str]) -> str:
    missing = f"{wanted} {obstacles.get(wanted) or 'does not exist'}"
    if taken != wanted:
        return f"{why}; {missing} → {taken}"
    if obstacles.get(wanted, "unknown"):
        return f"{why}; {missing}, and no other can take work: it waits"
    return why


def _considered(
    name: str, taken: str, wanted: str, winner: Verdict | None, obstacles: Mapping[str, str], chain: Sequence[str]
) -> Considered:
    if name == taken:
        verdict = "chosen" if name == wanted else f"takes it for {wanted}"
    elif obstacles[name]:
        verdict = obstacles[name]
    elif name not in chain:
        verdict = "not in the fallback order"
    elif winner:
        verdict = f"not needed: rule “{winner.rule}” matched"
    else:
        verdict = "not needed: no rule names it for this document"
    return Considered(name, verdict)


def _verdict(rule: Rule, facts: Facts, policy: Policy) -> Verdict:
    matched, words = _compare(rule, facts, policy)
    return Verdict(rule.name, rule.backend, rule.enabled, matched, words)


def _compare(rule: Rule, facts: Facts, policy: Policy) -> tuple[bool, str]:
    if rule.threshold is None:
        return _compare_word(rule, facts)
    value, label = _measured(rule, facts, policy)
    threshold = rule.threshold
    if rule.when == "queue_depth_over" and facts.was_overloaded and rule.release is not None:
        threshold = rule.release
    if rule.when.endswith("_under"):
        side = "under" if value < threshold else "not under"
        return value < threshold, f"{label}, {side} {threshold:g}"
    side = "over" if value > threshold else "not over"
    return value > threshold, f"{label}, {side} {threshold:g}"


def _compare_word(rule: Rule, facts: Facts) -> tuple[bool, str]:
    if rule.when == "sla_is":
        return facts.sla == (rule.value == "true"), "under an SLA" if facts.sla else "not under an SLA"
    if rule.when == "priority_is":
        words = "urgent" if facts.priority == "high" else f"{facts.priority} priority"
        return facts.priority == rule.value, words
    return facts.purpose == rule.value, f"for {facts.purpose}"


def _measured(rule: Rule, facts: Facts, policy: Policy) -> tuple[float, str]:
    kind = rule.when.removesuffix("_over").removesuffix("_under")
    if kind == "page_count":
        return facts.page_count, plural(facts.page_count, "page")
    if kind == "documents_per_day":
        return facts.documents_per_day, f"{plural(facts.documents_per_day, 'document')} in 24 hours"
    if kind == "documents_in_progress":
        return facts.documents_in_progress, f"{plural(facts.documents_in_progress, 'document')} in progress"
    if kind == "queue_depth":
        return facts.queue_depth, f"{plural(facts.queue_depth, 'page')} of others ahead at {policy.default_backend}"
    if kind == "expected_wait":
        return (
            facts.expected_wait_seconds,
            f"about {facts.expected_wait_seconds:.0f} s to wait at {policy.default_backend}",
        )
    return facts.dpi, f"{facts.dpi} dpi asked for"


def plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
