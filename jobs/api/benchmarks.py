"""Benchmarks of backends: begun, looked at, stopped. For administrators."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Router, Status

from jobs import actors, errors
from jobs.api import benchmark_examples as examples
from jobs.api.answers import answers
from jobs.api.auth import needs
from jobs.schemas import BenchmarkOut
from jobs.services import backends, benchmarking

router = Router(tags=["Backends"], auth=needs("admin"))


@router.post(
    "/backends/{name}/benchmark",
    summary="Benchmark a backend",
    **answers(BenchmarkOut, example=examples.BEGUN, status=202, refusals=("not_found", "conflict")),
)
def begin_benchmark(request: HttpRequest, name: str) -> Status[dict[str, Any]]:
    """Has it read 10 pages, 50 pages, pages at rising concurrency and at three resolutions, which takes minutes. Slots
    are kept to, and people's pages go first. 409 where it is not in use, not well, or benchmarked already."""
    begun = benchmarking.begin(name, by=request.user)
    actors.benchmark_soon(begun.pk)
    return Status(202, benchmarking.snapshot(begun))


@router.get(
    "/backends/{name}/benchmark",
    summary="Look at a backend's newest benchmark",
    **answers(BenchmarkOut, example=examples.BENCHMARK, refusals=("not_found",)),
)
def get_benchmark(request: HttpRequest, name: str) -> dict[str, Any]:
    """What it found so far, beside what is expected and the benchmark before. 404 where there was none."""
    newest = next(iter(benchmarking.of(backends.find(name))), None)
    if newest is None:
        raise errors.NotFound(f"{name} was never benchmarked.")
    return benchmarking.snapshot(newest)


@router.post(
    "/backends/{name}/benchmark/stop",
    summary="Stop a backend's benchmark",
    **answers(BenchmarkOut, example=examples.BENCHMARK, refusals=("not_found", "conflict")),
)
def stop_benchmark(request: HttpRequest, name: str) -> dict[str, Any]:
    """It ends within a moment, with what it found so far. 409 where none is under way."""
    return benchmarking.snapshot(benchmarking.stop(name, by=request.user))
