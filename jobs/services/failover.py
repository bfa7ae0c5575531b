"""What becomes of a page whose call failed: what lies behind it and where else it could go, read for the domain."""

from __future__ import annotations

from django.utils import timezone

from jobs.domain import attempts, failures, routing
from jobs.domain.attempts import Situation, Step
from jobs.domain.failures import Failure
from jobs.domain.policies import Policy
from jobs.models import Attempt, Backend, Page
from jobs.services import calling
from jobs.services import routing as routing_service


def next_step(failure: Failure, page: Page, backend: Backend, policy: Policy, *, sent_dpi: int) -> Step:
    """Where the page goes now."""
    return attempts.after_failure(failure, situation(page, backend, policy, sent_dpi=sent_dpi))


def situation(page: Page, backend: Backend, policy: Policy, *, sent_dpi: int) -> Situation:
    """What the page has behind it, and which backends could take it now instead of this one."""
    untried = _untried(page, backend, policy)
    room = calling.context_length(backend)
    roomier = [other for other in untried if calling.context_length(other) > room]
    return Situation(
        backend=backend.name,
        max_attempts=policy.failover.max_attempts,
        quarantine_deaths=policy.failover.quarantine_deaths,
        oom_dpi=policy.failover.oom_dpi,
        host_failures=page.host_failures,
        engine_deaths=page.engine_deaths,
        stopped=_stopped(page),
        sent_dpi=sent_dpi,
        dpi_cap=page.dpi_cap,
        in_pieces=page.in_pieces,
        elsewhere=bool(untried),
        roomier=bool(roomier),
        tighter=tuple(other.name for other in untried if other not in roomier),
    )


def _untried(page: Page, backend: Backend, policy: Policy) -> list[Backend]:
    """Backends that could take it now and have not failed it. None once it was sent to one that it should avoid: then
    there was nowhere else, and counting on another again would go round in circles."""
    if backend.name in page.avoid:
        return []
    rows = {row.name: row for row in Backend.objects.select_related("health")}
    seen = [routing_service.snapshot(row) for row in rows.values()]
    able = {host.name for host in seen if not routing.obstacle(host, policy, seen)}
    names = routing.candidates(page.wanted_backend or page.document.wanted_backend, policy, seen)
    if policy.spread == "free":
        names += [host.name for host in seen if host.kind == "gpu" and host.name not in names]
    tried = {*page.avoid, backend.name}
    return [rows[name] for name in names if name in able and name not in tried and not _is_busy(rows[name])]


def _is_busy(backend: Backend) -> bool:
    health = getattr(backend, "health", None)
    return bool(health and health.busy_until and health.busy_until > timezone.now())


def _stopped(page: Page) -> tuple[str, ...]:
    """The hosts that died with it, newest deaths only: a page that was tried again starts anew."""
    if not page.engine_deaths:
        return ()
    deaths = Attempt.objects.filter(page=page, reason=failures.ENGINE_DEAD.reason).order_by("-id")
    return tuple(deaths.values_list("backend", flat=True)[: page.engine_deaths])
