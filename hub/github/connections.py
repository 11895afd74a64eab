"""HTTP connections with a deadline for the whole response.

A socket timeout starts again with each byte, so a response that arrives one byte at a time would
block a worker's thread for hours.
"""

import io
from http.client import HTTPResponse
from socket import socket
from time import monotonic
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

_TIMEOUTS = 3  # the deadline of headers and body, as a multiple of the socket timeout


class _DeadlineReader(io.RawIOBase):
    """Reads from a socket until a deadline (monotonic seconds)."""

    def __init__(self, connection: socket, raw: io.RawIOBase, deadline: float) -> None:
        self._connection, self._raw, self._deadline = connection, raw, deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._deadline - monotonic()
        if left <= 0:
            raise TimeoutError("the response was not complete in time")
        self._connection.settimeout(min(left, self._connection.gettimeout() or left))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(HTTPResponse):
    def __init__(self, sock: socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        if timeout := sock.gettimeout():
            self.fp.close()
            raw: Any = sock.makefile("rb", buffering=0)
            deadline = monotonic() + _TIMEOUTS * timeout
            self.fp = io.BufferedReader(_DeadlineReader(sock, raw, deadline))


class _Pool(HTTPConnectionPool):
    class ConnectionCls(HTTPConnection):
        response_class = _Response


class _TLSPool(HTTPSConnectionPool):
    class ConnectionCls(HTTPSConnection):
        response_class = _Response


class DeadlineAdapter(HTTPAdapter):
    """Transport adapter that limits the total time of each response."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TLSPool}
