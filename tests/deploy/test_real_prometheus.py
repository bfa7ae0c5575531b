"""A real Prometheus with the shipped configuration scrapes the site while it reads, and its sums are the database's."""

from __future__ import annotations

import pytest
from django.db.models import Count, Sum

from jobs.api import metrics
from jobs.models import Attempt, Page
from jobs.services import backends, gpus, leading, probing
from tests import pipeline
from tests.gpu_exporters import Exporter, recorded
from tests.private_prometheus import PrivatePrometheus
from tests.running_site import until
from tests.two_hosts import TwoHosts

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

TOKEN = "what only the scraper knows"
COUNTED = 'sum by (backend, outcome) (ocrsite_attempts_total{job="ocrsite"}) > 0'
FIRST_OUT_OF_MEMORY = 'ocrsite_attempts_total{backend="calypso",outcome="out_of_memory"}'


@pytest.fixture
def site(db, tmp_path):
    both = TwoHosts(tmp_path)
    yield both.with_spark()
    both.stop()


@pytest.fixture
def exporter(site, monkeypatch):
    monkeypatch.setattr(gpus, "DEADLINE_SECONDS", 60.0)  # a busy machine is no slow exporter
    with Exporter(recorded("nvidia_gpu_exporter")) as one:
        backends.update("calypso", by=None, gpu_exporter_url=one.address)
        yield one


@pytest.fixture
def prometheus(site, exporter, live_server, settings, tmp_path):
    settings.METRICS_TOKEN = TOKEN
    metrics.SCRAPE.forget()  # what another test's site was
    folder = tmp_path / "prometheus"
    folder.mkdir()
    with PrivatePrometheus(folder, live_server.url, TOKEN) as one:
        until(lambda: one.value(FIRST_OUT_OF_MEMORY) == 0, "Prometheus has scraped the site before it works")
        yield one


def attempts() -> dict[tuple[str, str], float]:
    rows = Attempt.objects.order_by().values_list("backend", "outcome").annotate(n=Count("id"))
    return {(backend, outcome): float(n) for backend, outcome, n in rows}


def test_what_was_read_is_what_prometheus_counts(site, prometheus):
    site.calypso.set_fault("oom_words", times=1)
    small, large = site.drawn(6), site.drawn(25)
    while leases := pipeline.assign():
        pipeline.recognize_side_by_side(leases)
    assert Page.objects.filter(document__in=[small, large], status="done").count() == 31
    assert attempts()["calypso", "out_of_memory"] == 1
    assert sum(count for (_, outcome), count in attempts().items() if outcome == "ok") == 31

    until(lambda: prometheus.vector(COUNTED) == attempts(), "Prometheus has counted what the database has")
    tokens = Attempt.objects.aggregate(prompt=Sum("prompt_tokens"), completion=Sum("completion_tokens"))
    expected = {
        "resets(sum(ocrsite_attempts_total)[10m:1s])": 0,
        'sum(ocrsite_tokens_total{kind="prompt"})': tokens["prompt"],
        'sum(ocrsite_tokens_total{kind="completion"})': tokens["completion"],
        "sum(ocrsite_attempt_duration_seconds_sum)": Attempt.objects.aggregate(seconds=Sum("seconds"))["seconds"],
        "sum(ocrsite_dispatch_duration_seconds_count)": sum(attempts().values()),
        'ocrsite_pages{status="done"}': 31,
        'ocrsite_documents{status="done"}': 2,
        "sum(ocrsite_slots_in_use)": 0,
        "sum(ocrsite_slots)": 20,
    }
    until(lambda: prometheus.tells(expected), f"Prometheus tells {expected}")


def test_what_ships_works_on_it(site, prometheus):
    leading.lead("a clock", seconds=3600)
    probing.probe_all()
    site.calypso.set_fault("oom_words", times=1)
    document = site.drawn(1)
    while leases := pipeline.assign():
        pipeline.recognize_side_by_side(leases)
    document.refresh_from_db()
    assert document.status == "done"
    fired = 'max_over_time(ALERTS{alertname="OutOfMemory",alertstate="firing"}[1h])'
    until(lambda: prometheus.vector(fired), "the alert fires, or has fired: after five minutes it is over")
    used = 'nvidia_smi_memory_used_bytes{instance="calypso"}'
    until(lambda: prometheus.value(used) == 2.4159191040e10, "the name of an older dashboard has its figure")
    until(lambda: prometheus.vector("ocrsite_clock_last_round_timestamp_seconds"), "the clock is told of")
    rules = [rule for group in prometheus.ask("rules")["groups"] for rule in group["rules"]]
    assert {(rule["name"], rule["health"]) for rule in rules if rule["health"] != "ok"} == set()
