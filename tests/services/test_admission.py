"""The self-test, step by step, against a simulated host; what keeps it out, what is only odd, what is kept of it."""

from __future__ import annotations

import hashlib

import pytest

from jobs import errors
from jobs.gateways import images
from jobs.models import AuditEntry, Backend, BackendHealth, SlotLease
from jobs.services import backends, concurrency, probing
from tests import builders
from tests.cpu_backend.server import Server
from tests.vllm_simulator import Simulator

pytestmark = pytest.mark.django_db(transaction=True)

ALL_STEPS = [
    "reachable",
    "key",
    "model",
    "context length",
    "version",
    "n-gram processor",
    "canary page",
    "streaming",
    "concurrency",
]


@pytest.fixture
def host():
    with Simulator.start(slots=4) as simulator:
        simulator.set_text(hashlib.sha256(images.canary()).hexdigest(), images.CANARY_TEXT)
        yield simulator


@pytest.fixture
def calypso(db, host):
    builders.make_policy()
    return builders.make_backend("calypso", base_url=host.base_url, lifecycle="planned")


def check():
    return backends.check("calypso", by=None)


def steps(result):
    return {step.name: step for step in result.steps}


def test_a_good_host_passes_every_step(calypso, host):
    result = check()
    assert [step.name for step in result.steps] == ALL_STEPS
    assert (result.passed, result.warnings, result.reason) == (True, (), "")
    assert steps(result)["n-gram processor"].message == "It is loaded."
    assert steps(result)["canary page"].message == "The canary page was read."
    assert host.over_limit == 0
    assert not SlotLease.objects.exists()


def test_a_host_that_is_away_fails_the_first_step_and_the_others_are_not_tried(calypso, host):
    host.stop_listening()
    result = check()
    assert [step.name for step in result.steps] == ALL_STEPS
    assert result.reason == "The host does not accept connections."
    assert [step.tried for step in result.steps] == [True] + [False] * 8
    assert steps(result)["concurrency"].message.startswith("Not tried: ")


@pytest.mark.parametrize(
    ("change", "failed", "words"),
    [
        ({"api_key": "secret"}, "key", "does not accept the API key"),
        ({"model": "another/model"}, "model", "It serves another/model"),
        ({"max_model_len": 1024}, "context length", "does not hold a page"),
        ({"version": "0.11.0"}, "version", "too old to serve DeepSeek-OCR"),
    ],
)
def test_the_step_that_fails_is_the_one_that_is_wrong(calypso, host, change, failed, words):
    host.configure(**change)
    result = check()
    (wrong, *_) = [step.name for step in result.steps if not step.passed and step.tried]
    assert wrong == failed
    assert words in steps(result)[failed].message
    assert not result.passed


def test_an_address_that_is_not_allowed_is_never_contacted(calypso, host, settings):
    Backend.objects.update(base_url="http://203.0.113.9:8000")
    result = check()
    assert not steps(result)["reachable"].passed
    assert "OCRSITE_BACKEND_ALLOWED_CIDRS" in result.reason


def test_a_canary_that_is_not_read_keeps_it_out(calypso, host):
    host.set_fault("status", status=500)
    result = check()
    assert not steps(result)["canary page"].passed
    assert not steps(result)["streaming"].tried


def test_a_canary_read_wrongly_is_admitted_with_a_warning_that_stays(calypso, host):
    host.set_fault("wrong_text")
    result = backends.activate("calypso", by=None)
    assert result.passed
    assert result.warnings == ("It answered the canary page, but read it wrongly.",)
    probing.probe_all()
    assert BackendHealth.objects.get().warnings == list(result.warnings)


@pytest.mark.parametrize(("version", "names_the_switch"), [("0.20.2", False), ("0.32.0", True)])
def test_a_host_without_the_ngram_processor_is_warned_of(calypso, host, version, names_the_switch):
    host.configure(processor=False, version=version)
    result = check()
    assert result.passed
    (warning,) = result.warnings
    assert "n-gram processor is not loaded" in warning
    assert ("VLLM_USE_V2_MODEL_RUNNER=0" in warning) is names_the_switch


def test_a_context_shorter_than_the_profile_is_a_warning(calypso, host):
    host.configure(max_model_len=4096)
    assert check().passed
    (warning,) = BackendHealth.objects.get().warnings
    assert warning == "It serves a context of 4096 tokens; its profile says 8192."


def test_how_many_at_once_is_measured_within_capacity(calypso, host):
    host.configure(service_seconds=0.5)  # far more than anything else costs here, so that nothing else doubles it
    message = steps(check())["concurrency"].message
    assert message == "4 at once, all its slots, and a page takes less than twice as long."
    assert (host.max_in_flight, host.over_limit) == (4, 0)


def test_a_host_with_fewer_slots_than_its_profile_says_shows_it(calypso, host):
    with Simulator.start(slots=1, service_seconds=0.2, allowed_extra=9) as small:
        Backend.objects.update(base_url=small.base_url, slots=8)
        message = steps(check())["concurrency"].message
    assert message.endswith("times as long.")


@pytest.mark.parametrize(("slots", "expected"), [(1, []), (2, [2]), (4, [2, 4]), (6, [2, 4, 6]), (16, [2, 4, 8, 16])])
def test_it_rises_by_doubling_up_to_the_slots(slots, expected):
    assert concurrency._steps(slots) == expected


def test_concurrency_is_not_measured_where_pages_run_or_on_a_processor(calypso, host):
    lease = builders.make_lease(None, calypso)
    assert steps(check())["concurrency"].message == "Not measured: pages run there now."
    lease.delete()
    Backend.objects.update(kind="cpu")
    before = len(host.calls)
    assert steps(check())["concurrency"].message.startswith("Not measured: a processor")
    assert len(host.calls) == before + 2  # the canary, plain and streamed


def test_a_host_at_work_is_checked_without_taking_more_than_its_slots(calypso, host):
    for _ in range(calypso.capacity):
        builders.make_lease(None, calypso)
    result = check()
    assert result.passed
    assert host.calls == []
    assert steps(result)["canary page"].message == "All its slots are taken: it is at work."


def test_the_newest_self_test_is_kept(calypso, host):
    check()
    kept = BackendHealth.objects.get().self_test
    assert (kept["passed"], kept["forced"], len(kept["steps"])) == (True, False, 9)
    assert kept["steps"][0] == {
        "name": "reachable",
        "passed": True,
        "message": "It answers.",
        "overruled": False,
        "tried": True,
    }
    host.configure(model="another/model")
    check()
    assert BackendHealth.objects.get().self_test["passed"] is False


def test_what_fails_is_kept_out_and_what_is_forced_is_logged(calypso, host):
    host.configure(version="0.11.0")
    assert not backends.activate("calypso", by=None).passed
    assert backends.find("calypso").lifecycle == "planned"
    backends.activate("calypso", by=None, force=True)
    assert backends.find("calypso").lifecycle == "active"
    kept = BackendHealth.objects.get().self_test
    assert kept["forced"] is True
    assert [step["name"] for step in kept["steps"] if step["overruled"]] == ["version"]
    entry = AuditEntry.objects.get(action="backend.overruled")
    assert entry.detail["failed"] == ["version"]


def test_activation_by_a_change_of_lifecycle_names_what_failed(calypso, host):
    host.configure(model="another/model")
    with pytest.raises(errors.Conflict, match="another/model"):
        backends.update("calypso", by=None, lifecycle="active")


def test_the_built_in_reader_passes_without_steps_that_mean_nothing_there(db):
    builders.make_policy()
    with Server("--slots", "1") as server:
        address = f"http://127.0.0.1:{server.port}"
        builders.make_backend("cpu", base_url=address, kind="cpu", model="tesseract", model_profile="tesseract")
        result = backends.check("cpu", by=None)
    assert (result.reason, result.warnings) == ("", ())
    assert "n-gram processor" not in steps(result)
    assert steps(result)["canary page"].message == "The canary page was read."
