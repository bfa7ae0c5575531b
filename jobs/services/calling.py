"""From a Backend row to calls of its host: endpoint, deadlines, the right number of tokens."""

from __future__ import annotations

from typing import cast

from django.conf import settings

from jobs.domain import chat
from jobs.domain import deadlines as limits
from jobs.domain.ladder import Rung
from jobs.domain.model_profiles import profile
from jobs.domain.reruns import Wishes
from jobs.gateways import secrets, vllm
from jobs.models import Backend

NGRAM_SIZE, WINDOW_SIZE = 30, 90  # vLLM's own recipe for DeepSeek-OCR
CONNECT_SECONDS = 3.0  # a host on the same network answers in milliseconds; a dead one should not hold a slot


def endpoint(backend: Backend) -> vllm.Endpoint:
    """Where and how to call it. Raises errors.Unavailable when its key cannot be read any more."""
    key = secrets.decrypt(backend.encrypted_api_key)
    return vllm.Endpoint(backend.base_url, backend.model, key, settings.BACKEND_CA_FILE)


def deadlines(seconds: float | None = None) -> vllm.Deadlines:
    """A call's time limits. First byte and whole answer share one: a plain answer comes all at once, at its end."""
    limit = seconds or settings.CALL_SECONDS
    return vllm.Deadlines(connect_seconds=CONNECT_SECONDS, read_seconds=limit, total_seconds=limit)


def time_limit(backend: Backend) -> float:
    """Seconds that a page's call may take there, by the speed measured. A CPU's time does not follow the tokens."""
    health = getattr(backend, "health", None)
    speed = health.tokens_per_second if health and backend.kind == "gpu" else None
    return limits.call_seconds(max_tokens(backend), speed, cap_seconds=settings.CALL_SECONDS)


def context_length(backend: Backend) -> int:
    """Tokens: the smaller of what the profile says and the host serves."""
    health = getattr(backend, "health", None)
    served = health.served_max_model_len if health else None
    return min(backend.max_model_len, served or backend.max_model_len)


def max_tokens(backend: Backend) -> int:
    """What is left of the context after the image."""
    return chat.max_tokens_for(context_length(backend))


def body_for(backend: Backend, wishes: Wishes, image: bytes, rung: Rung | None = None) -> dict[str, object]:
    """The request for one page, read as `wishes` says: its document's, or its rerun's. `rung` is what to do
    differently because it was read badly before."""
    rung = rung or Rung("")
    health = getattr(backend, "health", None)
    mode = cast(chat.Mode, rung.mode or wishes.mode)
    language = wishes.language if profile(backend.model_profile).takes_language else ""
    return chat.build_body(
        model=backend.model,
        image=image,
        prompt=chat.prompt_for(mode, wishes.prompt),
        max_tokens=max_tokens(backend),
        temperature=rung.temperature,
        ngram_size=rung.ngram_size or NGRAM_SIZE,
        window_size=rung.window_size or WINDOW_SIZE,
        # A version that does not know it ignores it; one that is not known may know it.
        repetition_detection=chat.detects_repetition(health.version if health else "") is not False,
        stream=backend.streaming,
        language=language,
    )
