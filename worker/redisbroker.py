"""Redis as a broker, without a way to go deaf: kombu's transport with one leak taken out.

The stock transport counts a message as in hand until Redis has confirmed its acknowledgement. When Redis is silent just
then, the message stays counted for ever, and a worker that takes one message at a time takes no other any more. Here a
message is out of hand once its acknowledgement was sent. A bell that Redis keeps may ring once more, for nothing.
"""

from __future__ import annotations

from kombu.transport import TRANSPORT_ALIASES, redis, virtual


class QoS(redis.QoS):
    """The messages in hand."""

    def ack(self, delivery_tag: str) -> None:
        try:
            self._remove_from_indices(delivery_tag).execute()
        finally:
            virtual.QoS.ack(self, delivery_tag)

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        try:
            if requeue:
                self.restore_by_tag(delivery_tag, leftmost=True)
            else:
                self._remove_from_indices(delivery_tag).execute()
        finally:
            virtual.QoS.ack(self, delivery_tag)


class Channel(redis.Channel):
    """The stock channel."""

    QoS = QoS


class Transport(redis.Transport):
    """What `redis://` means once `install` was called."""

    Channel = Channel


def install() -> dict[str, object]:
    """Make `redis://` and `rediss://` ours; returns the transport's options."""
    for name in ("redis", "rediss"):
        TRANSPORT_ALIASES[name] = "worker.redisbroker:Transport"
    return {"visibility_timeout": 86400, "socket_timeout": 2, "socket_connect_timeout": 2}
