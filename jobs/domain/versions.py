"""What a vLLM version means for the model it serves. Source: the sources of 15 releases, and their release notes."""

from __future__ import annotations

import re

_NUMBERS = re.compile(r"(\d+)\.(\d+)(?:\.(\d+))?")

FIRST_WITH_DEEPSEEK_OCR = (0, 11, 1)  # the first to register DeepseekOCRForCausalLM
FIRST_WITH_V2_RUNNER = (0, 31, 0)  # from here the n-gram processor needs a switch (vLLM's pull request 56497)
SWITCH = "VLLM_USE_V2_MODEL_RUNNER=0"


def parse(version: str) -> tuple[int, int, int] | None:
    """ "0.20.2", "v0.11.1rc2", "0.17.0+cu130" as numbers; None where there are none."""
    found = _NUMBERS.search(version)
    return (int(found[1]), int(found[2]), int(found[3] or 0)) if found else None


def too_old(version: str, model_profile: str) -> str:
    """Why this version cannot serve the model, as a sentence; empty when it can, or when nothing is known of it."""
    numbers = parse(version)
    if model_profile != "deepseek-ocr" or numbers is None or numbers >= FIRST_WITH_DEEPSEEK_OCR:
        return ""
    return f"vLLM {version} is too old to serve DeepSeek-OCR: the first that can is 0.11.1."


def without_processor(version: str) -> str:
    """What to say of a host that serves DeepSeek-OCR without its n-gram processor."""
    words = "The n-gram processor is not loaded: pages may end in loops. Start vLLM with --logits-processors."
    numbers = parse(version)
    if numbers is not None and numbers >= FIRST_WITH_V2_RUNNER:
        words += f" From vLLM 0.31 that needs {SWITCH} in its environment as well."
    return words
