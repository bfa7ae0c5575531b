"""A real Prometheus scrapes the web server while two workers read, and its sums are the database's."""

from __future__ import annotations

import pytest
import requests
from django.db.models import Count, Sum

from jobs.models import Attempt, Page
from jobs.services import backends
from tests.faults.unequal_hosts import UnequalHosts
from tests.gpu_exporters import Exporter, recorded
from tests.private_prometheus import PrivatePrometheus
from tests.running_site import RunningSite
from tests.services_fixtures import need

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.redis, pytest.mark.slow]

TOKEN = "what only the scraper knows"
READ = 'sum by (backend, outcome) (ocrsite_attempts_total{job="ocrsite"}) > 0'


@pytest.fixture
def site(db, tmp_path):
    need("prometheus")
    # Nobody kills a worker here: a lease that a busy machine renews too late would be a call more, rightly.
    with RunningSite(OCRSITE_LEASE_SECONDS="30", OCRSITE_METRICS_TOKEN=TOKEN) as running:
        running.start_redis()
        both = UnequalHosts(tmp_path, running)
        yield both
        running.stop()  # before the hosts, or the last calls would be failures
        both.stop()


@pytest.fixture
def exporter(site):
    with Exporter(recorded("nvidia_gpu_exporter")) as one:
        backends.update("calypso", by=None, gpu_exporter_url=one.address)
        yield one


@pytest.fixture
def address(site, exporter):
    return site.running.start_web()


@pytest.fixture
def prometheus(site, address, tmp_path):
    folder = tmp_path / "prometheus"
    folder.mkdir()
    with PrivatePrometheus(folder, address, TOKEN) as one:
        yield one


def attempts() -> dict[tuple[str, str], float]:
    rows = Attempt.objects.order_by().values_list("backend", "outcome").annotate(n=Count("id"))
    return {(backend, outcome): float(n) for backend, outcome, n in rows}


def test_what_two_workers_read_is_what_prometheus_counts(site, address, prometheus):
    first_out_of_memory = 'ocrsite_attempts_total{backend="calypso",outcome="out_of_memory"}'
    site.until(lambda: prometheus.value(first_out_of_memory) == 0, "Prometheus has scraped the site before it works")
    site.pace(calypso=0.05, spark=0.05)
    site.calypso.set_fault("oom_words", times=1)
    small, large = site.upload(10), site.upload(30)
    site.send(small, large)
    site.start()
    site.until_ended(small, large)
    assert Page.objects.filter(status="done").count() == 40
    assert sum(count for (_, outcome), count in attempts().items() if outcome == "ok") == 40
    assert attempts()["calypso", "out_of_memory"] == 1

    site.until(lambda: prometheus.vector(READ) == attempts(), "Prometheus has counted what the database has")
    tokens = Attempt.objects.aggregate(prompt=Sum("prompt_tokens"), completion=Sum("completion_tokens"))
    expected = {
        "resets(sum(ocrsite_attempts_total)[10m:1s])": 0,
        'sum(ocrsite_tokens_total{kind="prompt"})': tokens["prompt"],
        'sum(ocrsite_tokens_total{kind="completion"})': tokens["completion"],
        "sum(ocrsite_attempt_duration_seconds_sum)": Attempt.objects.aggregate(seconds=Sum("seconds"))["seconds"],
        "sum(ocrsite_dispatch_duration_seconds_count)": sum(attempts().values()),
        'ocrsite_pages{status="done"}': 40,
        'ocrsite_documents{status="done"}': 2,
        "sum(ocrsite_slots_in_use)": 0,
        "sum(ocrsite_slots)": 20,
    }
    site.until(lambda: prometheus.tells(expected), f"Prometheus tells {expected}")

    # What other processes wrote: the clock's rounds, and the exporter that it read.
    used = 'nvidia_smi_memory_used_bytes{instance="calypso"}'
    site.until(lambda: prometheus.value(used) == 2.4159191040e10, "the clock has read the GPU exporter")
    clock = "time() - ocrsite_clock_last_round_timestamp_seconds < 600"
    site.until(lambda: prometheus.value(clock) is not None, "the clock is seen")
    assert requests.get(f"{address}/metrics", timeout=60).status_code == 401
