"""The benchmarks' names, in the order in which they run: what is asked for can be checked before Django is set up."""

NAMES = (
    "pipe_efficiency",
    "pipe_render",
    "policy_share",
    "unequal",
    "small_documents",
    "naive",
)
