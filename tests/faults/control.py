"""Remote calls to an object in another process, which may be killed or frozen."""

from socketserver import ThreadingMixIn
from typing import Any
from xmlrpc.client import ServerProxy, Transport
from xmlrpc.server import SimpleXMLRPCServer

_TIMEOUT = 10.0  # seconds; the other process may be frozen


class _Server(ThreadingMixIn, SimpleXMLRPCServer):
    daemon_threads = True


class _TransportWithTimeout(Transport):
    def make_connection(self, host: Any) -> Any:
        connection = super().make_connection(host)
        connection.timeout = _TIMEOUT
        return connection


def serve(thing: object, port: int) -> None:
    """Serve the public methods of `thing` until this process is killed."""
    with _Server(
        ("127.0.0.1", port), logRequests=False, allow_none=True, use_builtin_types=True
    ) as server:
        server.register_instance(thing)
        server.serve_forever()


def client_for(port: int) -> ServerProxy:
    """Return a client for `serve`. Its calls raise `OSError` if the process is down or frozen."""
    return ServerProxy(
        f"http://127.0.0.1:{port}",
        transport=_TransportWithTimeout(use_builtin_types=True),
        allow_none=True,
        use_builtin_types=True,
    )
