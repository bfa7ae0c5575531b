from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.domain import failures
from jobs.domain.failures import Blame, Outcome, TransportFault
from tests import vllm_answers
from tests.recordings import recorded

HOST, PAGE, SETUP, NOBODY = Blame.HOST, Blame.PAGE, Blame.SETUP, Blame.NOBODY


def error(message, status=500, param=None, kind="InternalServerError"):
    return json.dumps({"error": {"message": message, "type": kind, "param": param, "code": status}}).encode()


def shape(failure):
    return failure.outcome.value, failure.blame, failure.elsewhere, failure.engine_death


RECORDED = [
    ("kill_enginecore_inflight_inflight_plain", ("host_down", HOST, True, True)),
    ("drain_new_request", ("host_down", NOBODY, True, False)),
    ("huge_14000x14000_196MP", ("refused", PAGE, False, False)),
    ("err_file_url", ("refused", PAGE, False, False)),
    ("err_http_url_refused", ("refused", PAGE, False, False)),
    ("err_bad_base64", ("refused", PAGE, False, False)),
    ("err_bad_json", ("refused", PAGE, False, False)),
    ("err_empty_image", ("refused", PAGE, False, False)),
    ("err_malformed_dataurl", ("refused", PAGE, False, False)),
    ("err_truncated_jpeg", ("refused", PAGE, False, False)),
    ("err_truncated_png", ("refused", PAGE, False, False)),
    ("err_undecodable_image", ("refused", PAGE, False, False)),
    ("err_max_tokens_0", ("refused", PAGE, False, False)),
    ("err_max_tokens_neg", ("refused", PAGE, False, False)),
    ("err_no_messages", ("refused", PAGE, False, False)),
    ("err_temp_neg", ("refused", PAGE, False, False)),
    ("xargs_ngram0", ("refused", PAGE, False, False)),
    ("err_long_prompt", ("cut_off", PAGE, True, False)),
    ("max_tokens_100000", ("cut_off", PAGE, True, False)),
    ("auth_missing", ("misconfigured", SETUP, True, False)),
    ("err_model_404", ("misconfigured", SETUP, True, False)),
    ("err_404_path", ("misconfigured", SETUP, True, False)),
    ("err_405", ("misconfigured", SETUP, True, False)),
    ("render_prompt", ("misconfigured", SETUP, True, False)),
]


@pytest.mark.parametrize(("name", "expected"), RECORDED)
def test_recorded_answers_are_understood(name, expected):
    answer = recorded(name)
    assert shape(failures.classify_response(answer.status, answer.headers, answer.body)) == expected


OLDER_AND_OTHER_SERVERS = [
    ("CUDA in words", 500, error(vllm_answers.OOM), ("out_of_memory", PAGE, True, False)),
    ("torch's class", 500, error("torch.OutOfMemoryError: allocation failed"), ("out_of_memory", PAGE, True, False)),
    ("class as type", 500, error("failed", kind="OutOfMemoryError"), ("out_of_memory", PAGE, True, False)),
    ("plain text", 500, b"RuntimeError: CUDA error: out of memory", ("out_of_memory", PAGE, True, False)),
    ("0.33's words", 500, error("The server had an error while processing your request."),
     ("host_down", HOST, True, True)),
    ("class name", 500, b'{"error": "EngineDeadError"}', ("host_down", HOST, True, True)),
    ("dead /health", 503, b"", ("host_down", HOST, True, True)),
    ("error of its own", 500, error("Internal server error"), ("host_down", HOST, True, False)),
    ("proxy", 502, b"<html><h1>502 Bad Gateway</h1></html>", ("host_down", HOST, True, False)),
    ("proxy full page", 503, b"<html>Service Unavailable</html>", ("host_down", HOST, True, False)),
    ("empty 500", 500, b"", ("host_down", HOST, True, False)),
    ("queue full", 503, error(vllm_answers.BUSY, 503), ("busy", NOBODY, True, False)),
    ("scaling", 503, b'{"error":"The model is currently scaling. Please wait."}', ("busy", NOBODY, True, False)),
    ("rate limit", 429, b"", ("busy", NOBODY, True, False)),
    ("flat error", 404, b'{"object":"error","message":"The model `x` does not exist."}',
     ("misconfigured", SETUP, True, False)),
    ("forbidden", 403, b"<html>no</html>", ("misconfigured", SETUP, True, False)),
    ("redirect", 307, b"", ("misconfigured", SETUP, True, False)),
    ("http to https", 400, b"The plain HTTP request was sent to HTTPS port", ("misconfigured", SETUP, True, False)),
    ("0.11 context", 400,
     error("'max_tokens' is too large: 8192. This model's maximum context length is 8192 tokens", 400),
     ("cut_off", PAGE, True, False)),
    ("decoder prompt", 400,
     error("The decoder prompt (length 903) is longer than the maximum model length of 512.", 400),
     ("cut_off", PAGE, True, False)),
    ("pixels, 0.25", 400,
     error("Image dimensions 20000x20000 (400000000 pixels) exceed the maximum of 178956970 pixels", 400),
     ("refused", PAGE, False, False)),
    ("too many images", 400,
     error("At most 1 image(s) may be provided in one prompt.", 400),
     ("refused", PAGE, False, False)),
    ("proxy's limit", 413, b"<html>413 Request Entity Too Large</html>", ("refused", PAGE, False, False)),
    ("unprocessable", 422, error("no", 422), ("refused", PAGE, False, False)),
    ("request timeout", 408, b"", ("host_down", HOST, True, False)),
    ("a teapot", 418, b"", ("refused", PAGE, False, False)),
]  # fmt: skip


@pytest.mark.parametrize(("status", "body", "expected"), [case[1:] for case in OLDER_AND_OTHER_SERVERS],
                         ids=[case[0] for case in OLDER_AND_OTHER_SERVERS])  # fmt: skip
def test_answers_of_other_versions_servers_and_proxies_are_understood(status, body, expected):
    assert shape(failures.classify_response(status, {}, body)) == expected


@pytest.mark.parametrize(
    ("message", "outcome"),
    [
        ("tesseract did not finish this page within 120 seconds.", "timeout"),
        ("tesseract failed on this page (exit code 1).", "refused"),
    ],
)
def test_what_the_cpu_backend_cannot_read_is_the_pages_fault_and_not_the_hosts(message, outcome):
    failure = failures.classify_response(500, {}, error(message, 500))
    assert (failure.outcome, failure.blame, failure.elsewhere) == (outcome, Blame.PAGE, False)


CPU_BACKEND = [
    (500, error("tesseract did not finish this page within 120 seconds.", 500)),
    (500, error("tesseract failed on this page (exit code 1).", 500)),
    (400, error("The language 'deu' is not installed", 400, "language")),
]


def test_every_row_of_the_table_has_an_answer_that_meets_it_first():
    """Recorded from vLLM, said by our own CPU backend, or known of older versions, other servers and proxies."""
    answers = [(recorded(name).status, recorded(name).body) for name, _ in RECORDED]
    answers += [(status, body) for _, status, body, _ in OLDER_AND_OTHER_SERVERS]
    answers += CPU_BACKEND
    met = {row_of(status, {}, body) for status, body in answers} | {row_of(503, {"Retry-After": "5"}, b"")}
    assert [row.failure.reason for number, row in enumerate(failures.TABLE) if number not in met] == []


def row_of(status, headers, body):
    answer = failures.answer_of(status, headers, body)
    return next(number for number, row in enumerate(failures.TABLE) if row.fits(answer))


@pytest.mark.parametrize(
    ("failure", "hides"),
    [
        (failures.HOST_ERROR, True),
        (failures.TRANSPORT[TransportFault.RESET], True),
        (failures.TRANSPORT[TransportFault.CUT], True),
        (failures.TRANSPORT[TransportFault.GARBAGE], True),
        (failures.TRANSPORT[TransportFault.REFUSED], False),
        (failures.TRANSPORT[TransportFault.CONNECT_TIMEOUT], False),
        (failures.TRANSPORT[TransportFault.READ_TIMEOUT], False),
        (failures.TRANSPORT[TransportFault.CANCELLED], False),
        (failures.DRAINING, False),
        (failures.BUSY, False),
        (failures.BAD_KEY, False),
        (failures.REFUSED, False),
    ],
)
def test_only_what_a_dying_engine_can_look_like_is_looked_into(failure, hides):
    assert failure.may_hide_death is hides


def test_what_turned_out_to_be_a_death_keeps_what_the_host_said():
    failure = failures.as_engine_death(failures.classify_transport(TransportFault.RESET, "peer went away"))
    assert (failure.engine_death, failure.reason) == (True, failures.ENGINE_DEAD.reason)
    assert failure.detail == "peer went away"


def test_a_page_that_speaks_of_memory_is_no_host_without_memory():
    body = error("invalid prompt: 'CUDA out of memory'", 400)
    assert failures.classify_response(400, {}, body).outcome is Outcome.REFUSED


def test_a_router_that_cannot_reach_its_engine_is_the_hosts_fault_when_the_image_was_in_the_request():
    answer = recorded("err_http_url_refused")
    failure = failures.classify_response(answer.status, {}, answer.body, image_by_url=False)
    assert shape(failure) == ("host_down", HOST, True, False)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"retry-after": " 1.5 "}, 1.5),
        ({"Retry-After": "-3"}, 0.0),
        ({"Retry-After": "999999999"}, 3600.0),
        ({"Retry-After": "inf"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": ""}, None),
        ({}, None),
        ({"Retry-After": "Mon, 23 Nov 2026 16:00:30 GMT", "Date": "Mon, 23 Nov 2026 16:00:00 GMT"}, 30.0),
        ({"Retry-After": "Mon, 23 Nov 2026 16:00:30 GMT"}, None),
    ],
)
def test_a_busy_host_says_when_to_come_back(headers, seconds):
    failure = failures.classify_response(429, headers, b"")
    assert (failure.outcome, failure.retry_after_seconds) == (Outcome.BUSY, seconds)


def test_503_with_retry_after_is_busy_and_not_dead():
    failure = failures.classify_response(503, {"Retry-After": "5"}, b"")
    assert (failure.outcome, failure.blame, failure.retry_after_seconds) == (Outcome.BUSY, NOBODY, 5.0)


@pytest.mark.parametrize(
    ("message", "named"),
    [
        (
            'packs "deu", "fra" are not installed. Install with: apt-get install tesseract-ocr-deu',
            "languages “deu”, “fra” are",
        ),
        ("Language pack 'deu' is not installed: apt-get install tesseract-ocr-deu", "“deu”"),
        ("Install tesseract-ocr-chi-sim to read this.", "“chi_sim”"),
        ('No language "chi_tra" here', "“chi_tra”"),
    ],
)
def test_a_missing_language_is_named(message, named):
    failure = failures.classify_response(400, {}, error(message, 400, "language"))
    assert failure.outcome is Outcome.REFUSED
    assert named in failure.reason
    assert "tesseract-ocr-" in failure.reason


@pytest.mark.parametrize("message", ["<script>alert(1)</script>", "/usr/share/tessdata", "", "'; rm -rf /'"])
def test_nothing_else_of_a_language_message_is_shown(message):
    failure = failures.classify_response(400, {}, error(message, 400, "language"))
    assert failure.reason == failures.NO_LANGUAGE.reason


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (vllm_answers.ENGINE_DEATH, ("host_down", HOST, True, True)),
        (vllm_answers.OOM, ("out_of_memory", PAGE, True, False)),
        (vllm_answers.DRAINING, ("host_down", NOBODY, True, False)),
        ("something else", ("host_down", HOST, True, False)),
        ("", ("host_down", HOST, True, False)),
    ],
)
def test_an_error_in_a_stream_is_understood_by_its_words(message, expected):
    assert shape(failures.classify_stream_error(message)) == expected


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (TransportFault.REFUSED, ("host_down", HOST, True, False)),
        (TransportFault.CONNECT_TIMEOUT, ("host_down", HOST, True, False)),
        (TransportFault.READ_TIMEOUT, ("timeout", HOST, True, False)),
        (TransportFault.RESET, ("host_down", HOST, True, False)),
        (TransportFault.CUT, ("host_down", HOST, True, False)),
        (TransportFault.TLS, ("misconfigured", SETUP, True, False)),
        (TransportFault.GARBAGE, ("garbage", HOST, True, False)),
        (TransportFault.CANCELLED, ("cancelled", NOBODY, False, False)),
        (TransportFault.ABORTED, ("host_down", HOST, True, False)),
        (TransportFault.ADDRESS, ("misconfigured", SETUP, True, False)),
    ],
)
def test_each_transport_fault_has_its_row(fault, expected):
    failure = failures.classify_transport(fault, "detail")
    assert (shape(failure), failure.detail) == (expected, "detail")


def test_every_transport_fault_is_in_the_table():
    assert set(failures.TRANSPORT) == set(TransportFault)


def test_every_reason_is_a_sentence():
    rows = [row.failure for row in failures.TABLE] + list(failures.TRANSPORT.values())
    assert all(row.reason[0].isupper() and row.reason.endswith(".") for row in rows)


@given(st.integers(100, 599), st.binary(max_size=300), st.booleans())
def test_any_answer_gives_a_failure_whose_reason_is_ours(status, body, wrapped):
    if wrapped:
        body = error(body.decode("utf-8", "replace"), status)
    failure = failures.classify_response(status, {}, body)
    ours = {row.failure.reason for row in failures.TABLE}
    assert failure.reason in ours
    assert len(failure.detail) <= 500
    assert failure.detail.isprintable()


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"error":' * 50_000, b"x" * 10_000_000, b"\xff\xfe\x00"])
def test_monstrous_bodies_are_cut_not_choked_on(body):
    failure = failures.classify_response(500, {}, body)
    assert (failure.outcome, len(failure.detail) <= 500) == (Outcome.HOST_DOWN, True)
