"""Ports of a local hub: consecutive numbers, starting with the web server's."""

import errno
import socket

_SERVICES = (
    *("hub", "Flower", "fake GitHub", "Postgres", "Redis"),
    *("metrics of web", "metrics of worker", "metrics of beat", "metrics of worker-2"),
)
OFFSETS = {name: offset for offset, name in enumerate(_SERVICES)}


def ports_from(first: int) -> dict[str, int]:
    """Return the port of each service; `first` is the web server's."""
    return {name: first + offset for name, offset in OFFSETS.items()}


def is_free(port: int) -> bool:
    """Return whether nothing listens on the loopback port."""
    with socket.socket() as probe:
        # macOS can bind 127.0.0.1 although a process listens on all addresses, so connect first.
        probe.settimeout(1)
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            return False
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                return False
            raise
        return True


def free_port() -> int:
    """Return a free loopback port. Another process can take it before it is used."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
