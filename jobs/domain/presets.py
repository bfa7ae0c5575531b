"""The operator's figures as shipped: two planned machines and two policies. Data to start from, all of it editable.

Source: the operator's comparison of an RTX 4090 and a DGX Spark. Where upstream says otherwise, `notes` say so.
"""

from __future__ import annotations

from typing import Any

LAUNCH: dict[str, Any] = {
    "model": "deepseek-ai/DeepSeek-OCR",
    "logits-processors": "vllm.model_executor.models.deepseek_ocr:NGramPerReqLogitsProcessor",
    "enable-prefix-caching": False,
    "mm-processor-cache-gb": 0,
}

BACKENDS: list[dict[str, Any]] = [
    {
        "name": "calypso",
        "base_url": "http://calypso:8000",
        "lifecycle": "planned",
        "kind": "gpu",
        "slots": 4,
        "queue_ahead": 1,
        "max_model_len": 4096,
        "default_dpi": 200,
        "max_dpi": 200,
        "hardware": {
            "gpu": "RTX 4090",
            "architecture": "Ada Lovelace",
            "cuda_cores": 16384,
            "memory_gib": 24,
            "memory": "24 GB GDDR6X",
            "memory_bandwidth_gb_s": 1008,
            "tdp_watts": 450,
            "compute_capability": "8.9",
        },
        "launch": {
            **LAUNCH,
            "gpu-memory-utilization": 0.90,
            "max-model-len": 4096,
            "max-num-batched-tokens": 2048,
            "max-num-seqs": 4,
            "container": "pytorch/pytorch:2.3.0-cuda12.1-cudnn8-runtime",
            "vllm": "0.6.4.post1",
            "cuda": "12.1",
            "pytorch": "2.3.0",
            "flash_attention": "v2 (Ada)",
            "in_k3s_cluster": "yes",
        },
        "expected": {
            "tokens_per_second": [800, 1200],
            "seconds_10_pages": [25, 40],
            "seconds_50_pages": [120, 240],
            "concurrent_requests": [2, 4],
            "highest_dpi": [150, 200],
            "model_gb_fp16": [18, 22],
            "model_gb_awq": [6, 8],
            "kv_cache_gb": [2, 2],
            "image_buffers": [1, 2],
            "left_for_inference_gb": [2, 6],
        },
        "costs": {"hardware": [0, 0], "power_month": 40, "maintenance": "low (consumer); replaceable"},
        "notes": (
            "Shipped as planned: enter its real address, then activate it. The vLLM noted (0.6.4.post1) cannot serve "
            "DeepSeek-OCR; the first that can is 0.11.1. Upstream puts the model at about 7 GB in BF16, not 18 to 22."
        ),
    },
    {
        "name": "spark",
        "base_url": "https://spark:8000",
        "lifecycle": "planned",
        "kind": "gpu",
        "slots": 16,
        "queue_ahead": 2,
        "max_model_len": 8192,
        "default_dpi": 200,
        "max_dpi": 300,
        "hardware": {
            "gpu": "DGX Spark",
            "architecture": "Grace Blackwell",
            "cuda_cores": 6144,
            "memory_gib": 128,
            "memory": "128 GB unified LPDDR5x",
            "memory_bandwidth_gb_s": 900,
            "tdp_watts": 500,
            "compute_capability": "10.0",
        },
        "launch": {
            **LAUNCH,
            "gpu-memory-utilization": 0.95,
            "max-model-len": 8192,
            "max-num-batched-tokens": 8192,
            "max-num-seqs": 16,
            "container": "nvcr.io/nvidia/pytorch:25.02-py3",
            "vllm": "0.11.0 nightly",
            "cuda": "12.8",
            "pytorch": "2.6 (NVIDIA build)",
            "flash_attention": "v2 (Blackwell)",
            "in_k3s_cluster": "planned",
        },
        "expected": {
            "tokens_per_second": [2500, 2500],
            "seconds_10_pages": [10, 15],
            "seconds_50_pages": [30, 60],
            "concurrent_requests": [16, 20],
            "highest_dpi": [300, 300],
            "model_gb_fp16": [18, 22],
            "kv_cache_gb": [10, 20],
            "image_buffers": [10, 10],
            "left_for_inference_gb": [106, 106],
        },
        "costs": {"hardware": [5000, 15000], "power_month": 45, "maintenance": "low (enterprise); vendor support"},
        "notes": (
            "Shipped as planned: enter its real address, then activate it. NVIDIA's own sheet says 273 GB/s and a "
            "240 W supply, and vLLM reports compute capability 12.1 on GB10."
        ),
    },
]

CPU_BACKEND: dict[str, Any] = {
    "name": "cpu",
    "model": "tesseract",
    "model_profile": "tesseract",
    "kind": "cpu",
    "lifecycle": "active",
    "queue_ahead": 0,
    "max_model_len": 32768,
    "default_dpi": 200,  # 300 took 10 to 40 % longer and gained nothing: docs/decisions/0002
    "max_dpi": 300,
    "hardware": {"gpu": "none"},
    "notes": "Built in: the tesseract command behind vLLM's API, so that a site without a GPU reads text too.",
}

_FAILOVER = {
    "max_attempts": 3,
    "oom_dpi": 150,
    "breaker_failures": 3,
    "breaker_seconds": 15,
    "breaker_max_seconds": 300,
    "quarantine_deaths": 2,
}
_QUALITY = {
    "enabled": True,
    "max_tries": 3,
    "text_layer_check": True,
    "rungs": ["ngram", "free_ocr", "temperature", "halves", "other_backend"],
}


def _rule(name: str, when: str, against: float | str | bool, backend: str, **more: Any) -> dict[str, Any]:
    key = "threshold" if isinstance(against, int | float) and not isinstance(against, bool) else "value"
    return {"name": name, "when": when, key: against, **more, "backend": backend, "enabled": more.pop("enabled", True)}


POLICIES: dict[str, dict[str, Any]] = {
    "hybrid": {
        "default_backend": "calypso",
        "fallback_order": ["calypso", "spark"],
        "spread": "overload",
        "cpu": "when_no_gpu",
        "rules": [
            _rule("Large document", "page_count_over", 20, "spark"),
            _rule("High priority", "priority_is", "high", "spark"),
            _rule("Default overloaded", "queue_depth_over", 5, "spark", release=2, hold_seconds=30),
            _rule("High volume", "documents_per_day_over", 1000, "spark", enabled=False),
            _rule("High resolution", "dpi_over", 200, "spark", enabled=False),
            _rule("Under an SLA", "sla_is", True, "spark", enabled=False),
        ],
        "failover": _FAILOVER,
        "quality": _QUALITY,
    },
    "decision_tree": {
        "default_backend": "calypso",
        "fallback_order": ["calypso", "spark"],
        "spread": "overload",
        "cpu": "when_no_gpu",
        "rules": [
            _rule("Development or testing", "purpose_is", "development", "calypso"),
            _rule("Small document", "page_count_under", 10, "calypso"),
            _rule("Low volume", "documents_per_day_under", 100, "calypso"),
            _rule("Many at once", "documents_in_progress_over", 5, "spark"),
            _rule("Large document", "page_count_over", 30, "spark"),
            _rule("Under an SLA", "sla_is", True, "spark"),
        ],
        "failover": _FAILOVER,
        "quality": _QUALITY,
    },
}
