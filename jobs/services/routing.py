"""The policy in force: read, changed, restored; and the decision for a document."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, replace
from datetime import timedelta
from functools import lru_cache
from typing import Any

import structlog
from django.db import transaction
from django.utils import timezone

from jobs import errors
from jobs.domain import policies, policy_changes, presets, routing, shadows, supposing
from jobs.domain.model_profiles import Resolution, resolution
from jobs.domain.policies import Policy
from jobs.models import Backend, Document, PolicyVersion, RoutingPolicy, RoutingRule
from jobs.models.documents import PRIORITY_RANKS
from jobs.services import access, queues
from jobs.services import statements as sql

log = structlog.get_logger(__name__)


def in_force() -> Policy:
    """The policy in force. One statement: it is asked for with every page and every dispatch."""
    rows = sql.fetch(
        """SELECT p.default_backend, p.spread, p.cpu,
                  CAST(p.fallback_order AS text), CAST(p.failover AS text), CAST(p.quality AS text),
                  r.name, r."when", r.backend, r.threshold, r.value, r."release", r.hold_seconds, r.enabled
           FROM jobs_routingpolicy p LEFT JOIN jobs_routingrule r ON r.policy_id = p.id ORDER BY p.id, r.position"""
    )
    if not rows:
        raise errors.Unavailable(
            "There is no routing policy yet: start the site with `manage.py up`, or load a preset."
        )
    return _of_rows(tuple(rows))


@lru_cache(maxsize=2)
def _of_rows(rows: tuple[sql.Row, ...]) -> Policy:
    """What `in_force` read. Nothing is read into objects anew while the rows say the same."""
    default, spread, cpu = rows[0][:3]
    fallback, failover, quality = (json.loads(column) for column in rows[0][3:6])
    return Policy(
        default_backend=default,
        fallback_order=tuple(fallback),
        spread=spread,
        cpu=cpu,
        rules=tuple(policies.Rule(*(*rule[:7], bool(rule[7]))) for row in rows if (rule := row[6:])[0] is not None),
        failover=policies.Failover(**failover),
        quality=policies.Quality(**quality),
    )


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
            _store(row or RoutingPolicy(), parsed, policy_changes.changes(before, parsed), by)
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
    return replace(
        own_facts(document),
        documents_per_day=_documents_per_day(),
        documents_in_progress=Document.objects.unfinished().count(),
        queue_depth=depth,
        expected_wait_seconds=queues.expected_wait_seconds(depth, policy.default_backend),
        was_overloaded=queues.was_overloaded(policy.default_backend),
    )


def own_facts(document: Document) -> routing.Facts:
    """The facts of the document itself; those of the site as for the only one there is."""
    return routing.Facts(
        page_count=document.page_count,
        priority=document.priority,
        purpose=document.purpose,
        sla=document.sla,
        dpi=document.dpi or 200,
    )


def _facts_now(policy: Policy, given: Mapping[str, Any]) -> routing.Facts:
    """The facts of a document that need not exist: what is not given is what one that came now would meet."""
    default = policy.default_backend
    depth = given.get("queue_depth")
    if depth is None:
        depth = queue_depth(PRIORITY_RANKS[given.get("priority", "normal")], default)
    now: dict[str, Callable[[], Any]] = {
        "documents_per_day": lambda: _documents_per_day() + 1,
        "documents_in_progress": lambda: Document.objects.unfinished().count() + 1,
        "queue_depth": lambda: depth,
        "expected_wait_seconds": lambda: queues.expected_wait_seconds(depth, default),
        "was_overloaded": lambda: queues.was_overloaded(default),
    }
    return routing.Facts(**{name: read() for name, read in now.items() if name not in given}, **given)


def _documents_per_day() -> int:
    return Document.objects.filter(created_at__gte=timezone.now() - timedelta(days=1)).count()


def queue_depth(priority_rank: int, backend: str, *, exclude: Document | None = None) -> int:
    """Pages of other documents that go before one of `priority_rank` at `backend`, and what the host itself reports
    waiting beyond our own queue_ahead. `exclude`: the document itself, where there is one already."""
    return queues.depth_of(exclude, backend) if exclude else queues.depth_for_rank(priority_rank, backend)


def decide(document: Document, policy: Policy) -> routing.Decision:
    """Where a document goes, from the facts as they are now."""
    return routing.decide(facts_of(document, policy), policy, snapshots())


def as_stored(document: Document, decision: routing.Decision) -> dict[str, Any]:
    """The decision as the document keeps it: with facts, every rule's verdict, and the resolution at its backend."""
    backend = Backend.objects.filter(name=decision.backend).first()
    at = asdict(resolution_at(document.dpi, backend)) if backend else None
    return {**decision.as_json(), "resolution": at}


def resolution_at(asked_dpi: int | None, backend: Backend) -> Resolution:
    """What a page is sent at there, and why it is not what was asked for."""
    return resolution(
        asked_dpi,
        backend=backend.name,
        default_dpi=backend.default_dpi,
        max_dpi=backend.max_dpi,
        model_profile=backend.model_profile,
    )


def log_decided(document: Document, decision: routing.Decision) -> None:
    """One line for each decision: which rule, what it compared, where to."""
    log.info(
        "document.decided",
        document=str(document.pk),
        backend=decision.backend,
        wanted=decision.wanted,
        rule=decision.rule,
        reason=decision.reason,
        values=asdict(decision.facts) if decision.facts else {},
        considered={one.backend: one.verdict for one in decision.considered},
    )


def explain(facts: Mapping[str, Any], policy: Policy | None = None) -> dict[str, Any]:
    """The decision for a document that need not exist, with every rule's verdict, by `policy` (else the one in force).
    What is not given is taken from now.

    `facts`: page_count (required) and the other fields of domain.routing.Facts, and "backends": {name: {"state",
    "lifecycle"}} to try what is not so now. Raises errors.Invalid naming each field that does not fit.
    """
    policy, seen = policy or in_force(), snapshots()
    supposed = supposing.parse(facts, [backend.name for backend in seen])
    return routing.decide(_facts_now(policy, supposed.facts), policy, supposed.applied_to(seen)).as_json()


def rules_now(policy: Policy | None = None) -> list[dict[str, Any]]:
    """Each rule of `policy` (else of the one in force) with what it compares right now, in words: "12 documents in 24
    hours". `matches_now` says whether a document of normal priority that came now would match, and is None for a rule
    on the document itself."""
    policy = policy or in_force()
    facts = _facts_now(policy, {"page_count": 1})
    rows = []
    for rule in policy.rules:
        words, matches = routing.now(rule, facts, policy)
        shown = {name: getattr(rule, name) for name in ("name", "when", "threshold", "value", "backend", "enabled")}
        rows.append({**shown, "now": words, "matches_now": matches})
    return rows


def able(wanted: str, policy: Policy, backends: Iterable[Backend]) -> list[str]:
    """The backends that may get a page wanting `wanted` now, best first."""
    seen = [snapshot(backend) for backend in backends]
    free = {b.name for b in seen if not routing.obstacle(b, policy, seen)}
    return [name for name in routing.candidates(wanted, policy, seen) if name in free]


def why_none_is_able(backends: Iterable[Backend], policy: routing.CpuUse) -> str | None:
    """What keeps each backend from taking work, in words, by name; None while one of them can."""
    seen = [snapshot(backend) for backend in backends]
    obstacles = {b.name: routing.obstacle(b, policy, seen) for b in seen}
    if not all(obstacles.values()):
        return None
    return "; ".join(f"{name} {words}" for name, words in sorted(obstacles.items()))
