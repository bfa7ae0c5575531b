"""Where a document goes, and why: a pure function of facts, policy and backend snapshots.

The answer always says which rule decided, what it compared, and for each backend that was not taken, why not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

from jobs.domain.policies import RELEASING_KIND, Policy, Rule

OUT_OF_ORDER = frozenset({"down", "hung", "misconfigured"})
# What a rule's words are about a document itself, and so differ from one to the next; the others compare the site.
OF_THE_DOCUMENT = frozenset({"page_count_over", "page_count_under", "priority_is", "purpose_is", "sla_is", "dpi_over"})


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
    """`wanted`: what the rule (or the default) named; `backend`: what it became; `rule` is None with no match.

    `facts` are the values that were compared, so that a decision can be looked at, and made again, later.
    """

    backend: str
    wanted: str
    rule: str | None
    reason: str
    considered: tuple[Considered, ...]
    verdicts: tuple[Verdict, ...] = field(default=())
    facts: Facts | None = None

    @property
    def words(self) -> str:
        """The whole decision in a line: "25 pages, over 20 → spark"."""
        return self.reason if "→" in self.reason or WAITS in self.reason else f"{self.reason} → {self.backend}"

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "words": self.words}


WAITS = "and no other can take work: it waits"


def decide(facts: Facts, policy: Policy, backends: Sequence[BackendSnapshot]) -> Decision:
    """The decision for one document. With no backend able to take work it stays with the wanted one, and waits."""
    verdicts = tuple(_verdict(rule, facts, policy) for rule in policy.rules)
    winner = next((verdict for verdict in verdicts if verdict.matched and verdict.enabled), None)
    wanted = winner.backend if winner else policy.default_backend
    why = winner.words if winner else default_words(facts)
    obstacles = {backend.name: obstacle(backend, policy, backends) for backend in backends}
    chain = candidates(wanted, policy, backends)
    taken = first_able(chain, obstacles) or wanted
    return Decision(
        backend=taken,
        wanted=wanted,
        rule=winner.rule if winner else None,
        reason=_reason(why, wanted, taken, obstacles),
        considered=tuple(_considered(b.name, taken, wanted, winner, obstacles, chain) for b in backends),
        verdicts=verdicts,
        facts=facts,
    )


def first_match(facts: Facts, policy: Policy) -> Rule | None:
    """The enabled rule that decides, without words: for many documents at once. `decide` says the same."""
    return next((rule for rule in policy.rules if rule.enabled and matches(rule, facts, policy)), None)


def matches(rule: Rule, facts: Facts, policy: Policy) -> bool:
    """Whether a rule's condition holds, enabled or not."""
    return _compare(rule, facts, policy)[0]


def first_able(chain: Iterable[str], obstacles: Mapping[str, str]) -> str | None:
    """The first of these backends that exists and has no obstacle."""
    return next((name for name in chain if not obstacles.get(name, "unknown")), None)


def candidates(wanted: str, policy: Policy, backends: Iterable[BackendSnapshot]) -> list[str]:
    """Where a page that wants `wanted` may run, best first: the wanted one, the fallback order, CPU backends last."""
    cpu = [backend.name for backend in backends if backend.kind == "cpu"]
    named = [wanted, *policy.fallback_order, *cpu]
    return list(dict.fromkeys(named))


class CpuUse(Protocol):
    """Of a policy: what a CPU backend is for (policies.CPU_USES)."""

    @property
    def cpu(self) -> str: ...


def obstacle(backend: BackendSnapshot, policy: CpuUse, backends: Iterable[BackendSnapshot]) -> str:
    """Why this backend cannot take work now, in words; empty when it can."""
    if backend.lifecycle != "active":
        return {"checking": "is being checked"}.get(backend.lifecycle, f"is {backend.lifecycle}")
    if backend.state in OUT_OF_ORDER:
        return f"is {backend.state}"
    if backend.kind == "cpu" and not cpu_may_serve(policy, backends):
        return "serves only without a GPU host" if policy.cpu == "when_no_gpu" else "is switched off by the policy"
    return ""


def cpu_may_serve(policy: CpuUse, backends: Iterable[BackendSnapshot]) -> bool:
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
        return f"{why}; {missing}, {WAITS}"
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
    if rule.when.endswith("_under"):
        side = "under" if value < rule.threshold else "not under"
        return value < rule.threshold, f"{label}, {side} {rule.threshold:.10g}"
    threshold, over = _over(rule, facts)
    side = over if value > threshold else "not over"
    return value > threshold, f"{label}, {side} {threshold:.10g}"


def _over(rule: Rule, facts: Facts) -> tuple[float, str]:
    """What is compared with, and the word: an overload that holds lets go at its release level only."""
    if rule.when == RELEASING_KIND and facts.was_overloaded and rule.release is not None:
        return rule.release, "still over"
    return rule.threshold or 0.0, "over"


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


def now(rule: Rule, facts: Facts, policy: Policy) -> tuple[str, bool | None]:
    """What a rule on the site's state compares with these facts, and whether it holds: ("12 documents in 24 hours",
    False). A rule on the document itself has nothing to compare before there is one: its truth is None."""
    if rule.when in OF_THE_DOCUMENT:
        return "depends on the document", None
    value, label = _measured(rule, facts, policy)
    against, word = _over(rule, facts)
    # Else "4 pages ahead" would hold beside a field that says 5.
    still = f", {word} {against:.10g}" if against < value <= (rule.threshold or 0.0) else ""
    return label + still, matches(rule, facts, policy)


def plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
