from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from jobs.domain.failures import Blame, Outcome
from jobs.errors import BackendFailed
from jobs.gateways import vllm
from jobs.gateways.vllm import Deadlines, Endpoint
from tests.gateways.vllm_calls import PATIENT, body, endpoint, failure_of, page
from tests.vllm_simulator import MODEL, Simulator


@pytest.fixture
def host():
    with Simulator.start() as simulator:
        yield simulator


@pytest.mark.parametrize("stream", [False, True])
def test_a_page_is_sent_and_its_own_text_comes_back(host, stream):
    reply = vllm.complete(endpoint(host), body(stream=stream), PATIENT)
    assert f"page {hashlib.sha256(page()).hexdigest()[:16]}" in reply.text
    assert reply.text.startswith("<|ref|>title<|/ref|>")
    assert (reply.finish_reason, reply.prompt_tokens) == ("stop", 913)
    assert host.calls[0].outcome == "stop"


def test_many_pages_at_once_each_get_their_own_text(host):
    def read(number):
        return vllm.complete(endpoint(host), body(page(number), stream=number % 2 == 0), PATIENT).text

    with ThreadPoolExecutor(12) as pool:
        texts = list(pool.map(read, range(36)))
    assert all(hashlib.sha256(page(number)).hexdigest()[:16] in text for number, text in enumerate(texts))


@pytest.mark.parametrize(
    ("kind", "finish_reason"), [("cut_off", "length"), ("looping", "repetition"), ("empty", "stop")]
)
@pytest.mark.parametrize("stream", [False, True])
def test_bad_readings_are_returned_for_others_to_judge(host, kind, finish_reason, stream):
    host.set_fault(kind)
    assert vllm.complete(endpoint(host), body(stream=stream), PATIENT).finish_reason == finish_reason


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("kind", "options", "outcome", "blame"),
    [
        ("engine_death", {}, Outcome.HOST_DOWN, Blame.HOST),
        ("oom_words", {}, Outcome.OUT_OF_MEMORY, Blame.PAGE),
        ("draining", {}, Outcome.HOST_DOWN, Blame.NOBODY),
        ("busy", {}, Outcome.BUSY, Blame.NOBODY),
        ("reset", {}, Outcome.HOST_DOWN, Blame.HOST),
        ("cut_mid_body", {}, Outcome.HOST_DOWN, Blame.HOST),
        ("abort", {}, Outcome.HOST_DOWN, Blame.HOST),
        ("wrong_model", {}, Outcome.MISCONFIGURED, Blame.SETUP),
        ("status", {"status": 401}, Outcome.MISCONFIGURED, Blame.SETUP),
        ("status", {"status": 400, "message": "Failed to load image: x"}, Outcome.REFUSED, Blame.PAGE),
        ("status", {"status": 502, "body": "<html>Bad Gateway</html>"}, Outcome.HOST_DOWN, Blame.HOST),
        ("status", {"status": 302, "headers": {"Location": "http://127.0.0.1:9/"}}, Outcome.MISCONFIGURED, Blame.SETUP),
    ],
)
def test_every_way_to_fail_has_its_name(host, kind, options, outcome, blame, stream):
    host.set_fault(kind, **options)
    failure = failure_of(host, body(stream=stream))
    assert (failure.outcome, failure.blame) == (outcome, blame)
    assert failure.engine_death == (kind == "engine_death")


def test_the_hosts_own_words_stay_out_of_the_reason(host):
    host.set_fault("status", status=500, message="/srv/secret/path exploded")
    failure = failure_of(host)
    assert "secret" not in failure.reason
    assert "secret" in failure.detail


def test_retry_after_is_handed_on(host):
    host.set_fault("status", status=429, headers={"Retry-After": "7"})
    assert failure_of(host).retry_after_seconds == 7.0


def test_a_refused_connection_is_the_hosts_fault_at_once(host):
    host.set_fault("refuse")
    failure = failure_of(host)
    assert (failure.outcome, failure.reason) == (Outcome.HOST_DOWN, "The host does not accept connections.")


def test_the_key_is_sent_and_a_wrong_one_is_misconfigured(host):
    host.configure(api_key="schlüssel")
    assert vllm.complete(endpoint(host, api_key="schlüssel"), body(), PATIENT).finish_reason == "stop"
    assert failure_of(host).outcome is Outcome.MISCONFIGURED


def test_the_key_is_not_shown_when_an_endpoint_is_logged():
    assert "geheim" not in repr(Endpoint("http://127.0.0.1", MODEL, "geheim"))


def test_a_redirect_is_not_followed(host):
    with Simulator.start() as other:
        host.set_fault("status", status=307, headers={"Location": f"{other.base_url}/v1/chat/completions"})
        assert failure_of(host).outcome is Outcome.MISCONFIGURED
        assert other.calls == []


def test_no_proxy_of_the_environment_is_used(host, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert vllm.complete(endpoint(host), body(), PATIENT).finish_reason == "stop"


def test_a_cookie_of_the_host_is_not_kept(host):
    host.set_fault("status", status=500, headers={"Set-Cookie": "a=b"}, times=1)
    failure_of(host)
    assert len(vllm._session().cookies) == 0


def test_the_whole_call_has_its_deadline_also_against_one_byte_at_a_time(host):
    host.set_fault("dribble", seconds=0.05)
    failure = failure_of(host, deadlines=Deadlines(5.0, 20.0, 0.5))
    assert failure.outcome is Outcome.TIMEOUT


def test_the_pieces_of_a_stream_are_shown_as_they_come(host):
    pieces: list[str] = []
    reply = vllm.complete(endpoint(host), body(stream=True), PATIENT, on_text=pieces.append)
    assert "".join(pieces) == reply.text
    assert len(pieces) > 10


def test_a_connection_is_used_again_and_a_cut_one_is_not(host):
    for number in range(3):
        vllm.complete(endpoint(host), body(page(number)), PATIENT)
    assert host.state()["connections"] == 1
    host.set_fault("cut_mid_body", times=1)
    failure_of(host)
    assert vllm.complete(endpoint(host), body(), PATIENT).finish_reason == "stop"
    assert host.state()["connections"] == 2


def test_a_host_that_was_restarted_is_met_anew(host):
    vllm.complete(endpoint(host), body(), PATIENT)
    host.stop_listening()
    failure_of(host)
    host.listen_again()
    assert vllm.complete(endpoint(host), body(), PATIENT).finish_reason == "stop"


def test_an_idle_connection_is_not_trusted(host, monkeypatch):
    monkeypatch.setattr("jobs.gateways.watchman.IDLE_SECONDS", 0.0)
    for _ in range(2):
        vllm.complete(endpoint(host), body(), PATIENT)
    assert host.state()["connections"] == 2


def test_an_image_that_the_host_could_not_fetch_is_the_pages_fault_only_when_it_was_a_url(host):
    message = "Cannot connect to host 127.0.0.1:9 ssl:default"
    host.set_fault("status", status=500, message=message, times=1)
    assert failure_of(host).blame is Blame.HOST
    part = {"type": "image_url", "image_url": {"url": "http://127.0.0.1:9/x"}}
    by_url = {"model": MODEL, "messages": [{"role": "user", "content": [part]}]}
    assert failure_of(host, by_url).blame is Blame.PAGE


def test_health_is_told_as_it_is(host):
    assert vllm.probe_health(endpoint(host), 5.0)
    host.set_fault("status", status=503, body="", path="/health")
    assert not vllm.probe_health(endpoint(host), 5.0)
    host.clear_faults()
    host.set_fault("status", status=404, path="/health")
    with pytest.raises(BackendFailed):
        vllm.probe_health(endpoint(host), 5.0)
    host.stop_listening()
    with pytest.raises(BackendFailed):
        vllm.probe_health(endpoint(host), 5.0)


def test_models_version_and_metrics_are_read(host):
    assert vllm.list_models(endpoint(host), 5.0) == [vllm.ServedModel(MODEL, 8192, (), "model")]
    assert vllm.server_version(endpoint(host), 5.0) == "0.20.2"
    assert "vllm:num_requests_running" in vllm.metrics_text(endpoint(host), 5.0)


@pytest.mark.parametrize("path", ["/v1/models", "/version", "/metrics"])
def test_a_probe_that_is_refused_says_why(host, path):
    host.set_fault("status", status=404, path=path)
    ask = {"/v1/models": vllm.list_models, "/version": vllm.server_version, "/metrics": vllm.metrics_text}[path]
    with pytest.raises(BackendFailed) as caught:
        ask(endpoint(host), 5.0)
    assert caught.value.failure.outcome is Outcome.MISCONFIGURED
