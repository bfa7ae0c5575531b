"""The canary page: a line of large print that any host reads in a moment. Always under a slot lease of its own."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from jobs.domain import chat
from jobs.gateways import images, vllm
from jobs.models import Backend
from jobs.services import calling, slots

SECONDS = 60.0  # a cold host takes longer over its first page
MAX_TOKENS = 200


def read(backend: Backend, *, stream: bool | None = None, alone: bool = True) -> str:
    """Have the host read the canary page. Returns its text.

    `stream` None: as the backend's pages are sent. Raises errors.BackendFailed; errors.Conflict when there is no slot
    for it, or (with `alone`) another canary is under way there: then it is at work, or being tried already.
    """
    body = chat.build_body(
        model=backend.model,
        image=images.canary(),
        prompt=chat.prompt_for("markdown"),
        max_tokens=min(MAX_TOKENS, calling.max_tokens(backend)),
        stream=backend.streaming if stream is None else stream,
    )
    return send(backend, body, alone=alone).text


def send(backend: Backend, body: dict[str, Any], *, alone: bool = True, longest_seconds: float = SECONDS) -> chat.Reply:
    """One call that is no page's, under a lease of kind canary. Raises as `read` does."""
    seconds = min(longest_seconds, settings.CALL_SECONDS)
    endpoint = calling.endpoint(backend)
    lease = slots.take(backend, "canary", seconds + calling.CONNECT_SECONDS, alone=alone)
    try:
        return vllm.complete(endpoint, body, calling.deadlines(seconds))
    finally:
        slots.give_back(lease)


def was_read(text: str) -> bool:
    """Whether the text is the canary page's."""
    return images.CANARY_WORD in text.upper()
