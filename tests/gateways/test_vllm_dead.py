"""Is a host's engine surely gone?"""

from __future__ import annotations

import pytest

from jobs.gateways import vllm
from tests.gateways.vllm_calls import endpoint
from tests.vllm_simulator import Simulator


@pytest.fixture
def host():
    with Simulator.start() as simulator:
        yield simulator


def dead(host, seconds=2.0):
    return vllm.is_dead(endpoint(host), seconds)


def test_a_well_host_is_not(host):
    assert not dead(host)


def test_one_whose_health_says_so_is(host):
    host.set_fault("status", status=503, body="", path="/health")
    assert dead(host)


def test_one_that_nobody_listens_at_is(host):
    dead(host)  # a connection is kept
    host.stop_listening()
    assert dead(host)


def test_a_kept_connection_that_broke_is_no_sign(host):
    host.set_fault("reset", times=1, path="/health")
    assert not dead(host)


@pytest.mark.parametrize(
    ("fault", "options"), [("hang", {}), ("status", {"status": 502}), ("status", {"status": 401}), ("reset", {})]
)
def test_what_cannot_be_told_is_not_taken_for_a_death(host, fault, options):
    host.set_fault(fault, path="/health", **options)
    assert not dead(host, 0.3)
