"""The benchmarks' names and their modules, in the order in which they run: what is asked for can be checked before
Django is set up."""

NAMES = {
    "pipe_efficiency": "throughput",
    "pipe_render": "throughput",
    "policy_share": "throughput",
    "unequal": "throughput",
    "small_documents": "throughput",
    "naive": "throughput",
    "router_peer": "peers",
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
