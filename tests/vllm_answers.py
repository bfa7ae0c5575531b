"""Answers in the shapes recorded from vLLM 0.32.0 (tests/recordings/vllm). A test compares the two, key by key."""

from __future__ import annotations

import base64
import binascii
import functools
import hashlib
import itertools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.recordings import recorded

ENGINE_DEATH = "EngineCore encountered an issue. See stack trace (above) for the root cause."
DRAINING = "cannot schedule new futures after shutdown"
OOM = (
    "CUDA out of memory. Tried to allocate 22.00 MiB. GPU 0 has a total capacity of 23.99 GiB of which 9.1 MiB is free."
)
BUSY = "The engine is currently busy and cannot accept new requests. Please try again later or on a different instance."
FINGERPRINT = "vllm-0.32.0-9b8826b4"
CREATED = 1795449910
PROMPT_TOKENS = 913  # an A4 page, as recorded
TYPES = {400: "BadRequestError", 404: "NotFoundError", 422: "UnprocessableEntityError", 429: "RateLimitError"}
FINISH_REASONS = ("stop", "length", "abort", "error", "repetition")

_TAG = re.compile(r"<\|/?\w+\|>")
_TOKEN = re.compile(r"<\|/?\w+\|>|\s?[^\s<]{1,5}|\s|<")
_ids = itertools.count(0x81B6B627EE3F11B4)


class Refusal(Exception):
    """The request is answered with an error before it reaches a slot."""

    def __init__(self, status: int, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.payload = error(message, status, param)


def error(message: str, status: int = 500, param: str | None = None) -> dict[str, Any]:
    kind = TYPES.get(status, "InternalServerError" if status != 503 else "Service Unavailable")
    return {"error": {"message": message, "type": kind, "param": param, "code": status}}


def page_text(image_sha256: str, prompt: str) -> str:
    """What the simulator "reads": the image's own hash, so that a test can tell whose text it got."""
    name = image_sha256[:16]
    lines = f"page {name}\nThe quick brown fox jumps over the lazy dog. Größe, naïve, 漢字, 🦊 and x < y & z."
    if "<|grounding|>" not in prompt:
        return lines
    return (
        f"<|ref|>title<|/ref|><|det|>[[110, 40, 700, 90]]<|/det|>\n# Page {name}\n\n"
        f"<|ref|>text<|/ref|><|det|>[[110, 120, 880, 260]]<|/det|>\n{lines}\n"
    )


def tokens(text: str) -> list[str]:
    """Pieces as a tokenizer might cut them; joined they are the text again."""
    return _TOKEN.findall(text)


def without_special_tokens(text: str) -> str:
    return _TAG.sub("", text)


def completion(model: str, text: str, finish_reason: str) -> dict[str, Any]:
    message = {
        "role": "assistant",
        "content": text,
        **dict.fromkeys(("refusal", "annotations", "audio", "function_call", "reasoning")),
    }
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish_reason}
    stop_reason = "repetition_detected" if finish_reason == "repetition" else None
    count = len(tokens(text)) + 1
    usage = {"prompt_tokens": PROMPT_TOKENS, "total_tokens": PROMPT_TOKENS + count, "completion_tokens": count}
    return {
        **_head(model, "chat.completion"),
        "choices": [{**choice, "stop_reason": stop_reason, "token_ids": None, "routed_experts": None}],
        "service_tier": None,
        "system_fingerprint": FINGERPRINT,
        "usage": {**usage, "prompt_tokens_details": None, "completion_tokens_details": None},
        **dict.fromkeys(("prompt_logprobs", "prompt_token_ids", "prompt_text")),
        **dict.fromkeys(("kv_transfer_params", "ec_transfer_params", "metrics")),
    }


def chunks(model: str, text: str, finish_reason: str, *, usage: bool) -> Iterator[dict[str, Any]]:
    """The objects of a stream, without the closing [DONE]."""
    head = _head(model, "chat.completion.chunk")
    pieces = tokens(text)
    first = {"index": 0, "delta": {"role": "assistant", "content": ""}, "logprobs": None, "finish_reason": None}
    yield {**head, "choices": [first], "prompt_token_ids": None, "prompt_text": None}
    for piece in pieces:
        delta = {"index": 0, "delta": {"content": piece}, "logprobs": None, "finish_reason": None, "token_ids": None}
        yield {**head, "choices": [delta]}
    last = {"index": 0, "delta": {"content": ""}, "logprobs": None, "finish_reason": finish_reason}
    ending = {**head, "choices": [{**last, "stop_reason": None, "token_ids": None}]}
    if not usage:
        yield {**ending, "system_fingerprint": FINGERPRINT}
        return
    yield ending
    count = len(pieces) + 1
    counts = {"prompt_tokens": PROMPT_TOKENS, "total_tokens": PROMPT_TOKENS + count, "completion_tokens": count}
    yield {**head, "choices": [], "usage": counts, "system_fingerprint": FINGERPRINT}


def event(payload: Mapping[str, Any]) -> bytes:
    return b"data: " + json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode() + b"\n\n"


def models(model: str, max_model_len: int) -> dict[str, Any]:
    allowed = {"allow_sampling": True, "allow_logprobs": True, "allow_view": True}
    refused = dict.fromkeys(("allow_create_engine", "allow_search_indices", "allow_fine_tuning", "is_blocking"), False)
    permission = {"id": "modelperm-aaf963afef8b2507", "object": "model_permission", "created": CREATED}
    entry = {
        "id": model,
        "object": "model",
        "created": CREATED,
        "owned_by": "vllm",
        "root": "model",
        "parent": None,
        "max_model_len": max_model_len,
        "permission": [{**permission, **allowed, **refused, "organization": "*", "group": None}],
    }
    return {"object": "list", "data": [entry]}


def metrics(model: str, *, running: int, waiting: int, slots: int, tokens_made: int, ended: Mapping[str, int]) -> str:
    """Prometheus text with the names a router reads."""
    label = f'engine="0",model_name="{model}"'
    gauges = {
        "num_requests_running": running,
        "num_requests_waiting": waiting,
        "kv_cache_usage_perc": running / slots / 2,
    }
    lines = [f"# TYPE vllm:{name} gauge\nvllm:{name}{{{label}}} {value:.4f}" for name, value in gauges.items()]
    pages = sum(ended.values())
    counters = {"prompt_tokens": PROMPT_TOKENS * pages, "generation_tokens": tokens_made, "num_preemptions": 0}
    for name, count in counters.items():
        lines.append(f"# TYPE vllm:{name}_total counter\nvllm:{name}_total{{{label}}} {count}.0")
        lines.append(f"vllm:{name}_created{{{label}}} 1.7954494392980502e+09")
    lines.append("# TYPE vllm:request_success_total counter")
    for reason in FINISH_REASONS:
        reasoned = f'engine="0",finished_reason="{reason}",model_name="{model}"'
        lines.append(f"vllm:request_success_total{{{reasoned}}} {ended.get(reason, 0)}.0")
    lines.append(_launched())
    return "\n".join(lines) + "\n"


@functools.cache
def _launched() -> str:
    """The recorded line of how a host was launched."""
    lines = recorded("metrics").body.decode().splitlines()
    return next(line for line in lines if line.startswith("vllm:cache_config_info{"))


def checked(body: object, model: str, max_model_len: int, *, processor: bool = True) -> tuple[str, str]:
    """The image's sha256 and the prompt of a request. Raises Refusal as the server does; one without the n-gram
    processor looks at no n-gram size."""
    if not isinstance(body, dict) or not isinstance(body.get("messages"), list):
        raise Refusal(400, "1 validation error:\n  {'type': 'missing', 'loc': 'body.messages'}", "body.messages")
    if body.get("model") != model:
        name = body.get("model")
        raise Refusal(404, f"The model `{name}` does not exist. Valid aliases: {model}.", "model")
    _check_numbers(body, max_model_len)
    if processor:
        _check_ngram_size(body)
    parts = [part for message in body["messages"] for part in _parts(message.get("content"))]
    prompt = "".join(part.get("text", "") for part in parts if part.get("type") == "text")
    images = [_image(part["image_url"]["url"]) for part in parts if part.get("type") == "image_url"]
    if prompt.count("<image>") > len(images) > 0:
        raise Refusal(400, "Found more '<image>' placeholders in input prompt than actual multimodal data items.")
    return hashlib.sha256(images[0]).hexdigest() if images else "", prompt


def without_image(body: Mapping[str, Any], image_sha256: str) -> dict[str, Any]:
    """The body for the record: a page's megabyte is replaced by its hash."""
    messages = [
        {**message, "content": [_named(part, image_sha256) for part in _parts(message.get("content"))]}
        for message in body["messages"]
    ]
    return {**body, "messages": messages}


def _named(part: dict[str, Any], image_sha256: str) -> dict[str, Any]:
    return {**part, "image_url": {"url": f"sha256:{image_sha256}"}} if "image_url" in part else part


def _parts(content: object) -> Sequence[dict[str, Any]]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else list(content or ())  # type: ignore[call-overload]


def _check_numbers(body: Mapping[str, Any], max_model_len: int) -> None:
    asked = body.get("max_tokens")
    if asked is not None and asked < 1:
        told = f"(parameter=max_tokens, value={asked})"
        raise Refusal(400, f"max_tokens must be at least 1, got {asked}. {told}", "max_tokens")
    if asked is not None and asked > max_model_len:
        told = f"max_tokens={asked} cannot be greater than max_model_len={max_model_len}."
        hint = f"Please request fewer output tokens. (parameter=max_tokens, value={asked})"
        raise Refusal(400, f"{told} {hint}", "max_tokens")


def _check_ngram_size(body: Mapping[str, Any]) -> None:
    size = (body.get("vllm_xargs") or {}).get("ngram_size", 1)
    if not isinstance(size, int) or size < 1:
        raise Refusal(400, f"`ngram_size` has to be a strictly positive integer, got {size}.")


def _image(url: str) -> bytes:
    if not url.startswith("data:"):
        raise Refusal(500, "Cannot connect to host 127.0.0.1:9 ssl:default [Connect call failed ('127.0.0.1', 9)]")
    _, comma, data = url.partition(",")
    if not comma:
        raise Refusal(400, f"Invalid data URL '{url[:40]}': missing ',' separator.")
    try:
        image = base64.b64decode(data)
    except binascii.Error:
        raise Refusal(400, "Non-base64 digit found") from None
    if not image.startswith((b"\xff\xd8", b"\x89PNG", b"II*\0", b"MM\0*", b"GIF8", b"RIFF", b"BM")):
        raise Refusal(400, "Failed to load image: cannot identify image file <_io.BytesIO object>")
    return image


def _head(model: str, kind: str) -> dict[str, Any]:
    return {"id": f"chatcmpl-{next(_ids):016x}", "object": kind, "created": CREATED, "model": model}
