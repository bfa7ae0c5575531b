"""One page to one host and its answer back: as a whole, or in halves one after the other, under the same lease."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from django.conf import settings

from jobs.domain import grounding, pieces, reruns
from jobs.domain.chat import Reply
from jobs.domain.grounding import Block
from jobs.domain.policies import Policy
from jobs.gateways import images, storage, vllm
from jobs.models import Backend, Page
from jobs.services import calling, judging


@dataclass(frozen=True)
class Answer:
    """What the host said, and the blocks in it, their boxes in px of the page's image."""

    reply: Reply
    blocks: list[Block]


def send(page: Page, backend: Backend, policy: Policy, *, dpi: int, stop: threading.Event) -> Answer:
    """Have the host read the page at `dpi`.

    Raises errors.BackendFailed, errors.NotFound where its image is gone, errors.Unavailable where a part of ours is.
    """
    # Boxes of halves are counted in px of the page's own image, also where a rerun has a finer one.
    key, drawn_dpi = (page.image_key, page.image_dpi) if page.in_pieces else page.sent_image
    drawn = storage.read_bytes(key)
    call = _Call(page, backend, policy, drawn_dpi or dpi, dpi, stop, until=time.monotonic() + settings.CALL_SECONDS)
    width, height = page.image_width_px or 1, page.image_height_px or 1
    if not page.in_pieces:
        reply = call.send(drawn)
        return Answer(reply, grounding.parse(reply.text, width, height))
    replies: list[Reply] = []
    blocks: list[tuple[int, list[Block]]] = []
    for half in images.halves(drawn):
        replies.append(call.send(half.data))
        blocks.append((half.top_px, grounding.parse(replies[-1].text, width, half.height_px)))
    return Answer(pieces.replies_joined(replies), pieces.blocks_joined(blocks))


@dataclass(frozen=True)
class _Call:
    """`until`, of time.monotonic(): all pieces together take no longer than a slot is kept for one call."""

    page: Page
    backend: Backend
    policy: Policy
    drawn_dpi: int
    dpi: int
    stop: threading.Event
    until: float

    def send(self, drawn: bytes) -> Reply:
        image = images.scaled(drawn, from_dpi=self.drawn_dpi, to_dpi=self.dpi)
        wishes = reruns.of_page(self.page)
        body = calling.body_for(self.backend, wishes, image, judging.rung_of(self.page))
        limit = min(calling.time_limit(self.backend), max(1.0, self.until - time.monotonic()))
        loops = judging.loop_watch(self.backend, self.policy)  # a new one for each half
        endpoint = calling.endpoint(self.backend)
        return vllm.complete(endpoint, body, calling.deadlines(limit), stop=self.stop, loops=loops)
