"""What to do about a host's trouble: a table of signs that were observed, each with the way out.

Sources: the operator's own notes of what goes wrong on each machine, and vLLM's known problems, read in its sources. A
row says nothing while its sign is not there.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from jobs.domain import launching, versions
from jobs.domain.launching import Profile

SLOW_SHARE = 0.7  # of the least that is expected: a figure this near to it is not far under
LOOP_SHARE = 0.1  # upstream reports 9 % on the worst material
FEWEST_PAGES = 20  # of fewer no share says anything
_PROCESSOR_ARGUMENTS = "docker inspect --format '{{{{json .Args}}}}' {container}"


@dataclass(frozen=True)
class Observed:
    """What was seen of a host: its health now, and what it did in the last day. `expected` is the least of its expected
    tokens a second; `at_once`: calls under way while it was busy, on the mean. None and empty: not known."""

    profile: Profile
    state: str = "up"
    reason: str = ""
    version: str = ""
    served_max_model_len: int | None = None
    processor: bool | None = None
    out_of_memory: int = 0
    pages: int = 0
    quality_retries: int = 0
    tokens_per_second: float | None = None
    at_once: float | None = None
    expected: float | None = None

    @property
    def is_slow(self) -> bool:
        """Far under what is expected, though at least half its slots were in use: an idle host is not slow."""
        if not self.expected or self.tokens_per_second is None or (self.at_once or 0) < self.profile.slots / 2:
            return False
        return self.tokens_per_second < SLOW_SHARE * self.expected


@dataclass(frozen=True)
class Trouble:
    """`title`: a few words. `sign`: what was observed. `todo`: what to do, in the order to try it. `command` is run on
    the host, and `prints` what it should print there."""

    key: str
    title: str
    sign: str
    todo: Sequence[str]
    command: str
    prints: str


@dataclass(frozen=True)
class Row:
    """`sign` answers a sentence where it is there, else nothing. `command` knows {container} and {address}."""

    key: str
    title: str
    sign: Callable[[Observed], str]
    todo: Sequence[str]
    command: str
    prints: str


def found(observed: Observed) -> list[Trouble]:
    """Every trouble whose sign is there, the worst first."""
    container = launching.container_name(observed.profile.name)
    address = shlex.quote(launching.one_line(observed.profile.base_url) + "/v1/models")
    return [
        Trouble(
            row.key, row.title, sign, row.todo, row.command.format(container=container, address=address), row.prints
        )
        for row in TABLE
        if (sign := row.sign(observed))
    ]


def _down(seen: Observed) -> str:
    return f"It is down. {seen.reason}".strip() if seen.state == "down" else ""


def _hung(seen: Observed) -> str:
    return f"It hangs. {seen.reason}".strip() if seen.state == "hung" else ""


def _misconfigured(seen: Observed) -> str:
    return f"It is not set up rightly. {seen.reason}".strip() if seen.state == "misconfigured" else ""


def _too_old(seen: Observed) -> str:
    return versions.too_old(seen.version, seen.profile.model_profile, launching.model(seen.profile))


def _no_switch(seen: Observed) -> str:
    wrong = seen.processor is False and versions.needs_switch(seen.version)
    return f"It runs vLLM {seen.version} without the n-gram processor." if wrong else ""


def _no_processor(seen: Observed) -> str:
    wrong = seen.processor is False and not versions.needs_switch(seen.version)
    return "It runs without the n-gram processor: pages may end in loops." if wrong else ""


def _out_of_memory(seen: Observed) -> str:
    times = "once" if seen.out_of_memory == 1 else f"{seen.out_of_memory:,} times"
    return f"It ran out of memory {times} in the last day." if seen.out_of_memory else ""


def _slow(seen: Observed) -> str:
    if not seen.is_slow:
        return ""
    return f"It writes {seen.tokens_per_second:,.0f} tokens a second; at least {seen.expected:,.0f} are expected."


def _slow_on_nvidias_build(seen: Observed) -> str:
    on_it = seen.profile.flag("container").startswith("nvcr.io/nvidia/")
    return "It is slow, and its PyTorch should be NVIDIA’s own build." if on_it and seen.is_slow else ""


def _context(seen: Observed) -> str:
    served, profile = seen.served_max_model_len, seen.profile.max_model_len
    if not served or served == profile:
        return ""
    return f"It serves a context of {served:,} tokens; its profile says {profile:,}."


def _loops(seen: Observed) -> str:
    if seen.pages < FEWEST_PAGES or seen.quality_retries < LOOP_SHARE * seen.pages:
        return ""
    return f"{seen.quality_retries:,} readings of {seen.pages:,} pages in the last day were bad and were tried again."


TABLE = (
    Row(
        "down",
        "down",
        _down,
        (
            "See why it ended. “Free memory on device … is less than desired”: a lower gpu-memory-utilization.",
            f"“… is not a subclass of … LogitsProcessor”: {versions.SWITCH} is missing.",
            "Have it restarted always: it ends with exit code 0 when its engine dies. A start takes minutes.",
        ),
        "docker logs --tail 50 {container}",
        "“Application startup complete.” as the last lines of a server that runs.",
    ),
    Row(
        "hung",
        "hung",
        _hung,
        ("Restart it. Its pages went to other hosts, or wait.", "Where it comes again, take a newer vLLM."),
        "docker restart {container}",
        "The container’s name. Then the site tests it before it sends pages.",
    ),
    Row(
        "misconfigured",
        "not set up rightly",
        _misconfigured,
        (
            "Compare key, model name and address with what it was started with: Edit, above.",
            "Then press Check now on the Backends screen.",
        ),
        'curl -H "Authorization: Bearer $VLLM_API_KEY" {address}',
        "A list with the model’s name as it stands in the profile.",
    ),
    Row(
        "too_old",
        "vLLM too old",
        _too_old,
        (f"Launch it with a newer version, such as {versions.RECOMMENDED}: the texts stand below.",),
        "docker exec {container} vllm --version",
        f"{versions.RECOMMENDED}, or another that serves the model.",
    ),
    Row(
        "no_switch",
        "n-gram processor missing",
        _no_switch,
        (f"Set {versions.SWITCH} in its environment and start it with --logits-processors: the texts stand below.",),
        "docker exec {container} printenv VLLM_USE_V2_MODEL_RUNNER",
        "0",
    ),
    Row(
        "no_processor",
        "n-gram processor missing",
        _no_processor,
        ("Start it with --logits-processors, with a colon before the class: the texts stand below.",),
        _PROCESSOR_ARGUMENTS,
        f"--logits-processors and {launching.PROCESSOR} among the arguments.",
    ),
    Row(
        "out_of_memory",
        "out of memory",
        _out_of_memory,
        (
            "See whether anything else uses the card: the model itself needs about 7 GB.",
            "Set its highest resolution to 150 dpi: Edit, above.",
            "Start it with max-model-len 2048, though dense pages are then cut off, or with --quantization awq.",
            "Name another host in the fallback order: pages that run out of memory go there.",
        ),
        "docker exec {container} nvidia-smi",
        "Memory in use below the card’s, and no process but vLLM’s.",
    ),
    Row(
        "slow",
        "slow",
        _slow,
        ("See whether it uses Flash Attention; without it, launch it with an image that has it.",),
        'docker logs {container} 2>&1 | grep -i "flash attention"',
        "“Using Flash Attention v2”, or a newer one.",
    ),
    Row(
        "pytorch",
        "another PyTorch",
        _slow_on_nvidias_build,
        (
            "Where it is PyPI’s, something installed it over NVIDIA’s: build the image anew from the Dockerfile below.",
            "It installs what vLLM needs without torch, then vLLM with --no-deps.",
        ),
        'docker exec -it {container} python -c "import torch; print(torch.__version__)"',
        "NVIDIA’s own build, such as 2.8.0a0+…nv25.05, not PyPI’s, such as 2.8.0+cpu.",
    ),
    Row(
        "context",
        "another context length",
        _context,
        ("Enter what it serves in its profile, or start it with the profile’s --max-model-len.",),
        'docker logs {container} 2>&1 | grep -i "max model len"',
        "“Using max model len” with the number of the profile.",
    ),
    Row(
        "loops",
        "pages read badly",
        _loops,
        (
            "See that the n-gram processor is loaded: Check now tells.",
            "Take vLLM 0.17 or newer, which stops a page that repeats itself.",
            "Dense tables and old newspapers loop most: another way to read them is chosen page by page.",
        ),
        _PROCESSOR_ARGUMENTS,
        f"--logits-processors and {launching.PROCESSOR} among the arguments.",
    ),
)
