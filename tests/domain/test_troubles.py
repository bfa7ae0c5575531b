"""Each trouble is found under its sign and not without; what to run names the host's own container."""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import Any

import pytest

from jobs.domain import troubles
from jobs.domain.launching import Profile
from jobs.domain.troubles import Observed

CALYPSO = Profile("calypso", base_url="http://calypso:8000", slots=4, max_model_len=4096)
SPARK = replace(CALYPSO, name="spark", launch={"container": "nvcr.io/nvidia/pytorch:25.02-py3"})
WELL = Observed(
    CALYPSO, version="0.20.2", served_max_model_len=4096, processor=True, pages=500, quality_retries=3,
    tokens_per_second=900, at_once=3.5, expected=800,
)  # fmt: skip
SLOW: dict[str, Any] = {"tokens_per_second": 200}


def keys(**changes: Any) -> list[str]:
    return [trouble.key for trouble in troubles.found(replace(WELL, **changes))]


def test_a_host_that_is_well_has_none() -> None:
    assert keys() == []
    assert troubles.found(Observed(CALYPSO)) == [], "nor one of which nothing is known"


@pytest.mark.parametrize(
    ("changes", "found", "words"),
    [
        ({"state": "down", "reason": "It refused."}, ["down"], "It is down. It refused."),
        ({"state": "hung", "reason": "It stands still."}, ["hung"], "It hangs. It stands still."),
        ({"state": "misconfigured", "reason": "Wrong key."}, ["misconfigured"], "Wrong key."),
        ({"version": "0.11.0"}, ["too_old"], "the first that can is 0.11.1"),
        ({"version": "0.31.0", "processor": False}, ["no_switch"], "vLLM 0.31.0 without"),
        ({"processor": False}, ["no_processor"], "without the n-gram processor"),
        ({"out_of_memory": 1}, ["out_of_memory"], "ran out of memory once in the last day"),
        ({"out_of_memory": 3}, ["out_of_memory"], "3 times"),
        (SLOW, ["slow"], "200 tokens a second; at least 800 are expected"),
        (SLOW | {"profile": SPARK}, ["slow", "pytorch"], "200 tokens a second"),
        ({"served_max_model_len": 8192}, ["context"], "8,192 tokens; its profile says 4,096"),
        ({"quality_retries": 50}, ["loops"], "50 readings of 500 pages"),
    ],
)
def test_each_is_found_under_its_sign(changes: dict[str, Any], found: list[str], words: str) -> None:
    assert keys(**changes) == found
    assert words in troubles.found(replace(WELL, **changes))[0].sign


@pytest.mark.parametrize(
    "changes",
    [
        {"state": "slow_start"},
        {"version": "0.31.0"},
        {"version": ""},
        {"processor": None},
        SLOW | {"at_once": 1.5},
        SLOW | {"expected": None},
        {"tokens_per_second": 600},
        {"tokens_per_second": None},
        {"profile": SPARK},
        {"served_max_model_len": None},
        {"quality_retries": 49},
        {"pages": 19, "quality_retries": 19},
    ],
)
def test_none_is_found_beside_it(changes: dict[str, Any]) -> None:
    assert keys(**changes) == []


def test_every_row_is_tried_here_and_says_what_to_do() -> None:
    everything: list[dict[str, Any]] = [
        {"state": "down"}, {"state": "hung"}, {"state": "misconfigured"}, {"version": "0.6.4.post1"},
        {"version": "0.33.0", "processor": False}, {"processor": False}, {"out_of_memory": 2},
        SLOW | {"profile": SPARK}, {"served_max_model_len": 2048}, {"quality_retries": 400},
    ]  # fmt: skip
    found = [trouble for changes in everything for trouble in troubles.found(replace(WELL, **changes))]
    assert {trouble.key for trouble in found} == {row.key for row in troubles.TABLE}
    for trouble in found:
        assert trouble.todo and trouble.prints
        assert "vllm-calypso" in trouble.command or "vllm-spark" in trouble.command or "calypso:8000" in trouble.command
        assert "{" not in trouble.command.replace("{{json .Args}}", "")


def test_a_hostile_address_stays_one_word_of_the_command() -> None:
    profile = replace(CALYPSO, base_url="http://x'; $(id) {container}")
    (trouble,) = troubles.found(replace(WELL, profile=profile, state="misconfigured"))
    assert shlex.split(trouble.command)[-1] == "http://x'; $(id) {container}/v1/models"
