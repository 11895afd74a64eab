"""How many messages wait in the queues of the broker."""

from typing import Any

from celery import current_app
from kombu import Connection
from kombu.exceptions import ChannelError, OperationalError


def waiting_messages(*queues: str, timeout: float | None = None) -> dict[str, int]:
    """Return for each queue the number of messages that no worker has received.

    Raises kombu's `OperationalError` if the broker is not reachable; with `timeout`, if it does not
    respond within so many seconds.
    """
    limits = dict.fromkeys(("socket_timeout", "socket_connect_timeout"), timeout) if timeout else {}
    with current_app.connection_for_read(transport_options=limits) as connection:
        try:
            connection.ensure_connection(max_retries=0 if timeout else 1)
            return {queue: _messages_in(queue, connection) for queue in queues}
        except connection.connection_errors as error:
            raise OperationalError(str(error)) from error


def _messages_in(queue: str, connection: Connection) -> int:
    # A channel of its own, because RabbitMQ closes it if the queue does not exist.
    channel: Any
    with connection.channel() as channel:
        try:
            # Passive: RabbitMQ refuses to declare a queue again with other options.
            return int(channel.queue_declare(queue, passive=True).message_count)
        except ChannelError:
            return 0  # in Redis an empty queue does not exist, and nowhere one that was not used
