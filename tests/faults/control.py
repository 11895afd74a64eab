"""A line to an object in another process, which can be killed or frozen without harm to ours."""

from socketserver import ThreadingMixIn
from typing import Any
from xmlrpc.client import ServerProxy, Transport
from xmlrpc.server import SimpleXMLRPCServer

_GIVE_UP = 10.0  # seconds; the other process may be frozen


class _Server(ThreadingMixIn, SimpleXMLRPCServer):
    daemon_threads = True


class _Patient(Transport):
    def make_connection(self, host: Any) -> Any:
        connection = super().make_connection(host)
        connection.timeout = _GIVE_UP
        return connection


def serve(thing: object, port: int) -> None:
    """Let others call the public methods of `thing`, until this process is killed."""
    with _Server(
        ("127.0.0.1", port), logRequests=False, allow_none=True, use_builtin_types=True
    ) as server:
        server.register_instance(thing)
        server.serve_forever()


def line_to(port: int) -> ServerProxy:
    """What calls the thing that `serve` offers; raises `OSError` when it is gone or frozen."""
    return ServerProxy(
        f"http://127.0.0.1:{port}",
        transport=_Patient(use_builtin_types=True),
        allow_none=True,
        use_builtin_types=True,
    )
