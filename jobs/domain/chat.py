"""What is said to a vLLM server and how its answer is read: request body, plain reply, stream.

Shapes were recorded from vLLM 0.32.0 (tests/recordings); older servers differ only in keys that are not read here.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Mode = Literal["markdown", "text", "figure", "custom"]

PROMPTS: Mapping[str, str] = {
    "markdown": "<|grounding|>Convert the document to markdown.",
    "text": "Free OCR.",
    "figure": "Parse the figure.",
}
IMAGE_TOKENS_RESERVE = 1300  # a page takes 903 to 1121 prompt tokens; the rest is the prompt and a margin
TABLE_CELL_TOKENS = (128821, 128822)  # <td> and </td> in DeepSeek-OCR's vocabulary: tables repeat them rightly
FINISH_REASONS = ("stop", "length", "repetition")

# Counted high on purpose: an empty month calendar repeats `<td></td>` 31 times and is no loop. The n-gram guard stops
# shorter periods earlier; this ends what passes it, or what a host without the guard produces.
REPETITION_DETECTION: Mapping[str, int] = {"max_pattern_size": 64, "min_pattern_size": 1, "min_count": 40}

REPETITION_DETECTION_SINCE = (0, 17)

_VERSION = re.compile(r"v?(\d{1,4})\.(\d{1,4})")
_MEDIA_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+", re.ASCII)
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True)
class DataUrl:
    """A picture as its data URL, which is written out once, when the request is encoded: each copy of a page's picture
    costs a third of a megabyte of fresh memory."""

    media_type: str
    data: bytes

    def __bytes__(self) -> bytes:
        """Base64 and a media type: nothing that JSON would have to escape."""
        return b"data:%b;base64,%b" % (self.media_type.encode(), base64.b64encode(self.data))

    def __str__(self) -> str:
        return bytes(self).decode("ascii")


class Garbage(ValueError):
    """The answer is not a chat completion."""


class StreamError(Exception):
    """The server reported an error inside the stream. `message` is the server's own: for the log, never for people."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class StreamBroken(Exception):
    """The stream ended without a finish reason or without `[DONE]`: what came before is not a page."""


@dataclass(frozen=True)
class Reply:
    """One finished answer. `finish_reason` is stop, length, repetition or abort; token counts None where not told."""

    text: str
    finish_reason: str
    prompt_tokens: int | None
    completion_tokens: int | None


def prompt_for(mode: Mode, prompt: str = "") -> str:
    """The text part of the request. vLLM puts `<image>` in front itself; a second one would be refused with 400."""
    if mode != "custom":
        return PROMPTS[mode]
    cleaned = prompt
    while "<image>" in cleaned:  # repeated: taking one away can join another together
        cleaned = cleaned.replace("<image>", "")
    return cleaned.strip() or PROMPTS["text"]


def max_tokens_for(max_model_len: int) -> int:
    """Output tokens to ask for: what the context leaves beside an image, and never less than 256."""
    return max(256, max_model_len - IMAGE_TOKENS_RESERVE)


def build_body(
    *,
    model: str,
    image: bytes,
    prompt: str,
    max_tokens: int,
    media_type: str = "image/jpeg",
    temperature: float = 0.0,
    ngram_size: int | None = 30,
    window_size: int = 90,
    repetition_detection: bool = True,
    stream: bool = False,
    language: str = "",
) -> dict[str, Any]:
    """The JSON body of POST /v1/chat/completions, for `encode_body`.

    `ngram_size` None or 0 leaves the guard out (0 itself answers 400).

    `language` ("deu+eng") is the CPU backend's own field and left out when empty.
    """
    if not _MEDIA_TYPE.fullmatch(media_type):
        raise ValueError(f"not a media type: {media_type!r}")
    parts = [{"type": "image_url", "image_url": {"url": DataUrl(media_type, image)}}, {"type": "text", "text": prompt}]
    body: dict[str, Any] = {
        "model": model,
        "messages": [{"role": "user", "content": parts}],
        "temperature": temperature,
        "max_tokens": max_tokens,
        "skip_special_tokens": False,  # else the block tags and <td> vanish from the text
        "stream": stream,
    }
    if ngram_size:
        guard = {"ngram_size": ngram_size, "window_size": window_size, "whitelist_token_ids": list(TABLE_CELL_TOKENS)}
        body["vllm_xargs"] = guard
    if repetition_detection:
        body["repetition_detection"] = dict(REPETITION_DETECTION)
    if stream:
        body["stream_options"] = {"include_usage": True}
    if language:
        body["language"] = language
    return body


def encode_body(body: dict[str, Any]) -> bytes:
    """The body as JSON. The image is put in as it is: json.dumps would take 5 ms a megabyte to look at each sign."""
    try:
        message = body["messages"][0]
        image, *parts = message["content"]
        url = image["image_url"]["url"]
    except (KeyError, IndexError, TypeError, ValueError):
        url = None
    if not isinstance(url, DataUrl):
        return json.dumps(body, separators=(",", ":")).encode()
    content = [{**image, "image_url": {**image["image_url"], "url": ""}}, *parts]
    messages = [{**message, "content": content}, *body["messages"][1:]]
    # Written first, so that the first empty URL in the text is ours, whatever a prompt says.
    others = {key: value for key, value in body.items() if key != "messages"}
    text = json.dumps({"messages": messages, **others}, separators=(",", ":"))
    head, tail = text.split('"url":""', 1)
    return b"".join((head.encode(), b'"url":"', bytes(url), b'"', tail.encode()))


def parse_reply(payload: object) -> Reply:
    """Read a plain answer, already decoded from JSON. Raises Garbage when it is not a finished completion."""
    choice = _first_choice(payload)
    if choice is None:
        raise Garbage("no choice in the answer")
    message, finish_reason = choice.get("message"), choice.get("finish_reason")
    if not isinstance(message, dict) or not isinstance(finish_reason, str):
        raise Garbage("no message or no finish reason in the answer")
    content = message.get("content")
    if content is not None and not isinstance(content, str):
        raise Garbage("the answer's content is not text")
    return Reply(storable(content or ""), finish_reason, *_usage(payload))


def storable(text: str) -> str:
    """Without NUL and lone surrogates: JSON may carry both, a database takes neither."""
    if _UNSTORABLE.search(text) is None:
        return text
    joined = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return joined.replace("\x00", "")


def detects_repetition(version: str) -> bool | None:
    """Does vLLM of this version end loops itself? Since 0.17; None where the version says nothing."""
    found = _VERSION.match(version)
    return (int(found[1]), int(found[2])) >= REPETITION_DETECTION_SINCE if found else None


class StreamReader:
    """Puts a stream together, line by line. Errors inside a stream come with HTTP 200, so each chunk is looked at."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._finish_reason: str | None = None
        self._usage: tuple[int | None, int | None] = (None, None)
        self.done = False

    def feed(self, line: str) -> str:
        """Take one line (comments and blank lines too) and return the text it added. Raises StreamError, Garbage."""
        if self.done or not line.startswith("data:"):
            return ""
        data = line[5:].strip()
        if data == "[DONE]":
            self.done = True
            return ""
        return self._take(_decoded(data))

    def reply(self) -> Reply:
        """The whole answer, after the last line. Raises StreamBroken when the stream was cut."""
        if not self.done or self._finish_reason is None:
            raise StreamBroken("the stream ended early")
        return Reply(storable("".join(self._parts)), self._finish_reason, *self._usage)

    def ended_here(self, finish_reason: str) -> Reply:
        """What has come so far, as an answer that we ended ourselves."""
        return Reply(storable("".join(self._parts)), finish_reason, *self._usage)

    def _take(self, chunk: dict[str, Any]) -> str:
        if "error" in chunk:
            raise StreamError(error_message(chunk))
        if isinstance(chunk.get("usage"), dict):
            self._usage = _usage(chunk)
        choice = _first_choice(chunk)
        if choice is None:
            return ""
        if isinstance(choice.get("finish_reason"), str):
            self._finish_reason = choice["finish_reason"]
        delta = choice.get("delta")
        content = delta.get("content") if isinstance(delta, dict) else None
        if not isinstance(content, str):
            return ""
        self._parts.append(content)
        return content


def error_message(payload: object) -> str:
    """The message in an error body, whose `error` is an object or, for 401 and scaling, a plain string."""
    if not isinstance(payload, dict):
        return ""
    error = payload.get("error", payload.get("message", payload.get("detail", "")))
    if isinstance(error, dict):
        error = error.get("message", "")
    if error is None:
        return ""
    return error if isinstance(error, str) else json.dumps(error)


def _decoded(data: str) -> dict[str, Any]:
    try:
        chunk = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Garbage("a chunk of the stream is not JSON") from error
    if not isinstance(chunk, dict):
        raise Garbage("a chunk of the stream is not an object")
    return chunk


def _first_choice(payload: object) -> dict[str, Any] | None:
    choices = payload.get("choices") if isinstance(payload, dict) else None
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        return None
    return choices[0]


def _usage(payload: object) -> tuple[int | None, int | None]:
    usage = payload.get("usage") if isinstance(payload, dict) else None
    if not isinstance(usage, dict):
        return None, None
    return _count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens"))


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
