"""The command that starts vLLM with DeepSeek-OCR on a GPU host, for each range of versions that differs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jobs.domain import presets

# Flags of a host's profile that tune vLLM itself; the others are the same everywhere, or describe its container.
TUNING = ("gpu-memory-utilization", "max-model-len", "max-num-batched-tokens", "max-num-seqs")


@dataclass(frozen=True)
class Version:
    """A range of vLLM's versions. `environment` stands before the command."""

    key: str
    name: str
    note: str
    environment: str = ""


VERSIONS = (
    Version("now", "0.17 to 0.30", "Recommended: it stops a page that repeats itself by its own means."),
    Version(
        "newest",
        "0.31 or newer",
        "The variable in front is needed: without it the engine refuses the n-gram processor and does not start.",
        "VLLM_USE_V2_MODEL_RUNNER=0",
    ),
    Version(
        "old",
        "0.11.1 to 0.16",
        "It cannot stop a page that repeats itself, so such a page runs to its length limit. Anything older "
        "cannot serve the model at all.",
    ),
)


@dataclass(frozen=True)
class Command:
    """One command, for one version on one machine."""

    version: Version
    machine: str
    text: str

    @property
    def id(self) -> str:
        return f"serve-{self.version.key}-{self.machine}"


def serve_command(version: Version, launch: Mapping[str, Any]) -> str:
    """The command line, broken where a shell allows it. `launch`: a backend's launch flags."""
    lines = [
        f"{version.environment} vllm serve deepseek-ai/DeepSeek-OCR".strip(),
        "--logits-processors vllm.model_executor.models.deepseek_ocr:NGramPerReqLogitsProcessor",
        "--no-enable-prefix-caching --mm-processor-cache-gb 0",
    ]
    tuned = [f"--{flag} {launch[flag]}" for flag in TUNING if flag in launch]
    lines += [" ".join(pair) for pair in (tuned[:2], tuned[2:]) if pair]
    return " \\\n  ".join(lines)


MACHINES = {one["name"]: one for one in presets.BACKENDS}
COMMANDS = {
    "versions": VERSIONS,
    "machines": [{"key": name, "gpu": one["hardware"]["gpu"]} for name, one in MACHINES.items()],
    "all": [Command(v, name, serve_command(v, one["launch"])) for v in VERSIONS for name, one in MACHINES.items()],
}
