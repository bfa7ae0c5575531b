"""A host that runs otherwise than its profile says, flag by flag."""

from __future__ import annotations

from typing import Any

import pytest

from jobs.domain import drift
from jobs.domain.drift import Line, Seen
from jobs.domain.launching import Profile

FLAGS = {
    "vllm": "0.20.2",
    "max-model-len": 4096,
    "gpu-memory-utilization": 0.9,
    "enable-prefix-caching": False,
    "model": "deepseek-ai/DeepSeek-OCR",
}
TOLD = {"model": "deepseek-ai/DeepSeek-OCR", "gpu-memory-utilization": 0.9, "enable-prefix-caching": False}
AS_ENTERED = Seen(version="0.20.2", max_model_len=4096, processor=True, launch=TOLD)


def lines(seen: Seen, **flags: Any) -> dict[str, Line]:
    found = drift.compared(Profile("calypso", launch=FLAGS | flags), seen)
    return {line.name: line for line in found}


def test_a_host_that_runs_as_entered_does_not_differ() -> None:
    found = lines(AS_ENTERED)
    assert set(found) == {
        "vLLM", "max-model-len", "model", "gpu-memory-utilization", "prefix caching", "n-gram processor",
    }  # fmt: skip
    assert not [line for line in found.values() if line.differs]
    assert drift.sentence(list(found.values())) == ""


@pytest.mark.parametrize(
    ("seen", "name", "says"),
    [
        (Seen(version="0.31.0"), "vLLM", "vLLM 0.31.0, not 0.20.2"),
        (Seen(max_model_len=8192), "max-model-len", "max-model-len 8192, not 4096"),
        (Seen(launch={"model": "other/model"}), "model", "model other/model, not deepseek-ai/DeepSeek-OCR"),
        (Seen(launch={"gpu-memory-utilization": 0.92}), "gpu-memory-utilization", "0.92, not 0.9"),
        (Seen(launch={"enable-prefix-caching": True}), "prefix caching", "prefix caching on, not off"),
        (Seen(processor=False), "n-gram processor", "n-gram processor missing, not loaded"),
    ],
)
def test_each_difference_is_told_alone(seen: Seen, name: str, says: str) -> None:
    found = lines(seen)
    assert [line.name for line in found.values() if line.differs] == [name]
    assert says in drift.sentence(list(found.values()))


@pytest.mark.parametrize(
    ("seen", "flags"),
    [
        (Seen(), {}),
        (Seen(version="v0.20.2+cu130"), {}),
        (Seen(launch={"model": "/models/ocr"}), {}),
        (Seen(launch={"gpu-memory-utilization": 0.9001}), {}),
        (Seen(launch={"gpu-memory-utilization": 0.5}), {"gpu-memory-utilization": ""}),
        (Seen(launch={"gpu-memory-utilization": {"x": 1}, "enable-prefix-caching": "yes", "model": 3}), {}),
        (Seen(launch={"enable-prefix-caching": True}), {"enable-prefix-caching": None}),
        (Seen(version="0.31.0"), {"vllm": ""}),
    ],
)
def test_what_is_not_told_or_not_entered_does_not_differ(seen: Seen, flags: dict[str, Any]) -> None:
    assert not [line for line in lines(seen, **flags).values() if line.differs]


def test_without_a_flag_the_hosts_own_context_length_is_compared() -> None:
    (line,) = drift.compared(Profile("x", max_model_len=8192), Seen(max_model_len=4096))
    assert line.differs
