"""The canary page: a line of large print that any host reads in a moment. Always under a slot lease of its own."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from django.conf import settings

from jobs.domain import chat
from jobs.gateways import images, vllm
from jobs.models import Backend, SlotLease
from jobs.services import calling, slots

SECONDS = 60.0  # a cold host takes longer over its first page
MAX_TOKENS = 200


def slot(backend: Backend, *, alone: bool = False) -> AbstractContextManager[SlotLease]:
    """A slot for a canary. Raises errors.Conflict when there is none, or (with `alone`) another canary is under way
    there: then the host is at work, or being tried already."""
    return slots.held(backend, "canary", SECONDS + calling.CONNECT_SECONDS, alone=alone)


def read(backend: Backend, *, stream: bool | None = None) -> str:
    """Have the host read the canary page, whose slot the caller holds. Returns its text.

    `stream` None: as the backend's pages are sent. Raises errors.BackendFailed.
    """
    body = chat.build_body(
        model=backend.model,
        image=images.canary(),
        prompt=chat.prompt_for("markdown"),
        max_tokens=min(MAX_TOKENS, calling.max_tokens(backend)),
        stream=backend.streaming if stream is None else stream,
    )
    return send(backend, body).text


def send(backend: Backend, body: dict[str, Any], *, longest_seconds: float = SECONDS) -> chat.Reply:
    """One call under a slot that the caller holds. Raises errors.BackendFailed."""
    seconds = min(longest_seconds, settings.CALL_SECONDS)
    return vllm.complete(calling.endpoint(backend), body, calling.deadlines(seconds))


def was_read(text: str) -> bool:
    """Whether the text is the canary page's."""
    return images.CANARY_WORD in text.upper()
