"""vLLM's Prometheus text -> the few numbers a router needs. What a host does not tell is None, never zero."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_TEXT_LIMIT = 4 * 1024 * 1024  # recorded: 61 kB
_LINE = re.compile(r"(vllm:[a-zA-Z0-9_:]+)(?:\{([^}]*)\})?\s+(\S+)")
_UTILIZATION = re.compile(r'(?:^|,)gpu_memory_utilization="([^"]{1,40})"')
_PREFIX_CACHING = re.compile(r'(?:^|,)enable_prefix_caching="(True|False)"')
_REASON = re.compile(r'finished_reason="([^"]{1,40})"')


@dataclass(frozen=True)
class HostMetrics:
    """Sums over a host's engines, but for `kv_usage` (0 to 1), which is that of the fullest.

    `finished` counts ended requests by reason (stop, length, abort, error, repetition); counters start anew with a
    restart of the host. `gpu_memory_utilization` (0 to 1) and `prefix_caching` are what it was launched with.
    """

    running: float | None = None
    waiting: float | None = None
    kv_usage: float | None = None
    generation_tokens: float | None = None
    finished: Mapping[str, float] | None = None
    gpu_memory_utilization: float | None = None
    prefix_caching: bool | None = None


def parse(text: str) -> HostMetrics:
    """Read GET /metrics. Never raises: lines that are not understood are passed over."""
    samples: dict[str, list[float]] = {}
    finished: dict[str, float] = {}
    launched = ""
    for name, labels, value in _samples(text[:_TEXT_LIMIT]):
        samples.setdefault(name, []).append(value)
        launched = labels if name == "vllm:cache_config_info" else launched
        reason = _REASON.search(labels)
        if name == "vllm:request_success_total" and reason:
            finished[reason[1]] = finished.get(reason[1], 0.0) + value
    # 0.9.2 renamed the cache's gauge; until 0.11 a host may show both.
    share, caches = _UTILIZATION.search(launched), _PREFIX_CACHING.search(launched)
    usage = samples.get("vllm:kv_cache_usage_perc") or samples.get("vllm:gpu_cache_usage_perc")
    return HostMetrics(
        running=_sum(samples.get("vllm:num_requests_running")),
        waiting=_sum(samples.get("vllm:num_requests_waiting")),
        kv_usage=max(usage) if usage else None,
        generation_tokens=_sum(samples.get("vllm:generation_tokens_total")),
        finished=finished or None,
        gpu_memory_utilization=_number(share[1]) if share else None,
        prefix_caching=caches[1] == "True" if caches else None,
    )


def _samples(text: str) -> Iterator[tuple[str, str, float]]:
    for line in text.splitlines():
        found = _LINE.match(line)
        value = _number(found[3]) if found else None
        if found and value is not None:
            yield found[1], found[2] or "", value


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _sum(values: list[float] | None) -> float | None:
    return sum(values) if values else None
