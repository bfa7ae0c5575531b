"""Every benchmark by its name, in the order in which they run."""

from __future__ import annotations

from collections.abc import Callable

from bench import throughput
from bench.measurement import Measurement

BENCHES: dict[str, Callable[[bool], list[Measurement]]] = {
    "pipe_efficiency": throughput.pipe_efficiency,
    "pipe_render": throughput.pipe_render,
    "policy_share": throughput.policy_share,
    "unequal": throughput.unequal,
    "small_documents": throughput.small_documents,
    "naive": throughput.naive,
}
