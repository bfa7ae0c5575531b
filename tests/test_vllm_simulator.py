from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from jobs.domain import chat
from tests.patience import until
from tests.recordings import recorded
from tests.vllm_simulator import MODEL, Simulator

CHAT = "/v1/chat/completions"


def body(number=0, **changes):
    image = b"\xff\xd8 page %d" % number
    prompt = chat.prompt_for("markdown")
    made = chat.build_body(**{"model": MODEL, "image": image, "prompt": prompt, "max_tokens": 6892, **changes})
    return json.loads(chat.encode_body(made))


def sha(number):
    return hashlib.sha256(b"\xff\xd8 page %d" % number).hexdigest()


def post(host, request=None, **kwargs):
    return requests.post(host.base_url + CHAT, json=request or body(), timeout=20, **kwargs)


def shape(value):
    """Keys and kinds, without what they hold; a list by its first entry."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    return [shape(value[0])] if isinstance(value, list) and value else type(value).__name__


def chunks(text):
    return [chat._decoded(line[5:]) for line in text.split("\n") if line.startswith("data: {")]


@pytest.fixture
def host():
    with Simulator.start() as simulator:
        yield simulator


def test_a_plain_answer_has_the_recorded_shape(host):
    answer = post(host)
    assert shape(answer.json()) == shape(recorded("scripted_page").json())
    assert answer.headers["Content-Type"].startswith("application/json")


@pytest.mark.parametrize(("usage", "name"), [(True, "scripted_page_stream"), (False, "chat_stream_nousage")])
def test_a_stream_has_the_recorded_shapes_from_its_first_to_its_last_chunk(host, usage, name):
    answer = post(host, {**body(), "stream": True, "stream_options": {"include_usage": usage}})
    answer.encoding = "utf-8"
    ours, theirs = chunks(answer.text), chunks(recorded(name).body.decode())
    last = -2 if usage else -1
    assert [shape(chunk) for chunk in (ours[0], ours[1], ours[-1])] == [
        shape(c) for c in (theirs[0], theirs[1], theirs[-1])
    ]
    assert shape(ours[last]) == shape(theirs[last])
    assert answer.text.endswith("data: [DONE]\n\n")
    assert answer.headers["Content-Type"] == recorded(name).headers["content-type"]


def test_models_version_and_health_have_the_recorded_shapes(host):
    get = {path: requests.get(host.base_url + path, timeout=20) for path in ("/v1/models", "/version", "/health")}
    assert shape(get["/v1/models"].json()) == shape(recorded("get_v1_models").json())
    assert shape(get["/version"].json()) == shape(recorded("get_version").json())
    assert (get["/health"].status_code, get["/health"].content) == (200, b"")


def test_metrics_carry_the_recorded_names_and_labels(host):
    post(host)
    ours = requests.get(host.base_url + "/metrics", timeout=20).text
    theirs = recorded("metrics").body.decode()

    def series(text):
        return {line.rpartition(" ")[0] for line in text.splitlines() if line.startswith("vllm:")}

    assert series(ours) <= series(theirs)
    assert 'finished_reason="stop",model_name="deepseek-ai/DeepSeek-OCR"} 1.0' in ours


REFUSED = [
    ("err_model_404", {"model": "nope"}),
    ("err_no_messages", {"messages": None}),
    ("err_max_tokens_0", {"max_tokens": 0}),
    ("err_max_tokens_neg", {"max_tokens": -1}),
    ("max_tokens_100000", {"max_tokens": 100_000}),
    ("xargs_ngram0", {"vllm_xargs": {"ngram_size": 0}}),
]


@pytest.mark.parametrize(("name", "change"), REFUSED)
def test_a_bad_request_is_refused_as_recorded(host, name, change):
    answer, theirs = post(host, {**body(), **change}), recorded(name)
    assert (answer.status_code, shape(answer.json())) == (theirs.status, shape(theirs.json()))
    assert host.calls == []


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("err_bad_base64", "data:image/png;base64,AAA"),
        ("err_malformed_dataurl", "data:image/png;base64"),
        ("err_undecodable_image", "data:image/png;base64,AAAA"),
        ("err_http_url_refused", "http://127.0.0.1:9/x.png"),
    ],
)
def test_a_bad_image_is_refused_as_recorded(host, name, url):
    request = {
        "model": MODEL,
        "messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}],
    }
    answer, theirs = post(host, request), recorded(name)
    assert (answer.status_code, shape(answer.json())) == (theirs.status, shape(theirs.json()))


def test_a_missing_key_is_refused_as_recorded_and_health_needs_none():
    with Simulator.start(api_key="secret") as host:
        answer = post(host)
        assert (answer.status_code, answer.json()) == (401, recorded("auth_missing").json())
        assert post(host, headers={"Authorization": "Bearer secret"}).status_code == 200
        assert requests.get(host.base_url + "/health", timeout=20).status_code == 200


def test_engine_death_and_draining_answer_as_recorded(host):
    host.set_fault("draining", times=1)
    host.set_fault("engine_death", times=1)
    for name in ("drain_new_request", "kill_enginecore_inflight_inflight_plain"):
        answer, theirs = post(host), recorded(name)
        assert (answer.status_code, answer.json()) == (theirs.status, theirs.json())


def test_the_text_carries_the_hash_of_the_image(host):
    text = post(host, body(7)).json()["choices"][0]["message"]["content"]
    assert f"page {sha(7)[:16]}" in text
    assert text.startswith("<|ref|>title<|/ref|>")
    plain = post(host, body(7, prompt="Free OCR.")).json()["choices"][0]["message"]["content"]
    assert plain.startswith(f"page {sha(7)[:16]}")
    host.set_text(sha(7), "known words")
    assert post(host, body(7)).json()["choices"][0]["message"]["content"] == "known words"


def test_tags_vanish_when_special_tokens_are_skipped_as_recorded(host):
    text = post(host, {**body(), "skip_special_tokens": True}).json()["choices"][0]["message"]["content"]
    assert text.startswith("title[[110, 40, 700, 90]]\n# Page")


def test_max_tokens_cut_the_text(host):
    choice = post(host, body(max_tokens=20)).json()["choices"][0]
    assert choice["finish_reason"] == "length"
    assert len(choice["message"]["content"]) < 150


def test_requests_beyond_the_slots_wait_and_those_beyond_the_allowance_are_counted():
    with Simulator.start(slots=2, service_seconds=0.3, allowed_extra=1) as host, ThreadPoolExecutor(5) as pool:
        answers = [pool.submit(post, host, body(n)) for n in range(5)]
        until(lambda: host.state()["in_flight"] == 5)
        state = host.state()
        assert (state["running"], state["waiting"]) == (2, 3)
        assert all(answer.result(20).status_code == 200 for answer in answers)
        assert (host.max_in_flight, host.over_limit) == (5, 2)


def test_a_client_that_hangs_up_frees_its_slot_whether_it_ran_or_waited():
    with Simulator.start(slots=1, service_seconds=60.0) as host:
        with ThreadPoolExecutor(2) as pool:
            calls = [pool.submit(requests.post, host.base_url + CHAT, json=body(), timeout=0.8) for _ in range(2)]
            until(lambda: (host.state()["running"], host.state()["waiting"]) == (1, 1))
            assert all(isinstance(call.exception(20), requests.Timeout) for call in calls)
        until(lambda: host.state()["in_flight"] == 0)
        assert host.state()["running"] == 0
        assert [call.outcome for call in host.calls] == ["abort", "abort"]
        assert host.state()["ended"] == {"abort": 2}


def test_everything_in_flight_dies_with_the_engine_then_the_port_closes_and_opens_again():
    with Simulator.start(slots=2, service_seconds=60.0) as host, ThreadPoolExecutor(4) as pool:
        others = [pool.submit(post, host, body(n, stream=n == 0)) for n in range(3)]
        until(lambda: host.state()["in_flight"] == 3)
        host._run(_die(host))
        answers = [other.result(20) for other in others]
        assert [answer.status_code for answer in answers] == [200, 500, 500]
        assert all("EngineCore encountered an issue" in answer.text for answer in answers)
        assert requests.get(host.base_url + "/health", timeout=20).status_code == 503
        until(lambda: not host.listening)
        with pytest.raises(requests.ConnectionError):
            post(host)
        host.configure(service_seconds=0.0)
        host.listen_again()
        assert post(host).status_code == 200


async def _die(host):
    host.host.die(1.0)


def test_the_engine_can_die_of_one_page_alone(host):
    host.set_fault("engine_death", when=lambda call: call.image_sha256 == sha(3), health_seconds=0.0)
    assert post(host, body(2)).status_code == 200
    assert post(host, body(3)).status_code == 500
    until(lambda: not host.listening)
    host.listen_again()
    assert post(host, body(2)).status_code == 200
    assert post(host, body(3)).status_code == 500


def test_an_engine_that_was_started_anew_is_not_closed_by_its_earlier_death(host):
    host.set_fault("engine_death", times=1, health_seconds=0.2)
    post(host)
    host.clear_faults()
    threading.Event().wait(0.3)  # the moment in which it must not happen
    assert post(host).status_code == 200


def test_a_stream_met_by_engine_death_ends_with_the_error_as_recorded(host):
    host.set_fault("engine_death")
    answer = post(host, body(stream=True))
    assert chunks(answer.text)[-1] == chunks(recorded("engine_death_stream").body.decode())[-1]
    assert answer.text.endswith("data: [DONE]\n\n")


def test_faults_run_out_and_come_in_the_order_they_were_set(host):
    host.set_fault("status", times=2, status=503)
    host.set_fault("status", times=1, status=429, headers={"Retry-After": "7"})
    assert [post(host).status_code for _ in range(4)] == [503, 503, 429, 200]


def test_a_wrong_model_shows_in_the_list_and_in_the_answer(host):
    host.set_fault("wrong_model")
    assert requests.get(host.base_url + "/v1/models", timeout=20).json()["data"][0]["id"] != MODEL
    assert post(host).status_code == 404


@pytest.mark.parametrize(("version", "ends"), [("0.20.2", "repetition"), ("0.16.0", "length")])
def test_a_loop_ends_by_detection_where_the_version_has_it(version, ends):
    with Simulator.start(version=version) as host:
        host.set_fault("looping")
        assert post(host).json()["choices"][0]["finish_reason"] == ends


def test_an_unknown_fault_or_setting_is_a_mistake_of_the_test(host):
    with pytest.raises(ValueError, match="no such fault"):
        host.set_fault("explode")
    with pytest.raises(ValueError, match="no such setting"):
        host.configure(slotz=3)


def test_a_killed_host_cuts_what_is_in_flight():
    with Simulator.start(service_seconds=60.0) as host, ThreadPoolExecutor(1) as pool:
        call = pool.submit(post, host)
        until(lambda: host.state()["running"] == 1)
        host.stop_listening(drop=True)
        with pytest.raises(requests.ConnectionError):
            call.result(20)


@pytest.mark.parametrize("stream", [False, True])
def test_a_host_that_listens_no_more_answers_what_it_has_in_hand_and_nothing_after_it(stream):
    with Simulator.start() as host, ThreadPoolExecutor(1) as pool, requests.Session() as kept:
        host.configure(held=True)
        call = pool.submit(kept.post, host.base_url + CHAT, json=body(stream=stream), timeout=20)
        until(lambda: host.state()["running"] == 1)
        host.stop_listening()
        host.configure(held=False)
        assert call.result(20).status_code == 200
        with pytest.raises(requests.ConnectionError):
            kept.post(host.base_url + CHAT, json=body(stream=stream), timeout=20)


def test_reset_forgets_everything(host):
    post(host)
    host.set_fault("busy")
    host.stop_listening()
    host.reset()
    assert (host.calls, host.max_in_flight, host.listening) == ([], 0, True)
    assert post(host).status_code == 200


def test_it_runs_as_a_process_that_tests_can_drive():
    command = [sys.executable, "-m", "tests.vllm_simulator", "--slots", "2", "--model", "m"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        base_url, control = process.stdout.readline().strip(), process.stdout.readline().strip()
        try:
            fault = {"kind": "status", "status": 429, "times": 1, "when": {"image_sha256": sha(1)[:16]}}
            requests.post(f"{control}/faults", json=fault, timeout=20).raise_for_status()
            statuses = [
                requests.post(base_url + CHAT, json=body(n, model="m"), timeout=20).status_code for n in (0, 1, 1)
            ]
            assert statuses == [200, 429, 200]
            assert requests.post(f"{control}/faults", json={"kind": "x"}, timeout=20).status_code == 400
            assert requests.get(f"{control}/nothing", timeout=20).status_code == 404
            requests.post(f"{control}/stop", timeout=20).raise_for_status()
            with pytest.raises(requests.ConnectionError):
                requests.get(base_url + "/health", timeout=20)
            requests.post(f"{control}/listen", timeout=20).raise_for_status()
            requests.post(f"{control}/settings", json={"service_seconds": 0.01}, timeout=20).raise_for_status()
            assert requests.get(base_url + "/health", timeout=20).status_code == 200
            state = requests.get(f"{control}/state", timeout=20).json()
            assert [call["outcome"] for call in state["calls"]] == ["stop", "status", "stop"]
            assert requests.post(f"{control}/reset", timeout=20).json()["calls"] == []
        finally:
            process.terminate()
        assert process.wait(20) == 0
