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
    title: str
    useful_dpi: int
    grounded: bool
    takes_language: bool
    steered: bool


PROFILES = {
    "deepseek-ocr": ModelProfile(
        "deepseek-ocr", "DeepSeek-OCR", useful_dpi=200, grounded=True, takes_language=False, steered=True
    ),
    "tesseract": ModelProfile(
        "tesseract", "tesseract", useful_dpi=300, grounded=True, takes_language=True, steered=False
    ),
}


def profile(name: str) -> ModelProfile:
    """The profile of that name. An unknown one is treated as DeepSeek-OCR's."""
    return PROFILES.get(name, PROFILES["deepseek-ocr"])


@dataclass(frozen=True)
class Resolution:
    """What a page is sent at, and why it is not what was asked for: "300 dpi asked for; calypso takes 200"."""

    dpi: int
    words: str = ""


def resolution(asked: int | None, *, backend: str, default_dpi: int, max_dpi: int, model_profile: str) -> Resolution:
    """The resolution a page is sent at: what was asked, or else the backend's own, capped by the backend and by what
    its model can use."""
    known = profile(model_profile)
    wanted = asked or default_dpi
    dpi = min(wanted, max_dpi, known.useful_dpi)
    if asked is None or dpi == wanted:
        return Resolution(dpi)
    if max_dpi <= known.useful_dpi:
        return Resolution(dpi, f"{asked} dpi asked for; {backend} takes {dpi}")
    return Resolution(dpi, f"{asked} dpi asked for; {known.title} gains nothing beyond {dpi}")


def hint() -> str:
    """What a person who chooses a resolution should know."""
    ocr, cpu = PROFILES["deepseek-ocr"], PROFILES["tesseract"]
    return f"{ocr.title} gains nothing beyond about {ocr.useful_dpi} dpi; {cpu.title} likes {cpu.useful_dpi}."
