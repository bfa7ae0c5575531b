"""What a host runs with, kept by probes and self-tests, on its page and its card."""

from __future__ import annotations

import pytest

from jobs.domain import presets
from jobs.models import Backend, BackendHealth
from jobs.services import admission, backends, probing
from tests import builders
from tests.vllm_simulator import Simulator

pytestmark = pytest.mark.django_db(transaction=True)
SENTENCE = "It runs otherwise than its profile says: "


@pytest.fixture
def calypso(admin):
    """In use, with the shipped launch flags."""
    Backend.objects.filter(name="calypso").update(launch=presets.BACKENDS[0]["launch"], lifecycle="active")
    return Backend.objects.get(name="calypso")


def saw(**fields):
    BackendHealth.objects.filter(backend__name="calypso").update(**fields)


def test_a_probe_keeps_what_it_saw_of_the_launch():
    builders.make_policy()
    with Simulator.start(slots=4) as simulator:
        backend = builders.make_backend("aurora", base_url=simulator.base_url)
        probing.probe_all()
        tested = admission.self_test(backends.find("aurora"))
        admission.store(backend, tested)
    health = BackendHealth.objects.get(backend=backend)
    assert health.launch_seen == {"model": "model", "gpu-memory-utilization": 0.92, "enable-prefix-caching": False}
    assert admission.processor_loaded(health.self_test) is True


def test_a_host_without_the_processor_is_told_of():
    builders.make_policy()
    with Simulator.start(slots=4) as simulator:
        simulator.configure(processor=False)
        backend = builders.make_backend("aurora", base_url=simulator.base_url)
        tested = admission.self_test(backend)
        admission.store(backend, tested)
    assert admission.processor_loaded(BackendHealth.objects.get(backend=backend).self_test) is False
    assert admission.processor_loaded({}) is None


def test_the_page_has_a_table_and_the_card_a_warning(admin, calypso, outline):
    saw(version="0.20.2", launch_seen={"gpu-memory-utilization": 0.92, "enable-prefix-caching": False})
    page = outline(admin.get("/backends/calypso/"))
    assert "vLLM 0.6.4.post1 0.20.2 differs" in page.words
    assert "prefix caching off off as entered" in page.words
    words = outline(admin.get("/backends/")).words
    assert f"{SENTENCE}vLLM 0.20.2, not 0.6.4.post1; gpu-memory-utilization 0.92, not 0.9. Compare" in words


def test_one_that_runs_as_entered_has_no_warning(admin, calypso, outline):
    Backend.objects.filter(name="calypso").update(launch={**calypso.launch, "vllm": "0.20.2"})
    saw(version="0.20.2", launch_seen={"gpu-memory-utilization": 0.9})
    assert SENTENCE not in outline(admin.get("/backends/")).words
    assert "gpu-memory-utilization 0.9 0.9 as entered" in outline(admin.get("/backends/calypso/")).words


@pytest.mark.parametrize("lifecycle", ["planned", "disabled"])
def test_one_that_is_not_in_use_has_nothing(admin, calypso, outline, lifecycle):
    saw(version="0.20.2", launch_seen={"gpu-memory-utilization": 0.92})
    Backend.objects.filter(name="calypso").update(lifecycle=lifecycle)
    assert SENTENCE not in outline(admin.get("/backends/")).words
    assert "drift" not in outline(admin.get("/backends/calypso/")).ids()
