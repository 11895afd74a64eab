"""TCP proxies between the parts that can cut, stall, delay or drop connections.

Run them in a separate process with `python -m tests.faults.proxies CONTROL NAME:PORT:TARGET…`.
"""

import asyncio
import contextlib
import ctypes
import socket
import struct
import sys
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from tests.faults.control import serve

T = TypeVar("T")

_CHUNK_SIZE = 64 * 1024  # bytes
# Linux: a packet filter for a socket. Its only instruction drops all packets.
_SO_ATTACH_FILTER, _SO_DETACH_FILTER = 26, 27
_DROP_ALL = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))
_FILTER = struct.pack("HxxxxxxP", 1, ctypes.addressof(_DROP_ALL))


class Proxy:
    """Forwards a loopback port to another."""

    def __init__(self, port: int, target: int) -> None:
        self._port, self._target = port, target
        self._flows = asyncio.Event()
        self._flows.set()
        self.delay = 0.0
        self.delayed = 0  # chunks
        self.is_cut = False
        self._writers: set[asyncio.StreamWriter] = set()
        self._lost: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def listen(self) -> None:
        """Start to accept connections."""
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", self._port)

    async def cut(self, *, keep_cut: bool) -> int:
        """Reset all connections and return their number; with `keep_cut`, also reset new ones."""
        self.is_cut = keep_cut
        connected = self._writers - self._lost
        for writer in connected:
            writer.transport.abort()
        return len(connected)

    async def vanish(self) -> int:
        """Drop all packets in both directions; return the number of affected connections.

        This is what happens when a router drops its state: neither side gets an acknowledgement, a
        reset or a response to a keepalive. New connections fail until `repair`. The sockets stay
        until `close_lost`.
        """
        connected = self._writers - self._lost
        self._lost |= connected
        for writer in connected:
            _drop_packets(writer.get_extra_info("socket"))
        assert self._server is not None
        for listening in self._server.sockets:
            _drop_packets(listening)
        return len(connected)

    async def close_lost(self) -> None:
        """Reset the connections of `vanish`.

        Their clients have closed them by now. A new connection from the same port as one of them
        would get no response, although nothing is wrong with it.
        """
        for writer in self._lost:
            sock = writer.get_extra_info("socket")
            with contextlib.suppress(OSError):  # closed
                sock.setsockopt(socket.SOL_SOCKET, _SO_DETACH_FILTER, 0)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
        self._lost.clear()

    async def stall(self) -> None:
        """Stop forwarding without closing connections."""
        self._flows.clear()

    async def slow(self, seconds: float) -> None:
        """Delay each chunk by `seconds`."""
        self.delay = seconds

    async def aim(self, target: int) -> None:
        """Forward to another port, and reset all connections."""
        self._target = target
        await self.cut(keep_cut=False)

    async def repair(self) -> None:
        """Forward normally again."""
        self.delay, self.is_cut = 0.0, False
        self._flows.set()
        assert self._server is not None
        for listening in self._server.sockets:
            with contextlib.suppress(OSError):  # nothing to detach
                listening.setsockopt(socket.SOL_SOCKET, _SO_DETACH_FILTER, 0)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            await self._flows.wait()
            if self.is_cut:
                return
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
            self._writers.add(far_writer)
            try:
                await asyncio.gather(self._pump(reader, far_writer), self._pump(far_reader, writer))
            finally:
                self._writers.discard(far_writer)
                far_writer.transport.abort()
        except OSError:
            pass  # refused or reset: the other side is closed below
        finally:
            self._writers.discard(writer)
            writer.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while chunk := await reader.read(_CHUNK_SIZE):
                if self.delay:
                    self.delayed += 1
                    await asyncio.sleep(self.delay)  # the fault itself
                await self._flows.wait()
                if writer in self._lost:
                    continue  # data in transit is lost too
                writer.write(chunk)
                await writer.drain()
        with contextlib.suppress(OSError):
            writer.close()  # sends buffered data first; then the other direction ends too


def _drop_packets(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, _FILTER)


class Proxies:
    """All proxies by name, controlled by another process."""

    def __init__(self, proxies: dict[str, Proxy]) -> None:
        self._wires = proxies
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        for proxy in proxies.values():
            self._do(proxy.listen())

    def cut(self, name: str, keep_cut: bool) -> int:
        """See `Proxy.cut`."""
        return self._do(self._wires[name].cut(keep_cut=keep_cut))

    def vanish(self, name: str) -> int:
        """See `Proxy.vanish`."""
        return self._do(self._wires[name].vanish())

    def close_lost(self) -> None:
        """See `Proxy.close_lost`; of all proxies."""
        for proxy in self._wires.values():
            self._do(proxy.close_lost())

    def stall(self, name: str) -> None:
        """See `Proxy.stall`."""
        self._do(self._wires[name].stall())

    def slow(self, name: str, seconds: float) -> None:
        """See `Proxy.slow`."""
        self._do(self._wires[name].slow(seconds))

    def aim(self, name: str, target: int) -> None:
        """See `Proxy.aim`."""
        self._do(self._wires[name].aim(target))

    def delayed(self, name: str) -> int:
        """Return how many chunks a proxy has delayed so far."""
        return self._wires[name].delayed

    def repair(self, name: str) -> None:
        """See `Proxy.repair`."""
        self._do(self._wires[name].repair())

    def ping(self) -> bool:
        """Return True, to show that all proxies listen."""
        return True

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)


def main() -> None:
    """Parse the command line and serve."""
    proxies = {}
    for argument in sys.argv[2:]:
        name, port, target = argument.split(":")
        proxies[name] = Proxy(int(port), int(target))
    serve(Proxies(proxies), int(sys.argv[1]))


if __name__ == "__main__":
    main()
