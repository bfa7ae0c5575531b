"""Requests read and answers written, in the shapes recorded from vLLM."""

from __future__ import annotations

import json

import pytest

from jobs.cpu_backend import chat

IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
TEXT = {"type": "text", "text": "<|grounding|>Convert the document to markdown."}
USAGE = {"prompt_tokens": 5, "total_tokens": 7, "completion_tokens": 2}


def body(**changes) -> bytes:
    return json.dumps({"messages": [{"role": "user", "content": [IMAGE, TEXT]}], **changes}).encode()


def messages(*parts) -> list:
    return [{"role": "user", "content": list(parts)}]


def test_a_request_as_a_client_of_deepseek_ocr_sends_it_is_read():
    request = chat.read_request(
        body(model="tesseract", max_tokens=100, temperature=0, language=" deu ", vllm_xargs={"ngram_size": 30})
    )
    assert request.image_url == IMAGE["image_url"]["url"]
    assert (request.tagged, request.max_tokens, request.language, request.stream) == (True, 100, "deu", False)


def test_a_prompt_without_grounding_wants_plain_text():
    assert not chat.read_request(body(messages=messages(IMAGE, {"type": "text", "text": "Free OCR."}))).tagged


def test_a_stream_may_ask_for_usage():
    request = chat.read_request(body(stream=True, stream_options={"include_usage": True}))
    assert (request.stream, request.include_usage) == (True, True)


@pytest.mark.parametrize(
    ("content", "status", "kind", "param", "words"),
    [
        (b'{"mess', 400, "Bad Request", "body", "JSON decode error"),
        (b"[" * 100_000, 400, "Bad Request", "body", "JSON decode error"),
        (b"[]", 400, "Bad Request", "body", "JSON object"),
        (b"{}", 400, "Bad Request", "body.messages", "Field required"),
        (body(messages="x"), 400, "Bad Request", "body.messages", "list of messages"),
        (body(messages=messages({"type": "video"})), 400, "Bad Request", "body.messages", "Content is either"),
        (body(messages=[{"role": "user", "content": "Free OCR."}]), 400, "BadRequestError", None, "0 were sent"),
        (body(messages=messages(IMAGE, IMAGE)), 400, "BadRequestError", None, "2 were sent"),
        (body(model="nope"), 404, "NotFoundError", "model", "The model `nope` does not exist."),
        (body(max_tokens=0), 400, "BadRequestError", "max_tokens", "must be at least 1, got 0"),
        (body(max_tokens=40_000), 400, "BadRequestError", "max_tokens", "cannot be greater than max_model_len"),
        (body(max_tokens="9"), 400, "Bad Request", "body.max_tokens", "valid integer"),
        (body(language=["deu"]), 400, "BadRequestError", "language", "deu+eng"),
    ],
)
def test_a_bad_request_is_refused_as_vllm_would(content: bytes, status: int, kind: str, param: str | None, words: str):
    with pytest.raises(chat.ApiError) as caught:
        chat.read_request(content)
    error = caught.value.body["error"]
    assert (caught.value.status, error["code"], error["type"], error["param"]) == (status, status, kind, param)
    assert words in error["message"]


def answer(*pieces: str, finish_reason: str = "stop") -> chat.Answer:
    return chat.Answer("chatcmpl-1", 1_800_000_000, pieces, finish_reason, prompt_tokens=5, completion_tokens=2)


def test_a_completion_has_the_content_the_reason_and_the_usage():
    completion = chat.completion(answer("one\n\n", "two"))
    choice = completion["choices"][0]
    assert (completion["object"], completion["model"]) == ("chat.completion", "tesseract")
    assert (choice["message"]["content"], choice["finish_reason"]) == ("one\n\ntwo", "stop")
    assert completion["usage"] == USAGE


def events(one: chat.Answer, *, include_usage: bool) -> list:
    text = "".join(chat.stream(one, include_usage=include_usage))
    assert text.endswith("data: [DONE]\n\n")
    return [json.loads(line.removeprefix("data: ")) for line in text.split("\n\n")[:-2]]


def test_a_stream_begins_with_the_role_and_ends_with_the_reason():
    first, *middle, last = events(answer("one\n\n", "zwei ü", finish_reason="length"), include_usage=False)
    assert first["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert [chunk["choices"][0]["finish_reason"] for chunk in middle] == [None]
    assert last["choices"][0]["finish_reason"] == "length"
    assert "".join(chunk["choices"][0]["delta"]["content"] for chunk in (first, *middle, last)) == "one\n\nzwei ü"


def test_usage_is_a_chunk_of_its_own():
    *_, last = events(answer("one"), include_usage=True)
    assert (last["choices"], last["usage"]) == ([], USAGE)


def test_a_blank_page_streams_an_empty_content():
    _, last = events(answer(), include_usage=False)
    assert (last["choices"][0]["delta"]["content"], last["choices"][0]["finish_reason"]) == ("", "stop")


def test_the_model_says_its_languages_beside_its_length():
    card = chat.models(("deu", "eng"), 1)["data"][0]
    assert (card["id"], card["max_model_len"], card["languages"]) == ("tesseract", 32_768, ["deu", "eng"])
