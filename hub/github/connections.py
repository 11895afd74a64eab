"""Connections whose answer has to begin in time.

A socket's timeout begins anew with each byte, so headers that come a byte at a time would keep a
worker's thread for hours. (The client bounds the body itself.)
"""

import contextlib
import heapq
import socket
import threading
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.response import HTTPResponse

_GRACE = 1.0  # seconds; a server that says nothing at all is the socket's own timeout's to notice


@dataclass(order=True)
class _Wait:
    """An answer that is waited for; `connection` is None once that is over."""

    until: float  # monotonic seconds
    connection: socket.socket | None = field(compare=False)
    too_late: bool = field(default=False, compare=False)


class _Watchdog:
    """Hangs up on whoever is late. One thread a process: a timer for each request would be one."""

    def __init__(self) -> None:
        self._waits: list[_Wait] = []
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def begin(self, connection: socket.socket, seconds: float) -> _Wait:
        """Hang up in so many seconds, unless `end` comes first."""
        wait = _Wait(monotonic() + seconds, connection)
        with self._changed:
            heapq.heappush(self._waits, wait)
            if self._thread is None or not self._thread.is_alive():  # none survives a fork
                self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)
                self._thread.start()
            elif self._waits[0] is wait:
                self._changed.notify()
        return wait

    def end(self, wait: _Wait) -> None:
        """The answer is there; `wait.too_late` says whether it had been hung up before."""
        with self._changed:
            wait.connection = None

    def _watch(self) -> None:
        while True:
            with self._changed:
                while self._waits and (left := self._waits[0].until - monotonic()) > 0:
                    self._changed.wait(left)
                if not self._waits:
                    self._thread = None
                    return
                wait = heapq.heappop(self._waits)
                if wait.connection is not None:
                    wait.too_late = True
                    with contextlib.suppress(OSError):
                        wait.connection.shutdown(socket.SHUT_RDWR)


_watchdog = _Watchdog()


class _InTime(HTTPConnection):
    """Hangs up when the headers are not there after the timeout of a read."""

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as urllib3's own
        """The answer, its headers read. Raises a `TimeoutError` when they do not end in time."""
        assert self.sock is not None  # noqa: S101 — a request was sent over it
        wait = _watchdog.begin(self.sock, (self.timeout or 0) + _GRACE)
        try:
            response = super().getresponse()
        finally:
            _watchdog.end(wait)
        if wait.too_late:  # what came until then would pass for all of them
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
