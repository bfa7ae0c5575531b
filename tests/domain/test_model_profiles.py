"""The resolution a page is sent at, and the words for it."""

from __future__ import annotations

import pytest

from jobs.domain import model_profiles


@pytest.mark.parametrize(
    ("asked", "max_dpi", "profile", "dpi", "words"),
    [
        (None, 200, "deepseek-ocr", 144, ""),
        (150, 200, "deepseek-ocr", 150, ""),
        (300, 200, "deepseek-ocr", 200, "300 dpi asked for; calypso takes 200"),
        (300, 150, "deepseek-ocr", 150, "300 dpi asked for; calypso takes 150"),
        (300, 300, "deepseek-ocr", 200, "300 dpi asked for; DeepSeek-OCR gains nothing beyond 200"),
        (300, 300, "tesseract", 300, ""),
        (600, 600, "tesseract", 300, "600 dpi asked for; tesseract gains nothing beyond 300"),
        (300, 300, "unheard-of", 200, "300 dpi asked for; DeepSeek-OCR gains nothing beyond 200"),
    ],
)
def test_what_is_asked_is_capped_by_the_backend_and_by_the_model(asked, max_dpi, profile, dpi, words):
    found = model_profiles.resolution(asked, backend="calypso", default_dpi=144, max_dpi=max_dpi, model_profile=profile)
    assert (found.dpi, found.words) == (dpi, words)


def test_a_backends_own_resolution_is_capped_without_words():
    found = model_profiles.resolution(
        None, backend="calypso", default_dpi=600, max_dpi=300, model_profile="deepseek-ocr"
    )
    assert (found.dpi, found.words) == (200, "")


def test_the_hint_says_what_each_model_can_use():
    assert model_profiles.hint() == "DeepSeek-OCR gains nothing beyond about 200 dpi; tesseract likes 300."
