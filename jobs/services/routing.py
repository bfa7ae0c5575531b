"""The policy in force: read, changed, restored; and the decision for a document."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from jobs import errors
from jobs.domain import policies, presets, routing, shadows
from jobs.domain.policies import Policy
from jobs.models import Backend, Document, PolicyVersion, RoutingPolicy, RoutingRule
from jobs.services import access, queues


def in_force() -> Policy:
    """The policy in force. Two queries."""
    row = RoutingPolicy.objects.prefetch_related("rules").first()
    if row is None:
        raise errors.Unavailable(
            "There is no routing policy yet: start the site with `manage.py up`, or load a preset."
        )
    return policy_of(row)


def policy_of(row: RoutingPolicy) -> Policy:
    """A row as the domain's policy. What is stored was validated when it was saved."""
    rules = tuple(
        policies.Rule(r.name, r.when, r.backend, r.threshold, r.value, r.release, r.hold_seconds, r.enabled)
        for r in row.rules.all()
    )
    return Policy(
        default_backend=row.default_backend,
        fallback_order=tuple(row.fallback_order),
        spread=row.spread,
        cpu=row.cpu,
        rules=rules,
        failover=policies.Failover(**row.failover),
        quality=policies.Quality(**row.quality),
    )


def current() -> dict[str, Any]:
    """The policy in force, in the API's form."""
    return policies.as_json(in_force())


def save(policy: object, *, by: Any) -> list[str]:
    """Put a policy (in the API's form) in force and keep it as a version. Returns warnings, as sentences.

    Raises errors.Invalid naming each wrong field; then nothing has changed.
    """
    parsed = policies.parse(policy, set(Backend.objects.values_list("name", flat=True)))
    with transaction.atomic():
        row = RoutingPolicy.objects.select_for_update().prefetch_related("rules").first()
        before = policy_of(row) if row else None
        if before != parsed:
            _store(row or RoutingPolicy(), parsed, policies.changes(before, parsed), by)
    return shadows.warnings(parsed)


def _store(row: RoutingPolicy, policy: Policy, changes: list[str], by: Any) -> None:
    body = policies.as_json(policy)
    newest = PolicyVersion.objects.order_by("-number").values_list("number", flat=True).first()
    row.version = (newest or 0) + 1
    for name in ("default_backend", "fallback_order", "spread", "cpu", "failover", "quality"):
        setattr(row, name, body[name])
    row.save()
    row.rules.all().delete()
    RoutingRule.objects.bulk_create(
        RoutingRule(policy=row, position=place, **rule.__dict__) for place, rule in enumerate(policy.rules)
    )
    PolicyVersion.objects.create(number=row.version, policy=body, author=by, changes=changes)
    access.audit("routing.changed", by=by, subject=f"version {row.version}", detail={"changes": changes})


def versions() -> list[dict[str, Any]]:
    """Every version, newest first: number, when, who, what differs, and the policy itself."""
    rows = PolicyVersion.objects.select_related("author")
    return [
        {
            "number": row.number,
            "created_at": row.created_at,
            "author": row.author.get_username() if row.author else None,
            "changes": row.changes,
            "policy": row.policy,
        }
        for row in rows
    ]


def restore(number: int, *, by: Any) -> list[str]:
    """Put an earlier version in force again, as a new version. Raises errors.NotFound."""
    row = PolicyVersion.objects.filter(number=number).first()
    if row is None:
        raise errors.NotFound(f"There is no version {number} of the policy.")
    return save(row.policy, by=by)


def load_preset(name: str, *, by: Any) -> list[str]:
    """Put a shipped policy in force. Raises errors.NotFound, or errors.Invalid when a backend it names is missing."""
    if name not in presets.POLICIES:
        raise errors.NotFound(f"There is no preset “{name}”. There are {', '.join(sorted(presets.POLICIES))}.")
    return save(presets.POLICIES[name], by=by)


def snapshots() -> list[routing.BackendSnapshot]:
    """All backends as they stand, in name order."""
    return [snapshot(backend) for backend in Backend.objects.select_related("health").in_name_order()]


def snapshot(backend: Backend) -> routing.BackendSnapshot:
    health = getattr(backend, "health", None)
    return routing.BackendSnapshot(
        backend.name,
        backend.kind,
        backend.lifecycle,
        health.state if health else "unknown",
        health.reason if health else "",
        min(backend.max_model_len, (health.served_max_model_len if health else None) or backend.max_model_len),
        bool(health and health.busy_until and health.busy_until > timezone.now()),
    )


def facts_of(document: Document, policy: Policy) -> routing.Facts:
    """What the rules compare for a document that is about to be prepared."""
    depth = queue_depth(document.priority_rank, policy.default_backend, exclude=document)
    return routing.Facts(
        page_count=document.page_count,
        priority=document.priority,
        purpose=document.purpose,
        sla=document.sla,
        dpi=document.dpi or 200,
        documents_per_day=_documents_per_day(),
        documents_in_progress=Document.objects.unfinished().count(),
        queue_depth=depth,
        expected_wait_seconds=queues.expected_wait_seconds(depth, policy.default_backend),
        was_overloaded=queues.was_overloaded(policy.default_backend),
    )


def _documents_per_day() -> int:
    return Document.objects.filter(created_at__gte=timezone.now() - timedelta(days=1)).count()


def queue_depth(priority_rank: int, backend: str, *, exclude: Document | None = None) -> int:
    """Pages of other documents that go before one of `priority_rank` at `backend`, and what the host itself reports
    waiting beyond our own queue_ahead. `exclude`: the document itself, where there is one already."""
    return queues.depth_of(exclude, backend) if exclude else queues.depth_for_rank(priority_rank, backend)


def decide(document: Document, policy: Policy) -> routing.Decision:
    """Where a document goes, from the facts as they are now."""
    return routing.decide(facts_of(document, policy), policy, snapshots())


EXPLAINED = {
    "page_count": (int, 1, 1_000_000),
    "documents_per_day": (int, 0, 10_000_000),
    "documents_in_progress": (int, 0, 10_000_000),
    "queue_depth": (int, 0, 10_000_000),
    "dpi": (int, 1, 2400),
}
WORDS = {"priority": ("low", "normal", "high"), "purpose": ("production", "development")}


def explain(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The decision for a document that need not exist, with every rule's verdict. What is not given is taken from now.

    `facts`: page_count (required), priority, purpose, sla, dpi, documents_per_day, documents_in_progress, queue_depth,
    and "backends": {name: {"state" | "lifecycle": …}} to try what is not so now. Raises errors.Invalid.
    """
    policy = in_force()
    asked = _checked(facts)
    rank = {"high": 0, "normal": 1, "low": 2}[asked.get("priority", "normal")]
    now = {
        "documents_per_day": lambda: _documents_per_day() + 1,
        "documents_in_progress": lambda: Document.objects.unfinished().count() + 1,
        "queue_depth": lambda: queue_depth(rank, policy.default_backend),
    }
    complete = {**{name: read() for name, read in now.items() if name not in asked}, **asked}
    backends = [_supposed(b, facts.get("backends") or {}) for b in snapshots()]
    return routing.decide(routing.Facts(**complete), policy, backends).as_json()


def _checked(facts: Mapping[str, Any]) -> dict[str, Any]:
    asked, wrong = {}, {}
    for name, (_, low, high) in EXPLAINED.items():
        value = facts.get(name)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            wrong[name] = f"Use a whole number from {low} to {high}."
        asked[name] = value
    for name, allowed in WORDS.items():
        if facts.get(name) is not None:
            asked[name] = facts[name]
            if facts[name] not in allowed:
                wrong[name] = f"Use one of {', '.join(allowed)}."
    if facts.get("sla") is not None:
        asked["sla"] = bool(facts["sla"])
    if "page_count" not in asked:
        wrong["page_count"] = "Say how many pages the document has."
    if wrong:
        raise errors.Invalid("This cannot be explained: some facts do not fit.", wrong)
    return asked


def _supposed(backend: routing.BackendSnapshot, supposed: Mapping[str, Any]) -> routing.BackendSnapshot:
    change = supposed.get(backend.name)
    if not isinstance(change, Mapping):
        return backend
    return routing.BackendSnapshot(
        backend.name,
        backend.kind,
        str(change.get("lifecycle", backend.lifecycle)),
        str(change.get("state", backend.state)),
        backend.reason,
    )


def able(wanted: str, policy: Policy, backends: Iterable[Backend]) -> list[str]:
    """The backends that may get a page wanting `wanted` now, best first."""
    seen = [snapshot(backend) for backend in backends]
    free = {b.name for b in seen if not routing.obstacle(b, policy, seen)}
    return [name for name in routing.candidates(wanted, policy, seen) if name in free]
