"""Dramatiq's actors: an id in, one service call. A message is only a hint that there is work; the database knows.

`*_soon` send on commit. When Redis is away they say so in the log and return: the clock sends again.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from functools import partial
from typing import Any

import dramatiq
import structlog
from django.db import close_old_connections, transaction
from dramatiq.errors import BrokerError
from redis.exceptions import RedisError

from jobs import errors
from jobs.broker import going_on
from jobs.services import (
    alert_mails,
    benchmark_run,
    certificates,
    delivering,
    dispatching,
    exporting,
    notices,
    preparing,
    recognizing,
    retention,
    sweeping,
    trash,
)

log = structlog.get_logger(__name__)

GO_ON_SECONDS = 60.0  # with one message after the other: Dramatiq ends what takes an hour


@dramatiq.actor(queue_name="pages")
def prepare(document_id: str) -> None:
    try:
        preparing.prepare(document_id)
    except errors.RequestRefused as error:
        preparing.give_up(document_id, error)
    send(draw)


@dramatiq.actor(queue_name="pages")
def draw() -> None:
    if preparing.draw_next():
        dispatch_now()
        if preparing.something_to_draw():
            send(draw)


@dramatiq.actor(queue_name="pages")
def dispatch() -> None:
    dispatch_now()


@dramatiq.actor(queue_name="pages")
def recognize(lease_id: int) -> None:
    """The page of this lease and, while the thread may go on, of those that its ends make room for."""
    began, next_one = time.monotonic(), lease_id
    while next_one:
        close_old_connections()  # as between two messages
        try:
            recognizing.recognize(next_one)
        except BaseException:
            dispatch_now()
            raise
        next_one = dispatch_now(keep=going_on.may() and time.monotonic() - began < GO_ON_SECONDS)


@dramatiq.actor(queue_name="pages")
def tell_owners() -> None:
    notices.tell()


@dramatiq.actor(queue_name="pages")
def mail_alerts() -> None:
    alert_mails.tell()


@dramatiq.actor(queue_name="pages")
def look_at_certificates() -> None:
    certificates.look()


@dramatiq.actor(queue_name="pages")
def deliver(webhook_id: int) -> None:
    delivering.deliver(webhook_id)


@dramatiq.actor(queue_name="pages")
def export(document_id: str, format: str) -> None:
    exporting.make(document_id, format)


@dramatiq.actor(queue_name="pages")
def clear_trash() -> None:
    trash.condemn_old()
    trash.finish()


@dramatiq.actor(queue_name="pages")
def apply_retention() -> None:
    retention.apply()


@dramatiq.actor(queue_name="pages")
def sweep_files() -> None:
    try:
        sweeping.sweep()
    except errors.Conflict as error:
        log.error("files.not_swept", reason=error.message)


@dramatiq.actor(queue_name="pages")
def benchmark(benchmark_id: int) -> None:
    benchmark_run.run(benchmark_id)


def dispatch_now(*, keep: bool = False) -> int:
    """Fill free slots, then draw more where pages run short. With `keep` the last page that got one is the caller's to
    read, without a message: its lease; 0 where there is none."""
    kept = 0

    def hand_out(lease_id: int) -> None:
        nonlocal kept
        sent, kept = (kept, lease_id) if keep else (lease_id, 0)
        if sent:
            send(recognize, sent)

    done = dispatching.dispatch(hand_out)
    if done.leases and preparing.something_to_draw():
        send(draw)
    return kept


def prepare_soon(document_id: Any) -> None:
    """After the commit: have the document's pages made and drawn."""
    transaction.on_commit(lambda: send(prepare, str(document_id)))


def export_soon(to_make: Iterable[tuple[Any, str]]) -> None:
    """After the commit: have files made, (document's id, format). Lost messages are sent again by who asks again."""
    for document_id, format in to_make:
        transaction.on_commit(partial(send, export, str(document_id), format))


def benchmark_soon(benchmark_id: int) -> None:
    """After the commit: have a benchmark done."""
    transaction.on_commit(lambda: send(benchmark, benchmark_id))


def clear_trash_soon() -> None:
    """After the commit: have files and rows of what was deleted for good removed."""
    transaction.on_commit(lambda: send(clear_trash))


def dispatch_soon() -> None:
    """After the commit: have free slots filled, and pages drawn."""
    transaction.on_commit(lambda: send(dispatch))
    transaction.on_commit(lambda: send(draw))


def send(actor: Any, *args: Any) -> bool:
    """Send one message. False, and a line in the log, when Redis is away or full."""
    try:
        actor.send(*args)
    except (RedisError, BrokerError) as error:
        log.warning("message.not_sent", actor=actor.actor_name, reason=str(error))
        return False
    return True
