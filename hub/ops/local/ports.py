"""The ports of a local hub: the web's, and the others beside it."""

import errno
import socket

OFFSETS = {"hub": 0, "Flower": 1, "fake GitHub": 2, "Postgres": 3, "Redis": 4}


def ports_from(first: int) -> dict[str, int]:
    """Each service's port, the web's being `first`."""
    return {name: first + offset for name, offset in OFFSETS.items()}


def is_free(port: int) -> bool:
    """Whether nothing listens on the loopback port."""
    with socket.socket() as probe:
        # macOS lets 127.0.0.1 be bound beside a listener on all addresses; asking finds that too.
        probe.settimeout(1)
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            return False
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as fault:
            if fault.errno in (errno.EADDRINUSE, errno.EACCES):
                return False
            raise
        return True


def free_port() -> int:
    """A loopback port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
