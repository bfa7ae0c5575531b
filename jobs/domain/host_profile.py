"""What is known about a host's machine, how it is launched, what is expected of it and what it costs: which figures
there are, in which units, and how a range is written and read.

The figures themselves are data of each backend (its hardware, launch, expected and costs); `domain.presets` holds those
that ship. What is stored there beside these is kept as it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from jobs.domain import measured

Kind = Literal["text", "whole", "number", "range", "switch"]


@dataclass(frozen=True)
class Item:
    """One figure: where it is kept (`group`, `key`), its name, its kind and its unit."""

    group: str
    key: str
    label: str
    kind: Kind = "text"
    unit: str = ""

    @property
    def name(self) -> str:
        return f"{self.group}__{self.key}"


HARDWARE = (
    Item("hardware", "gpu", "GPU"),
    Item("hardware", "architecture", "Architecture"),
    Item("hardware", "cuda_cores", "CUDA cores", "whole"),
    Item("hardware", "memory", "Memory"),
    Item("hardware", "memory_gib", "Memory, as a number", "number", "GiB"),
    Item("hardware", "memory_bandwidth_gb_s", "Memory bandwidth", "number", "GB/s"),
    Item("hardware", "tdp_watts", "TDP", "number", "W"),
    Item("hardware", "compute_capability", "Compute capability"),
)
SOFTWARE = (
    Item("launch", "container", "Base container"),
    Item("launch", "vllm", "vLLM, as noted"),
    Item("launch", "cuda", "CUDA"),
    Item("launch", "pytorch", "PyTorch"),
    Item("launch", "flash_attention", "Flash Attention"),
    Item("launch", "in_k3s_cluster", "In the k3s cluster"),
)
FLAGS = (
    Item("launch", "gpu-memory-utilization", "gpu-memory-utilization", "number"),
    Item("launch", "max-model-len", "max-model-len", "whole", "tokens"),
    Item("launch", "max-num-batched-tokens", "max-num-batched-tokens", "whole", "tokens"),
    Item("launch", "max-num-seqs", "max-num-seqs", "whole"),
    Item("launch", "quantization", "quantization"),
    Item("launch", "model", "model"),
    Item("launch", "logits-processors", "logits-processors"),
    Item("launch", "enable-prefix-caching", "enable-prefix-caching", "switch"),
    Item("launch", "mm-processor-cache-gb", "mm-processor-cache-gb", "number", "GB"),
)
EXPECTED = (
    Item("expected", "tokens_per_second", "Tokens a second", "range", "tokens/s"),
    Item("expected", "seconds_10_pages", "A PDF of 10 pages", "range", "s"),
    Item("expected", "seconds_50_pages", "A PDF of 50 pages", "range", "s"),
    Item("expected", "concurrent_requests", "Requests at once", "range"),
    Item("expected", "highest_dpi", "Highest resolution", "range", "dpi"),
    Item("expected", "model_gb_fp16", "Model in FP16", "range", "GB"),
    Item("expected", "model_gb_awq", "Model in 4-bit AWQ", "range", "GB"),
    Item("expected", "kv_cache_gb", "KV cache", "range", "GB"),
    Item("expected", "image_buffers", "Image buffers", "range", "images"),
    Item("expected", "left_for_inference_gb", "Left for inference", "range", "GB"),
)
COSTS = (
    Item("costs", "hardware", "Hardware", "range", "$"),
    Item("costs", "power_month", "Power a month", "number", "$"),
    Item("costs", "maintenance_month", "Maintenance a month", "number", "$"),
    Item("costs", "maintenance", "Maintenance and parts"),
)
SECTIONS: Mapping[str, tuple[Item, ...]] = {
    "Hardware": HARDWARE,
    "Software": SOFTWARE,
    "Launch flags": FLAGS,
    "Expected": EXPECTED,
    "Costs": COSTS,
}
ITEMS = tuple(item for section in SECTIONS.values() for item in section)

_RANGE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(?:(?:-|–|—|to)\s*(\d+(?:\.\d+)?)\s*)?")
_SEPARATED = re.compile(r"(?<=\d),(?=\d{3}\b)")


def read_range(text: str) -> list[float]:
    """`25–40`, `25-40`, `25 to 40`, `5,000–15,000` or `4` as [least, most]. Raises ValueError, a sentence."""
    found = _RANGE.fullmatch(_SEPARATED.sub("", text))
    if not found or len(text) > 60:
        raise ValueError("Enter a number, or two with a dash between them, such as 25–40.")
    ends = sorted(_number(end) for end in (found[1], found[2] or found[1]))
    return [ends[0], ends[1]]


def _number(text: str) -> float:
    value = float(text)
    return int(value) if value.is_integer() else value


def write_range(value: Any) -> str:
    """[25, 40] as `25–40`, [4, 4] as `4`; empty where it is no range."""
    span = measured.span(value)
    if span is None:
        return ""
    low, high = (f"{end:,.10g}" for end in span)
    return low if low == high else f"{low}–{high}"
