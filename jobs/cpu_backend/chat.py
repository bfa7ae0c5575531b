"""vLLM's chat completion, as far as one page is concerned: the request read, the answer and the errors written. Pure.

Shapes and words of errors are those recorded from vLLM 0.32, so that whoever understands vLLM understands this server.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

MODEL = "tesseract"
MAX_MODEL_LEN = 32_768
"""What /v1/models says and max_tokens is held against. A page of small print has about 2,000 words."""

GROUNDING = "<|grounding|>"


class ApiError(Exception):
    """An answer in vLLM's error shape."""

    def __init__(self, status: int, message: str, kind: str, param: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": {"message": message, "type": kind, "param": param, "code": status}}


def bad_request(message: str, param: str | None = None) -> ApiError:
    return ApiError(400, message, "BadRequestError", param)


def internal_error(message: str) -> ApiError:
    return ApiError(500, message, "InternalServerError")


@dataclass(frozen=True)
class ChatRequest:
    """`tagged`: blocks with labels and boxes are wanted, not plain text. `language` is empty where none was named."""

    image_url: str
    prompt: str
    max_tokens: int
    language: str
    stream: bool
    include_usage: bool

    @property
    def tagged(self) -> bool:
        return GROUNDING in self.prompt


@dataclass(frozen=True)
class Answer:
    """`pieces` put together are the content; a stream sends them one by one."""

    id: str
    created: int
    pieces: tuple[str, ...]
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int


def read_request(body: bytes) -> ChatRequest:
    """Raises ApiError for anything this server cannot answer. Fields it has no use for are ignored, as vLLM does."""
    payload = _object(body)
    model = payload.get("model") or MODEL
    if model != MODEL:
        message = f"The model `{model}` does not exist. Valid aliases: {MODEL}."
        raise ApiError(404, message, "NotFoundError", "model")
    texts, urls = _contents(payload)
    if len(urls) != 1:
        raise bad_request(f"This server reads exactly 1 image in one prompt, {len(urls)} were sent.")
    options = payload.get("stream_options")
    return ChatRequest(
        image_url=urls[0],
        prompt="\n".join(texts),
        max_tokens=_max_tokens(payload),
        language=_language(payload),
        stream=payload.get("stream") is True,
        include_usage=isinstance(options, dict) and options.get("include_usage") is True,
    )


def _object(body: bytes) -> dict[str, Any]:
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _invalid("body", "json_invalid", f"JSON decode error: {error}") from error
    if not isinstance(payload, dict):
        raise _invalid("body", "model_attributes_type", "Input should be a JSON object")
    return payload


def _invalid(where: str, kind: str, message: str) -> ApiError:
    text = f"1 validation error:\n  {{'type': '{kind}', 'loc': '{where}', 'msg': '{message}'}}"
    return ApiError(400, text, "Bad Request", where)


def _contents(payload: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Texts and image URLs of all messages, in order."""
    messages = payload.get("messages")
    if messages is None:
        raise _invalid("body.messages", "missing", "Field required")
    if not isinstance(messages, list) or not all(isinstance(message, dict) for message in messages):
        raise _invalid("body.messages", "list_type", "Input should be a list of messages")
    texts: list[str] = []
    urls: list[str] = []
    for message in messages:
        content = message.get("content")
        for part in content if isinstance(content, list) else [{"type": "text", "text": content or ""}]:
            _sort_part(part, texts, urls)
    return texts, urls


def _sort_part(part: Any, texts: list[str], urls: list[str]) -> None:
    match part:
        case {"type": "text", "text": str(text)}:
            texts.append(text)
        case {"type": "image_url", "image_url": {"url": str(url)}} | {"type": "image_url", "image_url": str(url)}:
            urls.append(url)
        case _:
            raise _invalid("body.messages", "union_tag_invalid", "Content is either text or an image_url")


def _max_tokens(payload: dict[str, Any]) -> int:
    value = payload.get("max_completion_tokens", payload.get("max_tokens"))
    if value is None:
        return MAX_MODEL_LEN
    if not isinstance(value, int) or isinstance(value, bool):
        raise _invalid("body.max_tokens", "int_type", "Input should be a valid integer")
    given = f"(parameter=max_tokens, value={value})"
    if value < 1:
        raise bad_request(f"max_tokens must be at least 1, got {value}. {given}", "max_tokens")
    if value > MAX_MODEL_LEN:
        message = f"max_tokens={value} cannot be greater than max_model_len={MAX_MODEL_LEN}."
        raise bad_request(f"{message} Please request fewer output tokens. {given}", "max_tokens")
    return value


def _language(payload: dict[str, Any]) -> str:
    language = payload.get("language") or ""
    if not isinstance(language, str):
        raise bad_request("language is a string of tesseract's codes, such as eng or deu+eng.", "language")
    return language.strip()


def completion(answer: Answer) -> dict[str, Any]:
    message = {
        "role": "assistant",
        "content": "".join(answer.pieces),
        "refusal": None,
        "annotations": None,
        "audio": None,
        "function_call": None,
        "reasoning": None,
    }
    choice = {
        "index": 0,
        "message": message,
        "logprobs": None,
        "finish_reason": answer.finish_reason,
        "stop_reason": None,
    }
    return {**_envelope(answer, "chat.completion"), "choices": [choice], "usage": _usage(answer)}


def stream(answer: Answer, *, include_usage: bool) -> Iterator[str]:
    """Server-sent events: the role, a chunk a block, the last with finish_reason, usage if asked for, [DONE]."""
    yield _chunk(answer, {"role": "assistant", "content": ""}, None)
    *pieces, last = answer.pieces or ("",)
    for piece in pieces:
        yield _chunk(answer, {"content": piece}, None)
    yield _chunk(answer, {"content": last}, answer.finish_reason)
    if include_usage:
        yield _event({**_envelope(answer, "chat.completion.chunk"), "choices": [], "usage": _usage(answer)})
    yield "data: [DONE]\n\n"


def _chunk(answer: Answer, delta: dict[str, str], finish_reason: str | None) -> str:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
    return _event({**_envelope(answer, "chat.completion.chunk"), "choices": [choice]})


def _event(payload: dict[str, Any]) -> str:
    return f"data: {json.dumps(payload, ensure_ascii=False, separators=(',', ':'))}\n\n"


def _envelope(answer: Answer, kind: str) -> dict[str, Any]:
    return {"id": answer.id, "object": kind, "created": answer.created, "model": MODEL}


def _usage(answer: Answer) -> dict[str, int]:
    return {
        "prompt_tokens": answer.prompt_tokens,
        "total_tokens": answer.prompt_tokens + answer.completion_tokens,
        "completion_tokens": answer.completion_tokens,
    }


def models(languages: tuple[str, ...], created: int) -> dict[str, Any]:
    """/v1/models, with the installed language packs, which vLLM does not have, beside max_model_len."""
    card = {
        "id": MODEL,
        "object": "model",
        "created": created,
        "owned_by": "ocrsite",
        "root": MODEL,
        "parent": None,
        "max_model_len": MAX_MODEL_LEN,
        "languages": list(languages),
        "permission": [],
    }
    return {"object": "list", "data": [card]}
