"""Passive ICE over TCP (RFC 6544) with RFC 4571 framing, on the same port number as UDP.

For networks that let no UDP out. A connection is nobody's until a connectivity check with a peer's password has
come in on it; it must do so soon, and strangers may hold only so many.
"""

import asyncio
import socket
from collections import Counter as Tally
from typing import Any, cast

from core.errors import OperatorError
from media.endpoint import MAX_DATAGRAM, Demultiplexer, Taker
from media.transports import Transports

STRANGER_S = 10.0
"""A connection that brought no valid check for this long is closed."""
MAX_STRANGERS = 256
MAX_CONNECTIONS = 2_000
BACKLOG = 256_000
"""Bytes waiting for a slow receiver beyond which packets to it are dropped: live media is not worth queueing."""
CONGESTED = 64_000
"""Bytes waiting from which a receiver counts as congested."""


class TcpPort(Demultiplexer):
    """Listens on one local address; every connection is one remote address."""

    way = "tcp"

    def __init__(self, taker: Taker, transports: Transports, *more: Any) -> None:
        super().__init__(taker, *more)
        self._transports = transports
        self._connections: dict[Any, Connection] = {}
        self._server: asyncio.Server | None = None

    async def open(self, host: str, port: int) -> None:
        """Listen; raise ``OperatorError`` when the port is taken."""
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(lambda: Connection(self), host, port, reuse_address=True)
        except OSError as error:
            raise OperatorError(f"the media port cannot listen on {host} TCP {port}: {error.strerror}") from None

    def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for connection in tuple(self._connections.values()):
            connection.abort()

    def sendto(self, data: bytes | bytearray | memoryview, address: Any, /) -> object:
        """Send one frame; raise ``BlockingIOError`` when the receiver is too far behind, as UDP would."""
        connection = self._connections.get(address)
        if connection is None:
            raise ConnectionError
        connection.send(data)
        return len(data)

    def backlog(self, address: Any) -> int:
        """Bytes that wait for the receiver at ``address``."""
        connection = self._connections.get(address)
        return connection.backlog() if connection else 0

    def opened(self, address: Any, connection: "Connection") -> bool:
        """Take a new connection; where there are too many, the oldest of the host with the most strangers makes room.

        Refusing the new one instead would let whoever holds all places keep everybody out; a participant needs its
        place for no longer than its first check is on its way.
        """
        strangers = len(self._connections) - len(self.peers)
        if len(self._connections) >= MAX_CONNECTIONS or strangers >= MAX_STRANGERS:
            self.counters.dropped["tcp-connections"] += 1
            if not self._make_room():
                return False
        self._connections[address] = connection
        return True

    def _make_room(self) -> bool:
        """Cut a stranger's connection; False when there is none."""
        strangers = [address for address in self._connections if address not in self.peers]
        if not strangers:
            return False
        ((crowded, _),) = Tally(address[0] for address in strangers).most_common(1)
        oldest = next(address for address in strangers if address[0] == crowded)
        self._connections.pop(oldest).abort()
        return True

    def closed(self, address: Any, connection: "Connection") -> None:
        if self._connections.get(address) is connection:
            del self._connections[address]
            self._transports.forget(self, address)

    def frame(self, data: memoryview, address: Any) -> None:
        """Take one frame as if it were a datagram."""
        length = len(data)
        self.taker.buffer[:length] = data
        self.take(length, address)
        self.taker.flush()


class Connection(asyncio.Protocol):
    """Cuts the stream into frames."""

    def __init__(self, port: TcpPort) -> None:
        self._port = port
        self._address: Any = None
        self._transport: asyncio.Transport | None = None
        self._pending = bytearray()
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._address = transport.get_extra_info("peername")
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._address is None or not self._port.opened(self._address, self):
            self._transport.abort()
            return
        self._deadline = asyncio.get_running_loop().call_later(STRANGER_S, self._judge)

    def _judge(self) -> None:
        """Still nobody's: away with it. Somebody's: look again, so that it closes when its peer is gone."""
        if self._address not in self._port.peers:
            self.abort()
            return
        self._deadline = asyncio.get_running_loop().call_later(STRANGER_S, self._judge)

    def data_received(self, data: bytes) -> None:
        pending = self._pending
        pending += data
        at = 0
        while len(pending) - at >= 2:
            length = pending[at] << 8 | pending[at + 1]
            if length > MAX_DATAGRAM:
                self._port.counters.dropped["tcp-framing"] += 1
                self.abort()
                return
            if len(pending) - at - 2 < length:
                break
            frame = bytes(pending[at + 2 : at + 2 + length])
            at += 2 + length
            self._port.frame(memoryview(frame), self._address)
        del pending[:at]

    def send(self, data: bytes | bytearray | memoryview) -> None:
        if self._transport is None or self._transport.is_closing():
            raise ConnectionError
        if self.backlog() > BACKLOG:
            self._port.counters.dropped["tcp-backlog"] += 1
            raise BlockingIOError
        self._transport.write(len(data).to_bytes(2, "big") + data)

    def backlog(self) -> int:
        return self._transport.get_write_buffer_size() if self._transport else 0

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        if self._address is not None:
            self._port.closed(self._address, self)
