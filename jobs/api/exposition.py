"""The site's figures in Prometheus' text format. The names are public: rules, dashboards and docs hold on to them."""

from __future__ import annotations

import platform
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from django.conf import settings
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from jobs.domain import durations
from jobs.domain.failures import Outcome
from jobs.models import BackendHealth, CallTally
from jobs.models.backends import BREAKER_STATES, HEALTH_STATES, LIFECYCLES
from jobs.services import gpus
from jobs.services.figures import BackendFigures, Figures

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
TIMELESS = (str(Outcome.LOST),)  # nobody knows how long a call took whose worker died


def text(figures: Figures) -> bytes:
    """The answer to a scrape."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Site(figures))
    return generate_latest(registry)


class _Site(Collector):
    """What was read once, told once: nothing is counted in this process."""

    def __init__(self, figures: Figures) -> None:
        self._figures = figures

    def collect(self) -> Iterator[Metric]:
        yield from _site(self._figures)
        yield from _hosts(self._figures.backends)
        yield from _gpus(self._figures.backends)
        yield from _states(self._figures.backends)
        names = [host.backend.name for host in self._figures.backends]
        yield from _calls(self._figures.tallies, names)
        yield from _histograms(self._figures.tallies)


def _gauge(name: str, documentation: str, value: float) -> Metric:
    return GaugeMetricFamily(f"ocrsite_{name}", documentation, value=value)


def _by_label(name: str, documentation: str, label: str, values: dict[str, int]) -> Metric:
    family = GaugeMetricFamily(f"ocrsite_{name}", documentation, labels=[label])
    for word, value in sorted(values.items()):
        family.add_metric([word], value)
    return family


def _site(figures: Figures) -> Iterator[Metric]:
    build = GaugeMetricFamily("ocrsite_build_info", "What runs: always 1.", labels=["version", "python"])
    build.add_metric([settings.VERSION, platform.python_version()], 1)
    yield build
    yield _by_label("documents", "Documents by state.", "status", figures.documents)
    yield _by_label("pages", "Pages by state.", "status", figures.pages)
    yield _gauge("pages_to_review", "Pages whose text a person should look at.", figures.to_review)
    yield _gauge(
        "oldest_waiting_seconds",
        "How long the document that has waited longest for a host waits; 0 while none does.",
        figures.oldest_waiting_seconds,
    )
    if figures.clock_at is not None:
        yield _gauge(
            "clock_last_round_timestamp_seconds",
            "When a clock last began a round; missing while none leads.",
            figures.clock_at.timestamp(),
        )
    if figures.disk is not None:
        yield _gauge("disk_free_bytes", "Free for the data directory.", figures.disk.free_bytes)
        yield _gauge("disk_size_bytes", "Size of the data directory's file system.", figures.disk.size_bytes)


Reading = Callable[[BackendFigures], float | None]
HOSTS: tuple[tuple[str, str, Reading], ...] = (
    ("queue_depth", "Pages that wait for this backend, and what it reports waiting beyond ours.",
     lambda host: host.queue_depth),
    ("slots", "Pages that this backend takes at once.", lambda host: host.backend.slots),
    ("slots_ahead", "Pages that are sent beyond its slots, so that it never waits.",
     lambda host: host.backend.queue_ahead),
    ("slots_open", "Slots that may be filled now: none while it is out of use, few in a slow start.",
     lambda host: host.slots_open),
    ("slots_in_use", "Requests of ours that it has, those beyond its slots included.", lambda host: host.slots_in_use),
    ("host_requests_running", "Requests that the host itself says it works on.", lambda host: _health(host).running),
    ("host_requests_waiting", "Requests that the host itself says wait there.", lambda host: _health(host).waiting),
    ("host_kv_cache_usage_ratio", "How full the host's key-value cache is, 0 to 1.",
     lambda host: _health(host).kv_usage),
)  # fmt: skip


GPU: tuple[tuple[str, str, str], ...] = (
    ("gpu_memory_used_bytes", "memory_used_bytes", "Memory in use on its cards."),
    ("gpu_memory_total_bytes", "memory_total_bytes", "Memory of its cards."),
    ("gpu_utilization_ratio", "utilization", "How busy its cards are, 0 to 1, the mean of them."),
    ("gpu_power_watts", "power_watts", "What its cards draw."),
    ("gpu_temperature_celsius", "temperature_celsius", "Of its hottest card."),
)


def _health(host: BackendFigures) -> BackendHealth:
    return getattr(host.backend, "health", None) or BackendHealth()


def _hosts(backends: Sequence[BackendFigures]) -> Iterator[Metric]:
    for name, documentation, reading in HOSTS:
        family = GaugeMetricFamily(f"ocrsite_{name}", documentation, labels=["backend"])
        for host in backends:
            value = reading(host)
            if value is not None:
                family.add_metric([host.backend.name], value)
        yield family


def _gpus(backends: Sequence[BackendFigures]) -> Iterator[Metric]:
    """What hosts' GPU exporters told at the last probe; those that are not probed have nothing to tell."""
    probed = [host.backend for host in backends if host.backend.lifecycle in ("active", "draining")]
    told = {backend.name: gpus.of(backend) for backend in probed if backend.gpu_exporter_url}
    up = GaugeMetricFamily("ocrsite_gpu_exporter_up", "1 while its GPU exporter tells something.", labels=["backend"])
    for name, reading in told.items():
        up.add_metric([name], float(bool(reading) and not reading["problem"]))
    yield up
    for metric, field, documentation in GPU:
        family: Metric = GaugeMetricFamily(f"ocrsite_{metric}", documentation, labels=["backend"])
        _add_known(family, told, field)
        yield family
    energy = CounterMetricFamily("ocrsite_gpu_energy_joules", "What its cards have used.", labels=["backend"])
    _add_known(energy, told, "energy_joules")
    yield energy


def _add_known(family: Any, told: Mapping[str, Mapping[str, Any]], field: str) -> None:
    for name, reading in told.items():
        if field in reading:
            family.add_metric([name], reading[field])


def _states(backends: Sequence[BackendFigures]) -> Iterator[Metric]:
    """What a backend is: one series a word, 1 for the one that holds."""
    told: tuple[tuple[str, str, Sequence[str], Callable[[BackendFigures], str]], ...] = (
        ("backend_lifecycle", "What an administrator made of it.", LIFECYCLES, lambda host: host.backend.lifecycle),
        ("backend_state", "Its health.", HEALTH_STATES, lambda host: _health(host).state),
        ("breaker_state", "Its breaker.", BREAKER_STATES, lambda host: _health(host).breaker),
    )
    for name, documentation, words, holds in told:
        family = GaugeMetricFamily(
            f"ocrsite_{name}", f"{documentation} 1 for the state that holds, 0 for others.", labels=["backend", "state"]
        )
        for host in backends:
            for word in words:
                family.add_metric([host.backend.name, word], float(word == holds(host)))
        yield family


def _calls(tallies: Sequence[CallTally], names: Sequence[str]) -> Iterator[Metric]:
    """A backend's counters begin at 0, every outcome's: what first appears as 1 is no increase to Prometheus, and the
    first page that runs out of memory is the one to be told of."""
    attempts = CounterMetricFamily(
        "ocrsite_attempts", "Calls of pages that ended, by outcome.", labels=["backend", "outcome"]
    )
    tokens = CounterMetricFamily("ocrsite_tokens", "Tokens that hosts counted.", labels=["backend", "kind"])
    again = CounterMetricFamily(
        "ocrsite_quality_retries", "Pages read badly and sent to be read another way.", labels=["backend"]
    )
    counts = {(name, str(outcome)): 0 for name in names for outcome in Outcome}
    sums = {name: [0, 0, 0] for name in names}
    for tally in tallies:
        if tally.figure == "call":
            key = tally.backend, tally.outcome
            counts[key] = counts.get(key, 0) + tally.calls
            sums.setdefault(tally.backend, [0, 0, 0])
            for place, value in enumerate((tally.prompt_tokens, tally.completion_tokens, tally.tried_again)):
                sums[tally.backend][place] += value
    for (backend, outcome), count in counts.items():
        attempts.add_metric([backend, outcome], count)
    for backend, (prompt, completion, retried) in sums.items():
        tokens.add_metric([backend, "prompt"], prompt)
        tokens.add_metric([backend, "completion"], completion)
        again.add_metric([backend], retried)
    yield from (attempts, tokens, again)


def _histograms(tallies: Sequence[CallTally]) -> Iterator[Metric]:
    calls = [tally for tally in tallies if tally.figure == "call" and tally.outcome not in TIMELESS]
    waits = [tally for tally in tallies if tally.figure == "dispatch"]
    yield _histogram(
        "attempt_duration_seconds", "How long calls of pages took, by outcome.", ["backend", "outcome"], calls
    )
    yield _histogram(
        "dispatch_duration_seconds", "From a slot given to a page until a worker took it.", ["backend"], waits
    )


def _histogram(name: str, documentation: str, labels: list[str], tallies: Sequence[CallTally]) -> Metric:
    spans: dict[tuple[str, ...], dict[int, int]] = defaultdict(dict)
    seconds: dict[tuple[str, ...], float] = defaultdict(float)
    for tally in tallies:
        key = tuple(str(getattr(tally, label)) for label in labels)
        spans[key][tally.up_to_ms] = tally.calls
        seconds[key] += tally.seconds
    family = HistogramMetricFamily(f"ocrsite_{name}", documentation, labels=labels)
    for key, counts in spans.items():
        family.add_metric(list(key), durations.cumulative(counts), seconds[key])
    return family
