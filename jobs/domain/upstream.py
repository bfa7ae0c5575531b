"""Where a host's profile says one thing and upstream another. Nothing is corrected: it is told beside the figure.

Sources: NVIDIA's data sheet of the DGX Spark; the compute capability that vLLM reports on a GB10; the sources of vLLM's
releases; the model recipe of vLLM, which asks for 7 GB for some 3.3 billion parameters in BF16.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from jobs.domain import measured, versions

# (words in the GPU's name, figure, what upstream says, the sentence)
_HARDWARE: tuple[tuple[str, str, object, str], ...] = (
    ("dgx spark", "memory_bandwidth_gb_s", 273, "NVIDIA’s own sheet says 273 GB/s."),
    ("dgx spark", "tdp_watts", 240, "NVIDIA’s own sheet says a supply of 240 W."),
    ("dgx spark", "compute_capability", "12.1", "vLLM reports 12.1 on a GB10."),
)
MODEL_GB = 7.0
_ROUGHLY = 1.25  # a figure this much larger is not the same one rounded


def notes(
    hardware: Mapping[str, Any],
    launch: Mapping[str, Any],
    expected: Mapping[str, Any],
    *,
    model_profile: str,
    served_version: str = "",
    served_max_model_len: int | None = None,
) -> dict[str, str]:
    """By the item's name (`group__key`) what upstream, or the host itself, says otherwise."""
    return dict(
        [
            *_of_hardware(hardware),
            *_of_version(launch, model_profile, served_version),
            *_of_context(launch, served_max_model_len),
            *_of_model(expected, model_profile),
        ]
    )


def _of_hardware(hardware: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    gpu = str(hardware.get("gpu", "")).lower()
    for words, key, says, sentence in _HARDWARE:
        if words in gpu and hardware.get(key) not in (None, "", says):
            yield f"hardware__{key}", sentence


def _of_version(launch: Mapping[str, Any], model_profile: str, served: str) -> Iterator[tuple[str, str]]:
    noted = str(launch.get("vllm") or "")
    if served and noted and versions.parse(served) != versions.parse(noted):
        yield "launch__vllm", f"The host itself says {served}."
    elif too_old := versions.too_old(noted, model_profile):
        yield "launch__vllm", too_old


def _of_context(launch: Mapping[str, Any], served: int | None) -> Iterator[tuple[str, str]]:
    if served and launch.get("max-model-len") not in (None, "", served):
        yield "launch__max-model-len", f"The host itself says {served:,}."


def _of_model(expected: Mapping[str, Any], model_profile: str) -> Iterator[tuple[str, str]]:
    entered = measured.span(expected.get("model_gb_fp16"))
    if model_profile == "deepseek-ocr" and entered and entered[0] > MODEL_GB * _ROUGHLY:
        yield "expected__model_gb_fp16", f"Upstream: about {MODEL_GB:g} GB in BF16."
