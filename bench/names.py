"""The benchmarks' names and their modules, in the order in which they run: what is asked for can be checked before
Django is set up."""

from collections.abc import Iterable

NAMES = {
    "pipe_efficiency": "drawn",
    "naive": "drawn",
    "router_peer": "drawn",
    "unequal": "drawn",
    "pipe_render": "throughput",
    "policy_share": "throughput",
    "small_documents": "throughput",
    "failover": "failing",
    "cpu_per_page": "cost",
    "linear": "cost",
    "idle": "cost",
    "render_cost": "cost",
    "big_document": "cost",
    "first_page": "latency",
    "urgent": "latency",
    "watch": "screens",
    "watchers": "screens",
    "upload": "screens",
    "search": "search",
}

# Whichever of these are asked for are told of one run of the site.
ONE_RUN = ("pipe_efficiency", "naive", "router_peer")


def runs(names: Iterable[str]) -> list[list[str]]:
    """`names` as they are measured: each by itself, but those that share a run together, where the first stands."""
    kept = list(dict.fromkeys(names))
    shared = [name for name in kept if name in ONE_RUN]
    return [shared if name in ONE_RUN else [name] for name in kept if name not in shared[1:]]
