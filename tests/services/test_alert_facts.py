"""Each alert fires under its cause, by the clock's own round, and is over after it; nothing fires without one."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from jobs import clock, errors
from jobs.domain import alert_rules
from jobs.gateways import disk, secrets
from jobs.models import Alert, Attempt, Backend, Document, HealthSample
from jobs.services import alert_facts, alerts, backends, probing
from jobs.services import certificates as looking_at_certificates
from tests import builders, certificates, patience
from tests.webhook_receiver import receiver

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def calypso(db, host, monkeypatch):
    """A policy, calypso, a disk with room, and rules that do not wait."""
    monkeypatch.setattr(disk, "space", lambda folder: disk.Space(50 * 10**12, 100 * 10**12))
    for rule in alert_rules.SHIPPED:
        at_once = {"for_seconds": 0, "clear_seconds": 0}
        alerts.change_rule(rule.kind, rule.backend, by=None, **at_once)
    builders.make_policy()
    return builders.make_backend("calypso", base_url=host.base_url)


@pytest.fixture
def a_round(monkeypatch):
    """What the clock does, each duty once and to its end."""
    monkeypatch.setattr(clock.actors, "send", lambda actor, *args: True)

    def duties():
        probing.probe_all()
        clock.watch_alerts()
        return told()

    return duties


def told():
    return sorted((alert.kind, alert.subject) for alert in Alert.objects.firing())


def calls(mira, *, of="calypso", n=1, **fields):
    page = builders.make_document(mira, pages=1, running=1).pages.get()
    for _ in range(n):
        builders.make_attempt(page, backend=of, **fields)
    Document.objects.update(status="done")


def falls(name):
    """Probe until its breaker is open."""

    def is_down():
        probing.probe_all()
        return Backend.objects.get(name=name).health.state == "down"

    patience.until(is_down)


def test_nothing_fires_without_a_cause(calypso, mira, a_round):
    builders.make_document(mira, pages=3, done=2, rendered=1)
    calls(mira, n=40)
    assert a_round() == []
    assert not Alert.objects.exists()


def test_a_host_that_is_down(calypso, host, a_round):
    backend = builders.make_backend("spark", base_url=host.base_url)
    assert a_round() == []
    backends.update("spark", by=None, base_url="http://127.0.0.1:9")
    falls("spark")
    assert a_round() == [("host_down", "spark")]
    assert "spark is down: " in alerts.sentence(Alert.objects.get())
    backend.health.refresh_from_db()
    backend.health.state = "up"
    backend.health.save()
    clock.watch_alerts()
    assert told() == []
    assert Alert.objects.over().get().subject == "spark"


def test_all_hosts_are_down_and_one_comes_back(calypso, host, a_round):
    host.stop_listening()
    falls("calypso")
    assert a_round() == [("host_down", "calypso"), ("no_host", "")]
    assert alerts.firing()[0].kind == "no_host", "the critical one first"
    host.listen_again()
    backends.activate("calypso", by=None, force=True)
    assert a_round() == []


def test_a_host_that_serves_another_model(calypso, a_round):
    Backend.objects.update(model="another/model")
    assert a_round() == [("misconfigured", "calypso"), ("no_host", "")]
    Backend.objects.update(model="deepseek-ai/DeepSeek-OCR")
    backends.activate("calypso", by=None, force=True)
    assert a_round() == []


def test_an_api_key_that_cannot_be_read_any_more(calypso, a_round, settings):
    Backend.objects.update(encrypted_api_key=secrets.encrypt("k"))
    was, settings.SECRET_KEY = settings.SECRET_KEY, "another one"
    clock.watch_alerts()
    assert told() == [("api_key", "calypso")]
    settings.SECRET_KEY = was
    clock.watch_alerts()
    assert told() == []


def test_a_certificate_that_ends_soon(calypso, tmp_path, settings):
    certificate = certificates.self_signed(tmp_path, days=13.5)
    settings.BACKEND_CA_FILE = str(certificate)
    with receiver(certificates.server_context(certificate)) as server:
        Backend.objects.update(base_url=f"https://localhost:{server.port}")
        looking_at_certificates.look()
    clock.watch_alerts()
    assert told() == [("certificate", "calypso")]
    assert "The certificate of calypso ends in 13." in alerts.sentence(Alert.objects.get())
    looking_at_certificates.look()  # nobody answers: what was known stands
    certificate = certificates.self_signed(tmp_path, days=90)
    clock.watch_alerts()
    assert told() == [("certificate", "calypso")]
    with receiver(certificates.server_context(certificate)) as server:
        Backend.objects.update(base_url=f"https://localhost:{server.port}")
        looking_at_certificates.look()
    clock.watch_alerts()
    assert told() == []


@pytest.mark.parametrize("lifecycle", ["planned", "disabled"])
def test_the_certificate_of_a_host_that_is_not_in_use_is_not_asked_for(calypso, monkeypatch, lifecycle):
    Backend.objects.update(base_url="https://localhost:9", lifecycle=lifecycle)
    monkeypatch.setattr("socket.create_connection", lambda *a, **k: pytest.fail("it was contacted"))
    looking_at_certificates.look()


def test_a_worker_is_asked_to_look_at_certificates(monkeypatch):
    sent = []
    monkeypatch.setattr(clock.actors, "send", lambda actor, *args: sent.append(actor.actor_name))
    clock.ask_for_certificates()
    assert sent == ["look_at_certificates"]


def test_a_disk_that_is_nearly_full(calypso, a_round, monkeypatch):
    monkeypatch.setattr(disk, "space", lambda folder: disk.Space(9 * 10**12, 100 * 10**12))
    assert a_round() == [("disk_free", "")]
    monkeypatch.setattr(disk, "space", lambda folder: disk.Space(11 * 10**12, 100 * 10**12))
    assert a_round() == [("disk_free", "")], "inside the band"
    monkeypatch.setattr(disk, "space", lambda folder: disk.Space(13 * 10**12, 100 * 10**12))
    assert a_round() == []


def test_a_disk_that_cannot_be_asked_is_full(calypso, a_round, monkeypatch):
    def fails(folder):
        raise errors.Unavailable("The disk does not answer as it should.")

    monkeypatch.setattr(disk, "space", fails)
    assert a_round() == [("disk_free", "")]
    assert "The disk does not answer as it should." in alerts.sentence(Alert.objects.get())


def test_out_of_memory(calypso, mira, a_round):
    calls(mira, outcome="out_of_memory")
    assert a_round() == [("out_of_memory", "calypso")]
    assert alerts.sentence(Alert.objects.get()) == "calypso ran out of memory once in 5 minutes."
    Attempt.objects.update(started_at=timezone.now() - timedelta(minutes=6))
    assert a_round() == []


def test_a_queue_at_the_default_host(calypso, mira, a_round):
    builders.make_document(mira, pages=6, rendered=6)
    assert a_round() == [], "its own pages are not ahead of it"
    builders.make_document(mira, pages=1, rendered=1)
    assert a_round() == [("queue_depth", "calypso")]
    Document.objects.update(pages_done=5)
    assert a_round() == []


def test_calls_that_take_too_long(calypso, mira, a_round):
    builders.make_backend("spark", base_url=Backend.objects.get(name="calypso").base_url)
    calls(mira, of="spark", n=99, seconds=2.0)
    assert a_round() == []
    calls(mira, of="spark", n=2, seconds=61.0, started_at=timezone.now() - timedelta(seconds=70))
    assert a_round() == [("latency_p99", "spark")]
    Attempt.objects.update(started_at=timezone.now() - timedelta(minutes=10))
    assert a_round() == []


def test_throughput_alerts_only_once_it_was_given_a_threshold(calypso, mira, a_round):
    builders.make_backend("spark", base_url=Backend.objects.get(name="calypso").base_url)
    calls(mira, of="spark", n=5)
    assert a_round() == []
    alerts.change_rule("throughput", "spark", by=None, threshold=2.0)
    assert a_round() == [("throughput", "spark")]
    calls(mira, of="spark", n=10)
    assert a_round() == []


def test_a_page_that_has_waited_long(calypso, mira, a_round):
    alerts.change_rule("queue_depth", "calypso", by=None, enabled=False)
    document = builders.make_document(mira, pages=1, rendered=1, age_seconds=3700)
    assert a_round() == [("oldest_wait", "")]
    builders.make_lease(document.pages.get(), calypso)
    assert a_round() == []


def test_pages_that_are_read_badly(calypso, mira, a_round):
    calls(mira, n=15)
    assert a_round() == []
    calls(mira, n=5, rung="free_ocr")
    assert a_round() == [("quality_retries", "")]
    calls(mira, n=40)
    assert a_round() == []


def a_look(name, *, gib=None, busy=None, queued=0, ago=0.0):
    """What a probe and its look at the exporter kept `ago` seconds ago."""
    used = None if gib is None else gib * 1024**3
    backend = Backend.objects.get(name=name)
    Backend.objects.filter(name=name).update(gpu_exporter_url="http://127.0.0.1:9400")
    sample = HealthSample.objects.create(
        backend=backend, state="up", queued=queued, gpu_memory_used_bytes=used, gpu_utilization=busy
    )
    HealthSample.objects.filter(pk=sample.pk).update(at=timezone.now() - timedelta(seconds=ago))


def gpu_facts(name="calypso"):
    """By kind (value, why there is none)."""
    about = [fact for fact in alert_facts.gather() if fact.subject == name]
    return {fact.kind: (fact.value, fact.absent) for fact in about if fact.kind in ("gpu_memory", "utilization")}


def test_without_an_exporter_gpu_figures_are_absent(calypso):
    assert gpu_facts() == {"gpu_memory": (None, ""), "utilization": (None, "")}
    assert alert_rules.KINDS["gpu_memory"].absent == "no exporter configured"


def test_gpu_memory_that_runs_full(calypso):
    a_look("calypso", gib=23, ago=10)
    a_look("calypso", gib=21.9)
    clock.watch_alerts()
    assert told() == [], "the newest counts"
    a_look("calypso", gib=22.5)
    clock.watch_alerts()
    assert told() == [("gpu_memory", "calypso")]
    assert alerts.sentence(Alert.objects.get()) == "calypso uses 22.5 GiB of GPU memory."
    a_look("calypso", gib=21)
    clock.watch_alerts()
    assert told() == [("gpu_memory", "calypso")], "inside the band"
    a_look("calypso", gib=19)
    clock.watch_alerts()
    assert told() == []


def test_a_gpu_that_idles_while_work_waits(calypso):
    builders.make_backend("spark")
    a_look("spark", busy=0.1)
    clock.watch_alerts()
    assert told() == [], "nothing waits for it"
    assert gpu_facts("spark")["utilization"] == (None, "no work waits now")
    a_look("spark", busy=0.6, queued=3)
    a_look("spark", busy=0.8, queued=3)
    clock.watch_alerts()
    assert told() == [("utilization", "spark")]
    assert alerts.sentence(Alert.objects.get()) == "The GPU of spark is only 70 % busy, and work waits."
    HealthSample.objects.update(gpu_utilization=0.97)
    clock.watch_alerts()
    assert told() == []


def test_gpu_figures_older_than_a_minute_are_no_figures(calypso):
    a_look("calypso", gib=23, busy=0.1, queued=3, ago=61)
    silent = (None, "its GPU exporter tells nothing now")
    assert gpu_facts() == {"gpu_memory": silent, "utilization": silent}
    a_look("calypso")
    assert gpu_facts()["gpu_memory"] == silent, "a probe that came, and an exporter that did not answer"
    Backend.objects.update(gpu_exporter_url="")
    assert gpu_facts()["gpu_memory"] == (None, "")


@pytest.mark.parametrize("lifecycle", ["planned", "disabled"])
def test_a_host_that_is_not_looked_after_has_no_alert(calypso, a_round, lifecycle):
    builders.make_backend("spark", state="down")
    clock.watch_alerts()
    assert told() == [("host_down", "spark")]
    Backend.objects.filter(name="spark").update(lifecycle=lifecycle)
    clock.watch_alerts()
    assert told() == []


@pytest.mark.parametrize(("values", "found"), [([], None), ([3.0], 3.0), ([*range(1, 101)], 99), ([5, 1], 5)])
def test_the_99th_percentile(values, found):
    assert alert_facts.percentile(values, 0.99) == found


def test_a_round_costs_as_many_queries_whatever_there_is(calypso, mira, django_assert_max_num_queries):
    a_look("calypso", gib=3, busy=0.9)
    with django_assert_max_num_queries(12):
        alerts.look()
    for n in range(5):
        builders.make_backend(f"host{n}")
        a_look(f"host{n}", gib=3, busy=0.9)
        calls(mira, of=f"host{n}", n=20)
        builders.make_document(mira, pages=5, done=2, rendered=1)
    with django_assert_max_num_queries(12):
        alerts.look()
