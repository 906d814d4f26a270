"""A worker that takes one message at a time goes on when Redis was silent at the wrong moment."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest
import redis as client
from kombu import Connection, Queue
from kombu.message import Message

from tests.servers import REDIS_ENV, Redis
from tests.servers import redis as running_redis
from worker import redisbroker

SILENT_S = 0.3


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Iterator[Redis]:
    """A Redis of our own, to be stopped."""
    monkeypatch.delenv(REDIS_ENV, raising=False)
    with running_redis() as server:
        yield server


@pytest.mark.parametrize("end", ["ack", "reject", "requeue"])
def test_a_message_whose_end_was_not_confirmed_gives_its_place_free(broker: Redis, end: str) -> None:
    options = redisbroker.install() | {"socket_timeout": SILENT_S, "socket_connect_timeout": SILENT_S}
    queue, heard = Queue("bells"), list[Message]()
    with Connection(broker.url, transport_options=options) as connection:
        producer = connection.Producer()
        for name in ("first", "second"):
            producer.publish({"job": name}, routing_key="bells", declare=[queue])
        with connection.Consumer([queue], callbacks=[lambda _, message: heard.append(message)]) as consumer:
            consumer.qos(prefetch_count=1)
            connection.drain_events(timeout=5)
            os.kill(broker.pid, signal.SIGSTOP)
            try:
                with pytest.raises(client.exceptions.TimeoutError):
                    heard[0].ack() if end == "ack" else heard[0].reject(requeue=end == "requeue")
            finally:
                os.kill(broker.pid, signal.SIGCONT)
            connection.drain_events(timeout=5)
            assert [message.payload["job"] for message in heard] == ["first", "second"]
            heard[1].ack()


def test_a_message_that_was_acknowledged_is_gone(broker: Redis) -> None:
    queue, heard = Queue("bells"), list[Message]()
    with Connection(broker.url, transport_options=redisbroker.install()) as connection:
        connection.Producer().publish({"job": "only"}, routing_key="bells", declare=[queue])
        with connection.Consumer([queue], callbacks=[lambda _, message: heard.append(message)]):
            connection.drain_events(timeout=5)
            heard[0].ack()
        with client.Redis.from_url(broker.url) as store:
            assert store.llen("bells") == 0 and store.hlen("unacked") == 0
