"""A loop is ended by the host where its version can, and by us where it streams."""

from __future__ import annotations

import pytest

from jobs.domain import chat, repetition
from jobs.gateways import vllm
from tests import patience
from tests.gateways.vllm_calls import PATIENT, body, endpoint
from tests.vllm_simulator import Simulator


@pytest.fixture
def old_host():
    """vLLM before 0.17: it knows no repetition_detection, and goes on to the length limit."""
    with Simulator.start(version="0.11.2", slots=1) as simulator:
        yield simulator


def test_a_streamed_loop_is_ended_by_us_and_what_had_come_is_kept(old_host):
    old_host.set_fault("looping", seconds=0)
    reply = vllm.complete(endpoint(old_host), body(stream=True), PATIENT, loops=repetition.Watch().feed)
    assert reply.finish_reason == "repetition"
    assert "quick brown fox" in reply.text
    whole = vllm.complete(endpoint(old_host), body(), PATIENT)
    assert whole.finish_reason == "length"
    assert len(reply.text) < len(whole.text)
    assert whole.text.startswith(reply.text)


def test_the_host_gets_its_slot_back_though_it_had_much_more_to_say(old_host):
    old_host.configure(service_seconds=20.0)
    loop = "the same line again\n"
    watch = repetition.Watch()
    for _ in range(60):
        watch.feed(loop)
    assert watch.feed("")  # it has seen enough already: the first piece ends the call
    reply = vllm.complete(endpoint(old_host), body(stream=True), PATIENT, loops=watch.feed)
    assert reply.finish_reason == "repetition"
    patience.until(lambda: old_host.state()["running"] == 0)
    assert old_host.calls[0].outcome == "abort"


def test_a_stream_that_does_not_loop_goes_on_to_its_end(old_host):
    reply = vllm.complete(endpoint(old_host), body(stream=True), PATIENT, loops=repetition.Watch().feed)
    assert (reply.finish_reason, reply.prompt_tokens) == ("stop", 913)


@pytest.mark.parametrize(
    ("version", "can"),
    [
        ("0.16.0", False),
        ("0.17.0", True),
        ("0.20.2", True),
        ("v0.31.0+cu130", True),
        ("1.0", True),
        ("0.9.2rc1", False),
        ("", None),
        ("dev", None),
    ],
)
def test_which_versions_end_loops_themselves(version, can):
    assert chat.detects_repetition(version) is can
