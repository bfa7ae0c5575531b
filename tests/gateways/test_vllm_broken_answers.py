from __future__ import annotations

import json
import threading

import pytest

from jobs.domain.failures import Blame, Outcome
from jobs.errors import BackendFailed
from jobs.gateways import vllm
from jobs.gateways.vllm import Endpoint
from tests.gateways.vllm_calls import PATIENT, body, endpoint, failure_of, scripted
from tests.vllm_simulator import MODEL, Simulator


@pytest.fixture
def host():
    with Simulator.start() as simulator:
        yield simulator


@pytest.mark.parametrize(
    ("kind", "stream"), [("html_garbage", False), ("html_garbage", True), ("truncated_json", False)]
)
def test_an_answer_that_is_no_completion_is_garbage(host, kind, stream):
    host.set_fault(kind)
    assert failure_of(host, body(stream=stream)).outcome is Outcome.GARBAGE


def test_a_server_that_does_not_stream_is_understood_all_the_same():
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n" + completion("whole")
    with scripted(answer) as address:
        assert vllm.complete(address, body(stream=True), PATIENT).text == "whole"


def test_a_host_name_that_does_not_exist_is_host_down():
    with pytest.raises(BackendFailed) as caught:
        vllm.complete(Endpoint("http://no-such-host.invalid", MODEL), body(), PATIENT)
    assert caught.value.failure.outcome is Outcome.HOST_DOWN


@pytest.mark.parametrize(
    "url",
    ["", "nonsense", "ftp://127.0.0.1", "http://", "http://[::1", f"http://{'a' * 80}.test", "http://127.0.0.1:99999"],
)
def test_an_address_that_cannot_be_used_is_misconfigured(url):
    with pytest.raises(BackendFailed) as caught:
        vllm.complete(Endpoint(url, MODEL), body(), PATIENT)
    assert caught.value.failure.outcome is Outcome.MISCONFIGURED


@pytest.mark.parametrize("key", ["line\nbreak", "line\r\nX: y"])
def test_a_key_that_would_add_a_header_is_misconfigured(host, key):
    with pytest.raises(BackendFailed) as caught:
        vllm.complete(endpoint(host, api_key=key), body(), PATIENT)
    assert caught.value.failure.outcome is Outcome.MISCONFIGURED
    assert host.calls == []


def completion(text="x"):
    choice = {"message": {"content": text}, "finish_reason": "stop"}
    return json.dumps({"choices": [choice]}).encode()


def test_an_answer_over_the_limit_is_not_read_to_its_end(monkeypatch):
    monkeypatch.setattr(vllm, "ANSWER_LIMIT_BYTES", 1000)
    answer = b"HTTP/1.1 200 OK\r\n\r\n" + completion("y" * 200_000)
    with scripted(answer, hold=True) as address, pytest.raises(BackendFailed) as caught:
        vllm.complete(address, body(), PATIENT)
    assert caught.value.failure.outcome is Outcome.GARBAGE


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (b"", Outcome.HOST_DOWN),
        (b"\x16\x03\x01 not http at all\r\n\r\n", Outcome.GARBAGE),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 300 + b"\r\n", Outcome.GARBAGE),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", Outcome.HOST_DOWN),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n{", Outcome.HOST_DOWN),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{}", Outcome.HOST_DOWN),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n\x1f\x8b", Outcome.GARBAGE),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"[" * 100_000, Outcome.GARBAGE),
        (b'HTTP/1.1 200 OK\r\n\r\n{"choices": ' + b"9" * 5000 + b"}", Outcome.GARBAGE),
        (b"HTTP/1.1 500 Oops\r\nContent-Length: 500\r\n\r\nEngineDeadError", Outcome.HOST_DOWN),
    ],
)
def test_broken_answers_are_failures_and_never_pages(answer, outcome):
    with scripted(answer) as address, pytest.raises(BackendFailed) as caught:
        vllm.complete(address, body(), PATIENT)
    assert caught.value.failure.outcome is outcome


def test_line_separators_inside_a_streamed_text_do_not_cut_it():
    said = "a\u2028b\u0085c"
    chunk = {"choices": [{"delta": {"content": said}, "finish_reason": "stop"}]}
    stream = f": hello\n\ndata: {json.dumps(chunk, ensure_ascii=False)}\r\n\r\ndata: [DONE]".encode()
    with scripted(b"HTTP/1.1 200 OK\r\n\r\n" + stream) as address:
        assert vllm.complete(address, body(stream=True), PATIENT).text == said


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def event(text, finish_reason=None):
    chunk = {"choices": [{"delta": {"content": text}, "finish_reason": finish_reason}]}
    return f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n".encode()


def chunk(data):
    return b"%x\r\n%b\r\n" % (len(data), data)


@pytest.mark.parametrize("rest", [b"", b"5", b"ff\r\ndata", b"zz\r\n"])
def test_a_chunked_stream_cut_anywhere_is_the_hosts_fault_and_no_page(rest):
    with scripted(CHUNKED + chunk(event("a", "stop")) + rest) as address, pytest.raises(BackendFailed) as caught:
        vllm.complete(address, body(stream=True), PATIENT)
    assert (caught.value.failure.outcome, caught.value.failure.blame) == (Outcome.HOST_DOWN, Blame.HOST)


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_where_chunks_end_says_nothing_about_the_text(size):
    stream = event("Größe ") + event("漢字", "stop") + b"data: [DONE]\n\n"
    cut = b"".join(chunk(stream[start : start + size]) for start in range(0, len(stream), size))
    with scripted(CHUNKED + cut + b"0\r\n\r\n") as address:
        assert vllm.complete(address, body(stream=True), PATIENT).text == "Größe 漢字"


def test_each_event_is_handed_on_before_the_next_one_comes():
    stop, seen = threading.Event(), []

    def look(piece):
        seen.append(piece)
        stop.set()

    with scripted(CHUNKED + chunk(event("first")), hold=True) as address, pytest.raises(BackendFailed) as caught:
        vllm.complete(address, body(stream=True), PATIENT, stop=stop, on_text=look)
    assert (seen, caught.value.failure.outcome) == (["first"], Outcome.CANCELLED)


def test_a_chunked_answer_over_the_limit_is_not_read_to_its_end(monkeypatch):
    monkeypatch.setattr(vllm, "ANSWER_LIMIT_BYTES", 1000)
    with scripted(CHUNKED + chunk(b"y" * 2000), hold=True) as address, pytest.raises(BackendFailed) as caught:
        vllm.complete(address, body(stream=True), PATIENT)
    assert caught.value.failure.outcome is Outcome.GARBAGE


def test_the_cpu_backends_languages_are_read_and_junk_is_left_out():
    entries = [
        {"id": "tesseract", "max_model_len": 32768, "languages": ["deu", 7, "eng"]},
        {"id": "odd", "max_model_len": "long"},
        {"id": 7},
        "x",
    ]
    with scripted(b"HTTP/1.1 200 OK\r\n\r\n" + json.dumps({"data": entries}).encode()) as address:
        served = vllm.list_models(address, 5.0)
    assert served == [vllm.ServedModel("tesseract", 32768, ("deu", "eng")), vllm.ServedModel("odd", None)]


def test_a_model_list_that_is_none_is_garbage(host):
    host.set_fault("html_garbage", path="/v1/models")
    with pytest.raises(BackendFailed) as caught:
        vllm.list_models(endpoint(host), 5.0)
    assert caught.value.failure.outcome is Outcome.GARBAGE
