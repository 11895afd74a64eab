"""TLS in front of the tests' servers, whose binaries have none."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from select import select
from threading import Thread

import trustme


@contextmanager
def tls_in_front_of(server: int, ca: trustme.CA, *, is_postgres: bool = False) -> Iterator[int]:
    """Accept TLS as `localhost` on the port that is yielded, and relay it to the port `server`."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ca.issue_cert("localhost").configure_cert(context)

    def serve(plain: socket.socket) -> None:
        with suppress(OSError), plain:
            if is_postgres:  # clients ask for TLS in a message of eight bytes
                plain.recv(8)
                plain.sendall(b"S")
            with (
                context.wrap_socket(plain, server_side=True) as client,
                socket.create_connection(("127.0.0.1", server)) as backend,
            ):
                while True:
                    readable = (
                        [client] if client.pending() else select([client, backend], [], [])[0]
                    )
                    for source in readable:
                        data = source.recv(65536)
                        if not data:
                            return
                        (backend if source is client else client).sendall(data)

    def accept() -> None:
        with suppress(OSError):  # the listener was closed
            while True:
                Thread(target=serve, args=[listener.accept()[0]], daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
