"""How many messages wait in a queue of the broker."""

from typing import Any

from celery import current_app
from kombu.exceptions import ChannelError, OperationalError


def waiting_messages(queue: str, *, timeout: float | None = None) -> int:
    """Return the number of messages in a queue that no worker has received.

    Raises kombu's `OperationalError` if the broker is not reachable; with `timeout`, if it does not
    respond within so many seconds.
    """
    limits = dict.fromkeys(("socket_timeout", "socket_connect_timeout"), timeout) if timeout else {}
    with current_app.connection_for_read(transport_options=limits) as connection:
        try:
            connection.ensure_connection(max_retries=0 if timeout else 1)
            # Passive: RabbitMQ refuses to declare a queue again with other options.
            channel: Any = connection.default_channel
            return int(channel.queue_declare(queue, passive=True).message_count)
        except ChannelError:
            return 0  # in Redis an empty queue does not exist, and nowhere one that was not used
        except connection.connection_errors as error:
            raise OperationalError(str(error)) from error
