"""vLLM's metrics, as Prometheus text. Pure. Tokens are words here, and there is no KV cache to fill."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate

from .chat import MODEL

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
FINISHED_REASONS = ("stop", "length", "abort", "error", "repetition")
_SECONDS_BOUNDS = (
    0.3,
    0.5,
    0.8,
    1.0,
    1.5,
    2.0,
    2.5,
    5.0,
    10.0,
    15.0,
    20.0,
    30.0,
    40.0,
    50.0,
    60.0,
    120.0,
    240.0,
    480.0,
)
_LABELS = f'engine="0",model_name="{MODEL}"'


@dataclass
class Histogram:
    """Seconds, in vLLM's buckets; the last count is of what was longer than all of them."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(_SECONDS_BOUNDS) + 1))
    total_seconds: float = 0.0

    def observe(self, seconds: float) -> None:
        self.counts[bisect_left(_SECONDS_BOUNDS, seconds)] += 1
        self.total_seconds += seconds


@dataclass
class Metrics:
    running: int = 0
    waiting: int = 0
    prompt_tokens: int = 0
    generation_tokens: int = 0
    finished: dict[str, int] = field(default_factory=lambda: dict.fromkeys(FINISHED_REASONS, 0))
    latency: Histogram = field(default_factory=Histogram)
    queue_time: Histogram = field(default_factory=Histogram)
    inference_time: Histogram = field(default_factory=Histogram)


def render(metrics: Metrics) -> str:
    return "\n".join(_lines(metrics)) + "\n"


def _lines(metrics: Metrics) -> Iterator[str]:
    yield from _single("num_requests_running", "gauge", "Pages being read.", metrics.running)
    yield from _single("num_requests_waiting", "gauge", "Pages waiting for a free slot.", metrics.waiting)
    yield from _single("kv_cache_usage_perc", "gauge", "Always 0: there is no KV cache.", 0)
    yield from _single("num_preemptions_total", "counter", "Always 0: nothing is preempted.", 0)
    yield from _single("prompt_tokens_total", "counter", "Words in prompts.", metrics.prompt_tokens)
    yield from _single("generation_tokens_total", "counter", "Words read.", metrics.generation_tokens)
    yield from _head("request_success_total", "counter", "Requests by how they ended.")
    for reason, count in metrics.finished.items():
        yield f'vllm:request_success_total{{engine="0",finished_reason="{reason}",model_name="{MODEL}"}} {count:.1f}'
    yield from _histogram("e2e_request_latency_seconds", "From arrival to answer.", metrics.latency)
    yield from _histogram("request_queue_time_seconds", "Waiting for a free slot.", metrics.queue_time)
    yield from _histogram("request_inference_time_seconds", "In a slot.", metrics.inference_time)


def _head(name: str, kind: str, text: str) -> Iterator[str]:
    yield f"# HELP vllm:{name} {text}"
    yield f"# TYPE vllm:{name} {kind}"


def _single(name: str, kind: str, text: str, value: float) -> Iterator[str]:
    yield from _head(name, kind, text)
    yield f"vllm:{name}{{{_LABELS}}} {value:.1f}"


def _histogram(name: str, text: str, histogram: Histogram) -> Iterator[str]:
    yield from _head(name, "histogram", text)
    bounds = [*map(str, _SECONDS_BOUNDS), "+Inf"]
    for bound, count in zip(bounds, accumulate(histogram.counts), strict=True):
        yield f'vllm:{name}_bucket{{engine="0",le="{bound}",model_name="{MODEL}"}} {count:.1f}'
    yield f"vllm:{name}_count{{{_LABELS}}} {sum(histogram.counts):.1f}"
    yield f"vllm:{name}_sum{{{_LABELS}}} {histogram.total_seconds:.6f}"
