"""From a Backend row to calls of its host: endpoint, deadlines, the right number of tokens."""

from __future__ import annotations

from typing import cast

from django.conf import settings

from jobs.domain import chat
from jobs.domain.model_profiles import profile
from jobs.domain.reruns import Wishes
from jobs.gateways import secrets, vllm
from jobs.models import Backend

CONNECT_SECONDS = 3.0  # a host on the same network answers in milliseconds; a dead one should not hold a slot


def endpoint(backend: Backend) -> vllm.Endpoint:
    """Where and how to call it. Raises errors.Unavailable when its key cannot be read any more."""
    return vllm.Endpoint(backend.base_url, backend.model, secrets.decrypt(backend.encrypted_api_key))


def deadlines(seconds: float | None = None) -> vllm.Deadlines:
    """A call's time limits. First byte and whole answer share one: a plain answer comes all at once, at its end."""
    limit = seconds or settings.CALL_SECONDS
    return vllm.Deadlines(connect_seconds=CONNECT_SECONDS, read_seconds=limit, total_seconds=limit)


def max_tokens(backend: Backend) -> int:
    """What is left of the context after the image: of the smaller of what the profile says and the host serves."""
    health = getattr(backend, "health", None)
    served = health.served_max_model_len if health else None
    return chat.max_tokens_for(min(backend.max_model_len, served or backend.max_model_len))


def body_for(backend: Backend, wishes: Wishes, image: bytes) -> dict[str, object]:
    """The request for one page, read as `wishes` says: its document's, or its rerun's."""
    language = wishes.language if profile(backend.model_profile).takes_language else ""
    return chat.build_body(
        model=backend.model,
        image=image,
        prompt=chat.prompt_for(cast(chat.Mode, wishes.mode), wishes.prompt),
        max_tokens=max_tokens(backend),
        stream=backend.streaming,
        language=language,
    )
