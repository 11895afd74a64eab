"""Connections whose answer has to begin in time.

A socket's timeout begins anew with each byte, so headers that come a byte at a time would keep a
worker's thread for hours. (The client bounds the body itself.)
"""

import contextlib
import socket
import threading
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.response import HTTPResponse

_GRACE = 1.0  # seconds; a server that says nothing at all is the socket's own timeout's to notice


class _InTime(HTTPConnection):
    """Hangs up when the headers are not there after the timeout of a read."""

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as urllib3's own
        """The answer, its headers read. Raises a `TimeoutError` when they do not end in time."""
        assert self.sock is not None  # noqa: S101 — a request was sent over it
        too_late = threading.Event()

        def hang_up(connection: socket.socket) -> None:
            too_late.set()
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

        timer = threading.Timer((self.timeout or 0) + _GRACE, hang_up, [self.sock])
        timer.daemon = True
        timer.start()
        try:
            response = super().getresponse()
        finally:
            timer.cancel()
        if too_late.is_set():  # what came until then would pass for all of them
            raise TimeoutError("the headers did not end in time")
        return response


class _InTimeOverTLS(_InTime, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _InTime


class _PoolOverTLS(HTTPSConnectionPool):
    ConnectionCls = _InTimeOverTLS


class InTimeAdapter(HTTPAdapter):
    """Gives a session such connections."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _PoolOverTLS}
