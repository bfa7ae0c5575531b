"""Dramatiq's Redis broker, set for a queue that only carries what the database says.

The database is the queue of record; Redis is transport. Four departures from Dramatiq's defaults, each for a
measured reason (docs/decisions/0001-queue-of-record.md):

- `heartbeat_timeout` 30 s and `maintenance_chance` 100 %: a dead worker's messages come back by the clock,
  not by chance (242 s and more with the defaults).
- consumers of real queues poll every 50 ms at most when idle, those of delay queues keep their second: hand-over
  about 25 ms for 3.7 % of a core, where setting it for every thread costs 10 %.
- no Retries middleware: attempts are counted in the database.
- no results, no prometheus: state is the database's business.
"""

from __future__ import annotations

from typing import Any

import dramatiq
from django.conf import settings
from dramatiq.brokers.redis import RedisBroker
from dramatiq.common import dq_name, q_name
from dramatiq.middleware import AgeLimit, Callbacks, ShutdownNotifications, TimeLimit

from jobs.connections import CloseOldConnections

IDLE_POLL_MILLISECONDS = 50


class EagerRedisBroker(RedisBroker):
    """Polls the queues that carry work at once; leaves the delay queues at their leisure."""

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 5000) -> Any:
        is_delay_queue = queue_name == dq_name(q_name(queue_name))
        return super().consume(queue_name, prefetch, timeout if is_delay_queue else IDLE_POLL_MILLISECONDS)


def build_broker(url: str) -> RedisBroker:
    """A broker for `url`. No connection is made before the first message."""
    middleware = [
        AgeLimit(),
        TimeLimit(time_limit=3_600_000),
        ShutdownNotifications(),
        Callbacks(),
        CloseOldConnections(),
    ]
    return EagerRedisBroker(
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
