"""What is known of the models served: how much resolution they can use, and what an image costs in tokens.

Sources: DeepSeek-OCR resamples every A4 page to 1280×1920, about 155×164 dpi, so more than 200 dpi is only weight on
the wire; its image takes at most 1,121 tokens (vLLM's own tile counts). Tesseract's authors recommend 300 dpi.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ModelProfile:
    """`useful_dpi`: beyond it nothing is gained. `grounded`: answers in tagged blocks with boxes.

    `steered`: its answer depends on prompt, temperature and n-gram window; what does not is the same when asked again.
    """

    name: str
    useful_dpi: int
    grounded: bool
    takes_language: bool
    steered: bool


PROFILES = {
    "deepseek-ocr": ModelProfile("deepseek-ocr", useful_dpi=200, grounded=True, takes_language=False, steered=True),
    "tesseract": ModelProfile("tesseract", useful_dpi=300, grounded=True, takes_language=True, steered=False),
}


def profile(name: str) -> ModelProfile:
    """The profile of that name. An unknown one is treated as DeepSeek-OCR's."""
    return PROFILES.get(name, PROFILES["deepseek-ocr"])


def usable_dpi(asked: int, *, max_dpi: int, model_profile: str) -> int:
    """The resolution a page is sent at: what was asked, capped by the backend and by what the model can use."""
    return min(asked, max_dpi, profile(model_profile).useful_dpi)
