"""/metrics: who may scrape it, and that what it says is right and well-formed."""

from __future__ import annotations

import shutil
import subprocess
from typing import Any

import pytest
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from jobs.api import metrics
from jobs.models import Backend, BackendHealth
from jobs.services import tallies
from tests import builders
from tests.api.conftest import ApiClient
from tests.services_fixtures import need

TOKEN = "what only the scraper knows"


@pytest.fixture(autouse=True)
def fresh() -> None:
    metrics.SCRAPE.forget()


def scrape(**headers: str) -> Any:
    return Client().get("/metrics", headers=headers)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def samples(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    families = text_string_to_metric_families(text)
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for family in families for s in family.samples}


@pytest.fixture
def told(admin: ApiClient) -> Any:
    """told("ocrsite_slots", backend="calypso"): the value of one series, None where it is not there."""

    def one(name: str, **labels: str) -> float | None:
        metrics.SCRAPE.forget()
        answer = scrape(**bearer(admin.plain))
        assert answer.status_code == 200
        return samples(answer.content.decode()).get((name, tuple(sorted(labels.items()))))

    return one


@pytest.mark.django_db
def test_nobody_sees_it_without_a_token_loopback_or_not(code_of: Any) -> None:
    answer = scrape()
    assert (answer.status_code, code_of(answer)) == (401, "unauthenticated")


def test_an_administrators_token_opens_it(admin: ApiClient) -> None:
    answer = scrape(**bearer(admin.plain))
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert "no-store" in answer["Cache-Control"]


def test_an_administrators_session_opens_it(admin: ApiClient) -> None:
    client = Client()
    client.force_login(admin.user)
    assert client.get("/metrics").status_code == 200


def test_staff_are_refused(api: ApiClient, code_of: Any) -> None:
    answer = scrape(**bearer(api.plain))
    assert (answer.status_code, code_of(answer)) == (403, "forbidden")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("sent", "status"),
    [(f"Bearer {TOKEN}", 200), (f"bearer {TOKEN}", 200), ("Bearer another", 401), (f"Basic {TOKEN}", 401),
     (TOKEN, 401), ("Bearer ", 401), ("Bearer \xe9", 401)],
)  # fmt: skip
def test_the_metrics_token_opens_it_and_nothing_else(sent: str, status: int, settings: Any) -> None:
    settings.METRICS_TOKEN = TOKEN
    assert scrape(Authorization=sent).status_code == status
    assert Client().get("/api/v1/documents", headers={"Authorization": sent}).status_code == 401


@pytest.mark.django_db
def test_no_token_is_set_none_is_right(settings: Any) -> None:
    settings.METRICS_TOKEN = ""
    assert scrape(Authorization="Bearer ").status_code == 401


def test_another_method_is_refused(admin: ApiClient) -> None:
    assert Client().post("/metrics", headers=bearer(admin.plain)).status_code == 405


def test_it_says_what_the_database_has(told: Any, admin: ApiClient) -> None:
    backend = builders.make_backend("calypso", state="slow_start")
    BackendHealth.objects.filter(backend=backend).update(breaker="half_open", kv_usage=0.25, running=3)
    document = builders.make_document(admin.user, pages=6, done=2, running=1, rendered=3)
    builders.make_lease(document.pages.get(status="running"), backend)
    assert told("ocrsite_pages", status="rendered") == 3
    assert told("ocrsite_documents", status="processing") == 1
    assert told("ocrsite_queue_depth", backend="calypso") == 3
    assert (told("ocrsite_slots", backend="calypso"), told("ocrsite_slots_in_use", backend="calypso")) == (4, 1)
    assert told("ocrsite_backend_state", backend="calypso", state="slow_start") == 1
    assert told("ocrsite_backend_state", backend="calypso", state="down") == 0
    assert told("ocrsite_breaker_state", backend="calypso", state="half_open") == 1
    assert told("ocrsite_backend_lifecycle", backend="calypso", state="active") == 1
    assert told("ocrsite_host_kv_cache_usage_ratio", backend="calypso") == 0.25
    assert told("ocrsite_host_requests_running", backend="calypso") == 3
    assert told("ocrsite_oldest_waiting_seconds") > 60
    assert told("ocrsite_clock_last_round_timestamp_seconds") is None


def test_counters_and_histograms_come_from_the_tallies(told: Any) -> None:
    for seconds in (2.0, 40.0):
        tallies.add(
            backend="calypso", outcome="ok", seconds=seconds, prompt_tokens=900, completion_tokens=600,
            dispatch_seconds=0.03,
        )  # fmt: skip
    tallies.add(backend="calypso", outcome="out_of_memory", seconds=1.0)
    tallies.add(backend="calypso", outcome="looping", seconds=9.0, tried_again=True)
    tallies.add(backend="calypso", outcome="lost", seconds=0.0)
    assert told("ocrsite_attempts_total", backend="calypso", outcome="ok") == 2
    assert told("ocrsite_attempts_total", backend="calypso", outcome="out_of_memory") == 1
    assert told("ocrsite_attempts_total", backend="calypso", outcome="lost") == 1
    assert told("ocrsite_tokens_total", backend="calypso", kind="completion") == 1200
    assert told("ocrsite_tokens_total", backend="calypso", kind="prompt") == 1800
    assert told("ocrsite_quality_retries_total", backend="calypso") == 1
    spans = [
        told("ocrsite_attempt_duration_seconds_bucket", backend="calypso", outcome="ok", le=bound)
        for bound in ("1.0", "2.5", "30.0", "45.0", "+Inf")
    ]
    assert spans == [0, 1, 1, 2, 2]
    assert told("ocrsite_attempt_duration_seconds_sum", backend="calypso", outcome="ok") == 42
    assert told("ocrsite_attempt_duration_seconds_count", backend="calypso", outcome="lost") is None
    assert told("ocrsite_dispatch_duration_seconds_count", backend="calypso") == 2


def test_every_outcome_of_a_known_backend_begins_at_nought(told: Any) -> None:
    builders.make_backend("calypso")
    assert told("ocrsite_attempts_total", backend="calypso", outcome="out_of_memory") == 0
    assert told("ocrsite_tokens_total", backend="calypso", kind="completion") == 0
    assert told("ocrsite_quality_retries_total", backend="calypso") == 0
    tallies.add(backend="gone since", outcome="ok", seconds=1.0)
    assert told("ocrsite_attempts_total", backend="gone since", outcome="ok") == 1


def test_it_is_read_once_for_all_who_ask_within_a_moment() -> None:
    now, made = [100.0], []
    kept = metrics.Kept(lambda: made.append(1) or str(len(made)).encode(), 3.0, now=lambda: now[0])
    assert [kept.get(), kept.get()] == [b"1", b"1"]
    now[0] += 2.9
    assert kept.get() == b"1"
    now[0] += 0.1
    assert kept.get() == b"2"


def test_prometheus_finds_nothing_to_complain_of(admin: ApiClient) -> None:
    need("promtool")
    builders.make_backend("calypso")
    tallies.add(backend="calypso", outcome="ok", seconds=2.0, completion_tokens=600, dispatch_seconds=0.03)
    text = scrape(**bearer(admin.plain)).content
    checked = subprocess.run(
        [shutil.which("promtool") or "", "check", "metrics"], input=text, capture_output=True, timeout=60
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")


def test_gpu_figures_are_told_of_hosts_in_use(told: Any) -> None:
    backend = builders.make_backend("calypso", gpu_exporter_url="http://127.0.0.1:9400")
    assert told("ocrsite_gpu_exporter_up", backend="calypso") == 0
    figures = {"memory_used_bytes": 23.5e9, "utilization": 0.5, "energy_joules": 12.0, "problem": "", "at": "…"}
    BackendHealth.objects.filter(backend=backend).update(gpu=figures)
    assert told("ocrsite_gpu_exporter_up", backend="calypso") == 1
    assert told("ocrsite_gpu_memory_used_bytes", backend="calypso") == 23.5e9
    assert told("ocrsite_gpu_utilization_ratio", backend="calypso") == 0.5
    assert told("ocrsite_gpu_energy_joules_total", backend="calypso") == 12
    assert told("ocrsite_gpu_power_watts", backend="calypso") is None
    Backend.objects.update(lifecycle="disabled")
    assert told("ocrsite_gpu_memory_used_bytes", backend="calypso") is None
