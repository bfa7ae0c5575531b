from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.domain import chat
from tests.recordings import recorded

IMAGE = b"\xff\xd8\xff\xe0 not much of a page"


def body(**changes):
    return chat.build_body(**{"model": "m", "image": IMAGE, "prompt": "Free OCR.", "max_tokens": 900, **changes})


def streamed(lines):
    reader = chat.StreamReader()
    for line in lines:
        reader.feed(line)
    return reader.reply()


@pytest.mark.parametrize(
    ("mode", "prompt", "expected"),
    [
        ("markdown", "", "<|grounding|>Convert the document to markdown."),
        ("markdown", "ignored", "<|grounding|>Convert the document to markdown."),
        ("text", "", "Free OCR."),
        ("figure", "", "Parse the figure."),
        ("custom", " Describe this image. ", "Describe this image."),
        ("custom", "<image>\nLocate <|ref|>x<|/ref|>", "Locate <|ref|>x<|/ref|>"),
        ("custom", "<ima<image>ge>Read", "Read"),
        ("custom", "<image>", "Free OCR."),
    ],
)
def test_each_mode_has_its_prompt_and_a_custom_one_loses_image_placeholders(mode, prompt, expected):
    assert chat.prompt_for(mode, prompt) == expected


@pytest.mark.parametrize(("length", "expected"), [(8192, 6892), (4096, 2796), (1400, 256), (1, 256)])
def test_output_tokens_leave_room_for_the_image(length, expected):
    assert chat.max_tokens_for(length) == expected


def test_the_body_is_what_the_server_asks_for():
    made = body()
    image, text = made["messages"][0]["content"]
    assert base64.b64decode(str(image["image_url"]["url"]).removeprefix("data:image/jpeg;base64,")) == IMAGE
    assert text == {"type": "text", "text": "Free OCR."}
    assert made["skip_special_tokens"] is False
    assert made["vllm_xargs"] == {"ngram_size": 30, "window_size": 90, "whitelist_token_ids": [128821, 128822]}
    assert made["temperature"] == 0.0
    assert made["max_tokens"] == 900
    assert "extra_body" not in made
    assert "language" not in made
    assert "stream_options" not in made


def test_a_stream_is_asked_to_tell_its_token_counts():
    assert body(stream=True)["stream_options"] == {"include_usage": True}


def test_the_language_is_sent_only_when_there_is_one():
    assert body(language="deu+eng")["language"] == "deu+eng"


@pytest.mark.parametrize("size", [0, None])
def test_no_ngram_size_leaves_the_guard_out_because_zero_is_refused(size):
    assert "vllm_xargs" not in body(ngram_size=size)


def test_repetition_detection_lets_a_month_of_empty_cells_pass():
    assert body()["repetition_detection"]["min_count"] > 31
    assert "repetition_detection" not in body(repetition_detection=False)


def test_a_media_type_that_could_break_out_of_its_string_is_refused():
    with pytest.raises(ValueError, match="media type"):
        body(media_type='image/png","x":"')


@given(st.text(), st.binary())
def test_the_encoded_body_is_the_same_json_as_the_plain_way(prompt, image):
    made = body(prompt=prompt, image=image)
    assert json.loads(chat.encode_body(made)) == json.loads(json.dumps(made, default=str))


@pytest.mark.parametrize(
    "given_body",
    [
        {},
        {"messages": []},
        {"messages": [{"role": "user", "content": "hi"}]},
        {"messages": [{"content": []}]},
        {"messages": 3},
    ],
)
def test_a_body_from_elsewhere_is_encoded_unchanged(given_body):
    assert json.loads(chat.encode_body(given_body)) == given_body


def test_a_recorded_answer_is_read():
    reply = chat.parse_reply(recorded("scripted_page").json())
    assert reply.text.startswith("<|ref|>title<|/ref|><|det|>[[110, 40, 700, 90]]<|/det|>\n# Example page")
    assert "Größe, naïve, 漢字, emoji 🦊 and x < y & z." in reply.text
    assert (reply.finish_reason, reply.prompt_tokens, reply.completion_tokens) == ("stop", 913, 141)


def test_a_recorded_answer_that_was_cut_says_length():
    assert chat.parse_reply(recorded("scripted_page_cut_at_20").json()).finish_reason == "length"


def test_a_recorded_stream_gives_the_same_text_as_the_plain_answer():
    assert streamed(recorded("scripted_page_stream").lines()) == chat.parse_reply(recorded("scripted_page").json())


def test_a_recorded_stream_without_usage_is_whole_all_the_same():
    reply = streamed(recorded("chat_stream_nousage").lines())
    assert (reply.text, reply.finish_reason, reply.completion_tokens) == (" pbvo dtdr pbvo dtdr", "length", None)


def test_an_error_in_a_recorded_stream_is_an_error_though_done_follows():
    with pytest.raises(chat.StreamError, match="EngineCore encountered an issue"):
        streamed(recorded("engine_death_stream").lines())


def test_a_stream_cut_anywhere_is_never_taken_for_a_page():
    lines = recorded("scripted_page_stream").lines()
    done = lines.index("data: [DONE]")
    for end in range(done):
        with pytest.raises(chat.StreamBroken):
            streamed(lines[:end])


def test_comments_blank_lines_and_other_fields_of_a_stream_are_skipped():
    lines = recorded("chat_stream_nousage").lines()
    noisy = [noise for line in lines for noise in (": keep-alive", "", "event: x", "id: 7", line)]
    assert streamed(noisy) == streamed(lines)


@pytest.mark.parametrize("line", ["data: {", "data: []", "data: 7", "data:"])
def test_a_chunk_that_is_no_object_is_garbage(line):
    with pytest.raises(chat.Garbage):
        chat.StreamReader().feed(line)


@pytest.mark.parametrize(
    "payload",
    [
        None,
        [],
        "text",
        {},
        {"choices": []},
        {"choices": [7]},
        {"choices": [{"finish_reason": "stop"}]},
        {"choices": [{"message": {"content": "x"}, "finish_reason": None}]},
        {"choices": [{"message": {"content": ["x"]}, "finish_reason": "stop"}]},
        {"object": "error", "message": "no"},
    ],
)
def test_what_is_not_a_finished_completion_is_garbage(payload):
    with pytest.raises(chat.Garbage):
        chat.parse_reply(payload)


@pytest.mark.parametrize(
    "usage", [None, {}, [], {"prompt_tokens": "9"}, {"prompt_tokens": True}, {"prompt_tokens": -1}]
)
def test_strange_token_counts_are_unknown_not_fatal(usage):
    payload = {"choices": [{"message": {"content": None}, "finish_reason": "stop"}], "usage": usage}
    assert chat.parse_reply(payload) == chat.Reply("", "stop", None, None)


@pytest.mark.parametrize(
    ("raw", "stored"),
    [
        ("a\x00b", "ab"),
        ("x\ud800y", "x\ufffdy"),
        ("\ud83e\udd8a", "🦊"),
        ("end\ud800", "end\ufffd"),
        ("plain", "plain"),
    ],
)
def test_text_that_a_database_would_refuse_is_made_storable(raw, stored):
    assert chat.storable(raw) == stored


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        ({"error": {"message": "m"}}, "m"),
        ({"error": "Unauthorized"}, "Unauthorized"),
        ({"object": "error", "message": "flat"}, "flat"),
        ({"detail": "Not Found"}, "Not Found"),
        ({"error": None}, ""),
        ({"detail": [{"msg": "x"}]}, '[{"msg": "x"}]'),
        ([], ""),
        (None, ""),
    ],
)
def test_the_message_is_found_in_every_form_of_error_body(payload, message):
    assert chat.error_message(payload) == message
