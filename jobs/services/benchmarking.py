"""Benchmarks of hosts: begun, stopped, ended, found dead, and what is taken over from them.

The row says what is true: a worker that comes back late finds it no longer its own. services.benchmark_run does the
work.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models.functions import Now
from django.utils import timezone

from jobs import errors
from jobs.domain import benchmark_plan, measured
from jobs.domain.benchmark_plan import Result, Setup, Step, Verdict
from jobs.domain.measured import Compared
from jobs.domain.model_profiles import resolution
from jobs.gateways import processes
from jobs.models import Backend, BackendHealth, Benchmark
from jobs.services import access, backends

log = structlog.get_logger(__name__)

READY = ("up", "slow_start")
UNDER_WAY = "A benchmark of {} is under way already."
DIED = "The process that ran it died, or was cut off from the database."


def begin(name: str, *, by: Any) -> Benchmark:
    """A benchmark that waits for a worker.

    Raises errors.NotFound, errors.Conflict where the host is not in use, not well, or benchmarked already.
    """
    backend = backends.find(name)
    if reason := refusal(backend):
        raise errors.Conflict(reason)
    now = timezone.now()
    try:
        with transaction.atomic():
            made = Benchmark.objects.create(
                backend=backend, by=by, setup=asdict(_setup(backend)), sent_at=now, created_at=now
            )
            access.audit("backend.benchmarked", by=by, subject=name)
    except IntegrityError:
        raise errors.Conflict(UNDER_WAY.format(name)) from None
    return made


def refusal(backend: Backend) -> str:
    """Why it cannot be benchmarked now, a sentence; empty where it can."""
    name = backend.name
    if backend.lifecycle != "active":
        return f"{name} is {backend.lifecycle}: only a host in use is benchmarked. Activate it first."
    health = getattr(backend, "health", None) or BackendHealth(backend=backend)
    if health.state not in READY:
        return f"{name} is not well ({health.state.replace('_', ' ')}): {health.reason or 'it was not asked yet.'}"
    if health.breaker != "closed":
        return f"{name} is cut off just now: {health.reason or 'it failed lately.'}"
    return ""


def _setup(backend: Backend) -> Setup:
    sent_at = resolution(
        None,
        backend=backend.name,
        default_dpi=backend.default_dpi,
        max_dpi=backend.max_dpi,
        model_profile=backend.model_profile,
    )
    return Setup(backend.slots, backend.queue_ahead, sent_at.dpi, settings.CALL_SECONDS)


def claim(benchmark_id: int) -> Benchmark | None:
    """Take a waiting one for this process; None when somebody else has it, or it is gone."""
    taken = Benchmark.objects.filter(pk=benchmark_id, state="waiting").update(
        state="running", holder=processes.identity(), began_at=Now(), expires_at=_held_until()
    )
    return Benchmark.objects.select_related("backend__health").get(pk=benchmark_id) if taken else None


def _held_until() -> Any:
    return Now() + timedelta(seconds=settings.LEASE_SECONDS)


def _ours(benchmark: Benchmark) -> Any:
    return Benchmark.objects.filter(pk=benchmark.pk, state="running", holder=benchmark.holder)


def renew(benchmark: Benchmark, doing: str) -> str:
    """Go on holding it. Returns why it must end, a sentence; empty where it may go on."""
    if not _ours(benchmark).update(expires_at=_held_until(), doing=doing[:200]):
        return "It is no longer this process's."
    stop_wanted, lifecycle = Benchmark.objects.values_list("stop_wanted", "backend__lifecycle").get(pk=benchmark.pk)
    if stop_wanted:
        return "It was stopped."
    return "" if lifecycle == "active" else f"The host was taken out of use: it is {lifecycle}."


def add_step(benchmark: Benchmark, result: Result) -> bool:
    """Keep what came of a step. False when the benchmark is no longer this process's."""
    steps = [*benchmark.steps, result.stored()]
    kept = bool(_ours(benchmark).update(steps=steps))
    if kept:
        benchmark.steps = steps
    return kept


def end(benchmark: Benchmark, state: str, reason: str = "") -> None:
    """It ended so. Nothing is written where it is no longer this process's."""
    if _ours(benchmark).update(state=state, reason=reason, doing="", ended_at=Now()):
        log.info("benchmark.ended", backend=benchmark.backend.name, state=state, reason=reason)


def stop(name: str, *, by: Any) -> Benchmark:
    """Have the one that is under way end; one that only waits ends at once. Raises errors.Conflict where none is."""
    backend = backends.find(name)
    row = Benchmark.objects.open().filter(backend=backend).first()
    if row is None:
        raise errors.Conflict(f"No benchmark of {name} is under way.")
    Benchmark.objects.filter(pk=row.pk).update(stop_wanted=True)
    Benchmark.objects.filter(pk=row.pk, state="waiting").update(
        state="stopped", reason="It was stopped before it began.", ended_at=Now()
    )
    access.audit("backend.benchmark_stopped", by=by, subject=name)
    row.refresh_from_db()
    return row


def find_dead() -> int:
    """Benchmarks whose process died are over: at once where it surely did, else when it renewed nothing for a lease's
    time. Returns how many."""
    running = Benchmark.objects.filter(state="running")
    gone = [row.pk for row in running if processes.is_gone(row.holder)]
    dead = running.filter(pk__in=gone) | running.filter(expires_at__lt=Now())
    return int(dead.update(state="interrupted", reason=DIED, doing="", ended_at=Now()))


def to_send_again() -> list[int]:
    """Those that still wait: their message was lost, or every worker is busy."""
    late = Benchmark.objects.filter(
        state="waiting", sent_at__lt=Now() - timedelta(seconds=settings.RESEND_SECONDS)
    ).values_list("pk", flat=True)
    return [pk for pk in late if Benchmark.objects.filter(pk=pk, state="waiting").update(sent_at=Now())]


def of(backend: Backend, *, limit: int = 1) -> list[Benchmark]:
    """Its newest benchmarks, the newest first."""
    return list(Benchmark.objects.filter(backend=backend).newest_first().select_related("by")[:limit])


def results(benchmark: Benchmark) -> list[Result]:
    """What came of its steps so far, in their order."""
    return [benchmark_plan.result_from(step) for step in benchmark.steps]


def next_step(benchmark: Benchmark) -> Step | None:
    return benchmark_plan.next_step(Setup(**benchmark.setup), results(benchmark))


def verdict(benchmark: Benchmark) -> Verdict:
    """What it found so far."""
    return benchmark_plan.verdict(Setup(**benchmark.setup), results(benchmark), ended=benchmark.state == "done")


def before(benchmark: Benchmark) -> Benchmark | None:
    """The newest earlier one of the same host that came to its end."""
    earlier = Benchmark.objects.filter(backend=benchmark.backend_id, state="done", created_at__lt=benchmark.created_at)
    return earlier.newest_first().first()


def compared(benchmark: Benchmark) -> list[Compared]:
    """Its figures beside what is expected of the host."""
    expected = benchmark.backend.expected
    found = verdict(benchmark).figures()
    return [Compared(name, measured.span(expected.get(name)), value) for name, value in found.items()]


def take_over(benchmark_id: int, field: str, *, by: Any) -> Backend:
    """Set the host as the benchmark proposes. Raises errors.NotFound where there is no such benchmark or proposal."""
    row = Benchmark.objects.select_related("backend").filter(pk=benchmark_id).first()
    proposals = {proposal.field: proposal for proposal in verdict(row).proposals if proposal.field} if row else {}
    if row is None or field not in proposals:
        raise errors.NotFound("There is no such proposal.")
    return backends.update(row.backend.name, by=by, **{field: int(proposals[field].proposed)})


def snapshot(benchmark: Benchmark) -> dict[str, Any]:
    """The benchmark as JSON: its state, its steps, what it found, the one before."""
    found = verdict(benchmark)
    earlier = before(benchmark)
    return {
        "id": benchmark.pk,
        "backend": benchmark.backend.name,
        "state": benchmark.state,
        "reason": benchmark.reason,
        "doing": benchmark.doing,
        "disturbed": found.disturbed,
        "created_at": benchmark.created_at,
        "began_at": benchmark.began_at,
        "ended_at": benchmark.ended_at,
        "steps": [_step_snapshot(result) for result in results(benchmark)],
        "figures": found.figures(),
        "latency_doubles_at": found.latency_doubles_at,
        "expected": {line.name: line.expected for line in compared(benchmark)},
        "before": verdict(earlier).figures() if earlier else None,
        "proposals": [asdict(proposal) for proposal in found.proposals],
    }


def _step_snapshot(result: Result) -> dict[str, Any]:
    step, stored = result.step, result.stored()
    told = {"name": step.title, **stored.pop("step"), "pages_per_second": result.pages_per_second}
    return {**told, **{key: value for key, value in stored.items() if key != "mean"}}
