"""What a vLLM version means for the model it serves. Source: the sources of 15 releases, and their release notes."""

from __future__ import annotations

import re

_NUMBERS = re.compile(r"(\d+)\.(\d+)(?:\.(\d+))?")

FIRST_WITH_DEEPSEEK_OCR = (0, 11, 1)  # the first to register DeepseekOCRForCausalLM
FIRST_WITH_DEEPSEEK_OCR_2 = (0, 16, 0)  # the first to register DeepseekOCR2ForCausalLM
FIRST_WITH_REPETITION_DETECTION = (0, 17, 0)  # before, a loop ends at the length limit alone
FIRST_WITH_V2_RUNNER = (0, 31, 0)  # from here the n-gram processor needs a switch (vLLM's pull request 56497)
SWITCH = "VLLM_USE_V2_MODEL_RUNNER=0"
RECOMMENDED = "0.20.2"  # knows both models, detects repetition itself, and needs no switch


def parse(version: str) -> tuple[int, int, int] | None:
    """ "0.20.2", "v0.11.1rc2", "0.17.0+cu130" as numbers; None where there are none."""
    found = _NUMBERS.search(version)
    return (int(found[1]), int(found[2]), int(found[3] or 0)) if found else None


def too_old(version: str, model_profile: str, model: str = "") -> str:
    """Why this version cannot serve the model, as a sentence; empty when it can, or when nothing is known of it."""
    numbers = parse(version)
    second = "deepseek-ocr-2" in model.lower()
    first = FIRST_WITH_DEEPSEEK_OCR_2 if second else FIRST_WITH_DEEPSEEK_OCR
    if model_profile != "deepseek-ocr" or numbers is None or numbers >= first:
        return ""
    named = "DeepSeek-OCR-2" if second else "DeepSeek-OCR"
    return f"vLLM {version} is too old to serve {named}: the first that can is {'.'.join(map(str, first))}."


def needs_switch(version: str) -> bool:
    """Whether the engine refuses the n-gram processor without SWITCH in its environment."""
    numbers = parse(version)
    return numbers is not None and numbers >= FIRST_WITH_V2_RUNNER


def without_processor(version: str) -> str:
    """What to say of a host that serves DeepSeek-OCR without its n-gram processor."""
    words = "The n-gram processor is not loaded: pages may end in loops. Start vLLM with --logits-processors."
    if needs_switch(version):
        words += f" From vLLM 0.31 that needs {SWITCH} in its environment as well."
    return words
