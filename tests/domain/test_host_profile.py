"""How ranges are written and read, and what upstream says of a profile."""

from __future__ import annotations

from typing import Any

import pytest

from jobs.domain import host_profile, presets, upstream


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("25–40", [25, 40]),
        (" 25 - 40 ", [25, 40]),
        ("40 to 25", [25, 40]),
        ("4", [4, 4]),
        ("0.5-1.5", [0.5, 1.5]),
        ("5,000–15,000", [5000, 15000]),
    ],
)
def test_a_range_is_read(text: str, value: list[float]) -> None:
    assert host_profile.read_range(text) == value
    assert host_profile.read_range(host_profile.write_range(value)) == value


@pytest.mark.parametrize("text", ["", "fast", "1-2-3", "-5", "1e9", "25–", "9" * 61, "nan"])
def test_what_is_no_range_is_refused_in_words(text: str) -> None:
    with pytest.raises(ValueError, match="Enter a number"):
        host_profile.read_range(text)


def test_every_shipped_figure_has_a_place_in_the_profile() -> None:
    known = {(item.group, item.key) for item in host_profile.ITEMS}
    shipped = {
        (group, key)
        for backend in presets.BACKENDS
        for group in ("hardware", "launch", "expected", "costs")
        for key in backend[group]
    }
    assert shipped - known == set()


def shipped_notes(name: str, **served: Any) -> dict[str, str]:
    backend = next(backend for backend in presets.BACKENDS if backend["name"] == name)
    groups = (backend["hardware"], backend["launch"], backend["expected"])
    return upstream.notes(*groups, model_profile="deepseek-ocr", **served)


def test_upstream_is_told_where_it_says_otherwise() -> None:
    spark = shipped_notes("spark")
    assert "273 GB/s" in spark["hardware__memory_bandwidth_gb_s"]
    assert "240 W" in spark["hardware__tdp_watts"]
    assert "12.1" in spark["hardware__compute_capability"]
    assert "too old" in spark["launch__vllm"]
    assert "7 GB" in spark["expected__model_gb_fp16"]
    assert set(shipped_notes("calypso")) == {"launch__vllm", "expected__model_gb_fp16"}


def test_what_agrees_with_upstream_needs_no_note() -> None:
    right = {"gpu": "DGX Spark", "memory_bandwidth_gb_s": 273, "tdp_watts": 240, "compute_capability": "12.1"}
    found = upstream.notes(
        right,
        {"vllm": "0.20.2"},
        {"model_gb_fp16": [7, 7]},
        model_profile="deepseek-ocr",
        served_version="0.20.2+cu130",
    )
    assert found == {}


def test_what_the_host_says_itself_goes_before_what_is_known_of_its_version() -> None:
    found = shipped_notes("calypso", served_version="0.20.2", served_max_model_len=8192)
    assert found["launch__vllm"] == "The host itself says 0.20.2."
    assert found["launch__max-model-len"] == "The host itself says 8,192."
