"""vLLM's versions: which cannot serve the model, and which need a switch."""

import pytest

from jobs.domain import versions


@pytest.mark.parametrize(
    ("version", "numbers"),
    [
        ("0.20.2", (0, 20, 2)),
        ("v0.11.1rc2", (0, 11, 1)),
        ("0.17.0+cu130", (0, 17, 0)),
        ("0.32", (0, 32, 0)),
        ("nightly", None),
        ("", None),
    ],
)
def test_numbers_are_read_from_what_servers_say(version, numbers):
    assert versions.parse(version) == numbers


@pytest.mark.parametrize(
    ("version", "profile", "old"),
    [
        ("0.6.4.post1", "deepseek-ocr", True),
        ("0.11.0", "deepseek-ocr", True),
        ("0.11.1", "deepseek-ocr", False),
        ("0.32.0", "deepseek-ocr", False),
        ("", "deepseek-ocr", False),
        ("0.1.0", "tesseract", False),
    ],
)
def test_versions_before_the_model_was_known_are_too_old(version, profile, old):
    assert bool(versions.too_old(version, profile)) is old


def test_the_second_model_came_later():
    assert "DeepSeek-OCR-2: the first that can is 0.16.0." in versions.too_old(
        "0.15.1", "deepseek-ocr", "x/DeepSeek-OCR-2"
    )
    assert not versions.too_old("0.16.0", "deepseek-ocr", "x/DeepSeek-OCR-2")
    assert not versions.too_old(versions.RECOMMENDED, "deepseek-ocr", "x/DeepSeek-OCR-2")


def test_the_switch_is_named_only_where_it_is_needed():
    assert versions.SWITCH not in versions.without_processor("0.30.0")
    assert versions.SWITCH in versions.without_processor("0.31.0")
    assert versions.SWITCH not in versions.without_processor("")
