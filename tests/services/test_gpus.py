"""GPU figures beside a host's own: kept and shown, and no harm to anybody when they are missing."""

from __future__ import annotations

import pytest

from jobs import errors
from jobs.models import Backend, BackendHealth, HealthSample
from jobs.services import backends, gpus, probing
from tests import builders
from tests.gpu_exporters import Exporter, recorded

pytestmark = pytest.mark.django_db(transaction=True)

GIB = 1024**3


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """A busy machine is no slow exporter."""
    monkeypatch.setattr(gpus, "DEADLINE_SECONDS", 60.0)


@pytest.fixture
def exporter():
    with Exporter(recorded("dcgm_exporter")) as one:
        yield one


@pytest.fixture
def calypso(db, host, exporter):
    builders.make_policy()
    return builders.make_backend("calypso", base_url=host.base_url, gpu_exporter_url=exporter.address)


def health() -> BackendHealth:
    return BackendHealth.objects.get(backend__name="calypso")


def problem() -> str:
    return gpus.of(backends.find("calypso"))["problem"]


def test_a_probe_keeps_the_figures_in_its_sample_and_beside_the_health(calypso):
    probing.probe_all()
    told, sample = gpus.of(backends.find("calypso")), HealthSample.objects.get()
    assert (told["memory_used_bytes"], told["power_watts"], told["problem"]) == (20 * GIB, 412.25, "")
    assert (sample.gpu_memory_used_bytes, sample.gpu_power_watts) == (20 * GIB, 412.25)
    assert sample.gpu_utilization == pytest.approx(0.93)
    assert sample.gpu_energy_joules == pytest.approx(955_287.014)
    assert (health().state, sample.state) == ("up", "up")


def test_a_host_whose_engine_is_gone_still_tells_of_its_card(calypso, host, exporter):
    host.stop_listening()
    for _ in range(4):
        probing.probe_all()
    assert health().state == "down"
    assert HealthSample.objects.first().gpu_memory_used_bytes == 20 * GIB


@pytest.mark.parametrize(
    ("harm", "words"),
    [("missing", "does not answer as it should"), ("garbage", "none of the figures"), ("error", "does not answer as"),
     ("outside", "not asked"), ("slow", "did not answer within")],
)  # fmt: skip
def test_an_exporter_that_fails_costs_a_warning_and_nothing_else(calypso, exporter, monkeypatch, harm, words):
    probing.probe_all()
    if harm == "missing":
        backends.update("calypso", by=None, gpu_exporter_url="http://127.0.0.1:1")
    elif harm == "outside":
        Backend.objects.update(gpu_exporter_url="http://192.0.2.7:9400")
    elif harm == "slow":
        exporter.held = True
        monkeypatch.setattr(gpus, "DEADLINE_SECONDS", 0.2)
    else:
        exporter.body, exporter.status = b"\x00<html>\xff" * 1000, 200 if harm == "garbage" else 500
    probing.probe_all()
    assert words in problem()
    assert "power_watts" not in gpus.of(backends.find("calypso")), "an old figure is no figure"
    assert (health().state, health().breaker, health().warnings) == ("up", "closed", [])
    newest = HealthSample.objects.first()
    assert (newest.state, newest.gpu_power_watts) == ("up", None)
    snapshot = backends.snapshot(backends.find("calypso"))
    assert snapshot["health"]["warnings"] == [problem()]


def test_an_exporter_that_is_back_takes_its_warning_along(calypso, exporter):
    exporter.status = 503
    probing.probe_all()
    assert problem()
    exporter.status = 200
    probing.probe_all()
    assert problem() == ""


@pytest.mark.parametrize("lifecycle", ["planned", "disabled", "checking"])
def test_one_that_is_not_in_use_is_not_asked(calypso, exporter, lifecycle):
    Backend.objects.update(lifecycle=lifecycle)
    probing.probe_all()
    gpus.look(calypso)  # it was in use when the probe began
    assert exporter.asked == []


def test_a_self_test_does_not_ask_it(calypso, exporter):
    Backend.objects.update(lifecycle="planned")
    assert backends.check("calypso", by=None).passed
    assert exporter.asked == []


def test_without_an_exporter_nothing_is_told_and_what_was_is_forgotten(calypso):
    probing.probe_all()
    backends.update("calypso", by=None, gpu_exporter_url="")
    assert gpus.of(backends.find("calypso")) == {}
    probing.probe_all()
    assert health().gpu == {}
    assert backends.snapshot(backends.find("calypso"))["health"]["gpu"] is None


def test_its_address_is_checked_where_it_is_entered(calypso):
    with pytest.raises(errors.Invalid) as refused:
        backends.update("calypso", by=None, gpu_exporter_url="http://192.0.2.7:9400")
    assert set(refused.value.fields) == {"gpu_exporter_url"}
    assert "OCRSITE_BACKEND_ALLOWED_CIDRS" in refused.value.message
