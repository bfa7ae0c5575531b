"""Drives a page's whole way in this process, without Redis: each message is carried out as it would be sent.

The services are the real ones, and so are rasterizer, database and HTTP; only the broker is left out.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import connection, connections

from jobs.models import Document
from jobs.services import backends, dispatching, preparing, progress, recognizing, routing
from tests.vllm_simulator import Simulator


def take_into_use(host: Simulator) -> None:
    """As calypso, under the preset *hybrid*; the calls of its self-test are forgotten."""
    backends.ensure_defaults()
    backends.update("calypso", by=None, base_url=host.base_url)
    assert backends.activate("calypso", by=None).passed
    routing.load_preset("hybrid", by=None)
    host.reset()


def read(document: Document, *, rounds: int = 200) -> Document:
    """Prepare a document and carry its pages through until nothing more moves. Calls of one round run one by one."""
    preparing.prepare(document.pk)
    settle_down(rounds=rounds)
    document.refresh_from_db()
    return document


def settle_down(*, rounds: int = 200) -> None:
    """Draw, dispatch and recognize until there is nothing to do (or `rounds` have passed: then something is stuck)."""
    for _ in range(rounds):
        drew = preparing.draw_next()
        leases: list[int] = []
        dispatching.dispatch(leases.append)
        for lease in leases:
            recognizing.recognize(lease)
        if not drew and not leases:
            return
    raise AssertionError(f"still moving after {rounds} rounds")


def recognize_side_by_side(leases: list[int]) -> None:
    """Carry out several leases at once, as a worker's threads do. Needs a transactional test (threads see commits)."""

    def one(lease: int) -> Any:
        try:
            return recognizing.recognize(lease)
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=max(1, len(leases))) as pool:
        list(pool.map(one, leases))
    connections["default"].ensure_connection()


def assign() -> list[int]:
    """One round of dispatch; the leases whose messages would be sent."""
    leases: list[int] = []
    dispatching.dispatch(leases.append)
    return leases


def no_backend(person: Any) -> str:
    """What the banner says to this person."""
    return progress.hosts().no_backend
