"""Dramatiq's Redis broker, set for a queue that only carries what the database says.

The database is the queue of record; Redis is transport. Five departures from Dramatiq's defaults, each for a
measured reason (docs/decisions/0001-queue-of-record.md):

- `heartbeat_timeout` 30 s and `maintenance_chance` 100 %: a dead worker's messages come back by the clock,
  not by chance (242 s and more with the defaults).
- whoever sends a message rings a bell at which an idle consumer waits. By themselves consumers look now and then, up
  to a second apart: to look every 50 ms costs more CPU, and a page still waits for two such looks.
- no Retries middleware: attempts are counted in the database.
- a thread may go on from page to page without a message (`actors.recognize`).
- no results, no prometheus: state is the database's business.
"""

from __future__ import annotations

import time
from typing import Any

import dramatiq
import redis
from django.conf import settings
from dramatiq.brokers.redis import RedisBroker, _RedisConsumer
from dramatiq.common import dq_name, q_name
from dramatiq.errors import ConnectionClosed
from dramatiq.middleware import AgeLimit, Callbacks, Middleware, ShutdownNotifications, TimeLimit

from jobs.connections import CloseOldConnections

REST_SECONDS = 1  # at the bell; then the consumer looks all the same: for what came back, and to say that it lives
# Between looks whether one of the messages in hand is done. There are twice as many as threads: half of them still wait
# inside, so no thread waits for this.
FULL_SECONDS = 0.05


class BellConsumer(_RedisConsumer):
    """Of a queue that carries work: looks, and finding nothing waits for the bell instead of sleeping."""

    def __init__(self, broker: RedisBroker, queue_name: str, prefetch: int) -> None:
        super().__init__(broker, queue_name, prefetch, timeout=0)

    def __next__(self) -> Any:
        message = super().__next__()
        if message is None:
            self._rest()
        return message

    def _rest(self) -> None:
        if self.outstanding_message_count >= self.prefetch:
            time.sleep(FULL_SECONDS)
            return
        try:
            self.broker.client.blpop(bell(self.broker, self.queue_name), timeout=REST_SECONDS)
        except redis.ConnectionError as error:
            raise ConnectionClosed(error) from None


class Bell(Middleware):
    """Rings when a message has been sent: once, however many come before somebody hears it, for who hears it looks."""

    def after_enqueue(self, broker: Any, message: dramatiq.Message[Any], delay: int | None) -> None:
        if delay is None:
            key = bell(broker, message.queue_name)
            with broker.client.pipeline(transaction=False) as ringing:
                ringing.rpush(key, "")
                ringing.ltrim(key, 0, 0)
                ringing.execute()


class GoingOn(Middleware):
    """Whether a thread whose page has ended may take the next one at once, without a message to itself.

    That spares a fifth of what a page costs. Not while another message waits for a thread here, which would wait for as
    long as pages come; and not when the worker is stopping.
    """

    def __init__(self) -> None:
        self._worker: dramatiq.Worker | None = None

    def after_worker_boot(self, broker: Any, worker: dramatiq.Worker) -> None:
        self._worker = worker

    def before_worker_shutdown(self, broker: Any, worker: dramatiq.Worker) -> None:
        self._worker = None

    def may(self) -> bool:
        """False outside of a worker, too."""
        worker = self._worker
        return worker is not None and worker.work_queue.empty()


going_on = GoingOn()


def bell(broker: Any, queue_name: str) -> str:
    """The key of a queue's bell."""
    return f"{broker.namespace}:{queue_name}.bell"


class BellBroker(RedisBroker):
    """Consumers of queues that carry work wait for the bell; those of delay queues keep their leisure."""

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 5000) -> Any:
        if queue_name == dq_name(q_name(queue_name)):
            return super().consume(queue_name, prefetch, timeout)
        return BellConsumer(self, queue_name, prefetch)


def build_broker(url: str) -> RedisBroker:
    """A broker for `url`. No connection is made before the first message."""
    middleware = [
        AgeLimit(),
        TimeLimit(time_limit=3_600_000),
        ShutdownNotifications(),
        Callbacks(),
        CloseOldConnections(),
        Bell(),
        going_on,
    ]
    return BellBroker(
        url=url,
        middleware=middleware,
        namespace="ocrsite",
        heartbeat_timeout=30_000,
        maintenance_chance=1_000_000,
        dead_message_ttl=86_400_000,
        socket_timeout=5,
        socket_connect_timeout=3,
        health_check_interval=30,
    )


dramatiq.set_broker(build_broker(settings.BROKER_URL))
