"""How a worker hears of a message: it waits at a bell, and does not look for one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import dramatiq
import pytest
from dramatiq.errors import ConnectionClosed

from jobs import broker
from tests.patience import until
from tests.services_fixtures import PrivateRedis

FOR_EVER = 0  # what Redis takes it for; the connection itself gives up after SECONDS, and says so
SECONDS = 60.0
QUEUE = "pages"


@pytest.fixture
def sender(private_redis: PrivateRedis, monkeypatch: pytest.MonkeyPatch) -> Iterator[broker.BellBroker]:
    monkeypatch.setattr(broker, "REST_SECONDS", FOR_EVER)
    made: Any = broker.build_broker(private_redis.url)
    made.client.connection_pool.connection_kwargs["socket_timeout"] = SECONDS
    made.declare_queue(QUEUE)
    yield made
    made.close()


def message(number: int) -> dramatiq.Message[Any]:
    return dramatiq.Message(queue_name=QUEUE, actor_name="anything", args=(number,), kwargs={}, options={})


class Listener(threading.Thread):
    """A consumer in a thread of its own, until a message or the end of its connection comes."""

    def __init__(self, consumer: Any) -> None:
        super().__init__(daemon=True)
        self.consumer, self.heard, self.ended = consumer, None, None
        self.start()

    def run(self) -> None:
        try:
            while self.heard is None:
                self.heard = next(self.consumer)
        except ConnectionClosed as error:
            self.ended = error


def at_the_bell(private_redis: PrivateRedis) -> bool:
    return any(client["cmd"] == "blpop" for client in private_redis.client().client_list())


def test_a_message_wakes_who_waits(sender, private_redis):
    listener = Listener(sender.consume(QUEUE, prefetch=4))
    until(lambda: at_the_bell(private_redis))
    sender.enqueue(message(1))
    listener.join(2 * SECONDS)
    assert listener.heard is not None
    assert listener.heard.args == (1,)


def test_many_messages_ring_once_and_all_are_heard(sender, private_redis):
    for number in range(3):
        sender.enqueue(message(number))
    assert private_redis.client().llen(broker.bell(sender, QUEUE)) == 1
    consumer = sender.consume(QUEUE, prefetch=4)
    assert [next(consumer).args for _ in range(3)] == [(0,), (1,), (2,)]
    assert next(consumer) is None  # it heard the bell, and found that it had come before
    assert private_redis.client().llen(broker.bell(sender, QUEUE)) == 0


def test_a_message_for_later_does_not_ring_yet(sender, private_redis):
    sender.enqueue(message(1), delay=60_000)
    assert private_redis.client().llen(broker.bell(sender, QUEUE)) == 0


def test_who_has_all_it_may_hold_waits_for_that_and_not_for_the_bell(sender, monkeypatch):
    monkeypatch.setattr(broker, "FULL_SECONDS", 0)
    sender.enqueue(message(1))
    sender.enqueue(message(2))
    consumer = sender.consume(QUEUE, prefetch=1)
    first = next(consumer)
    sender.client.delete(broker.bell(sender, QUEUE))
    assert next(consumer) is None
    consumer.ack(first)
    assert next(consumer).args == (2,)


def test_who_waits_notices_that_redis_has_gone(sender, private_redis):
    listener = Listener(sender.consume(QUEUE, prefetch=4))
    until(lambda: at_the_bell(private_redis))
    private_redis.kill()
    listener.join(2 * SECONDS)
    assert isinstance(listener.ended, ConnectionClosed)
