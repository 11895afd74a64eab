"""Connections whose answer has to end in time.

A socket's timeout starts again with each byte, so an answer that comes a byte at a time would keep
a worker's thread for hours.
"""

import io
from http.client import HTTPResponse
from socket import socket
from time import monotonic
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

_TIMEOUTS = 3  # so many of the socket's own may an answer take, headers and body


class _ReadUntil(io.RawIOBase):
    """Reads from a socket until a time (monotonic seconds)."""

    def __init__(self, connection: socket, raw: io.RawIOBase, until: float) -> None:
        self._connection, self._raw, self._until = connection, raw, until

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._until - monotonic()
        if left <= 0:
            raise TimeoutError("the answer did not end in time")
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
            until = monotonic() + _TIMEOUTS * timeout
            self.fp = io.BufferedReader(_ReadUntil(sock, raw, until))


class _Pool(HTTPConnectionPool):
    class ConnectionCls(HTTPConnection):
        response_class = _Response


class _TLSPool(HTTPSConnectionPool):
    class ConnectionCls(HTTPSConnection):
        response_class = _Response


class InTimeAdapter(HTTPAdapter):
    """Gives a session such connections."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TLSPool}
