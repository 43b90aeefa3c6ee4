"""A seeded UDP forwarder: a bad network between clients and the relay, whose port is what the relay advertises.

Each client address gets a socket of its own towards the relay, as behind a NAT; ``rebind`` gives all of them new
ones. Loss, delay, jitter, reordering and rate apply per direction and can be changed while it runs.
"""

import asyncio
import random
import socket
from dataclasses import dataclass
from typing import Any


@dataclass
class Line:
    """One direction: ``loss`` as a share, times in seconds, ``rate`` in bits per second (0: unlimited)."""

    loss: float = 0.0
    delay: float = 0.0
    jitter: float = 0.0
    reorder: float = 0.0
    rate: float = 0.0
    queue: float = 0.5
    """Seconds of backlog a rate limit holds before it drops."""
    cut: bool = False
    _free_at: float = 0.0


class Forwarder:
    """``up`` is from clients to the relay. ``port`` is where clients send."""

    def __init__(self, seed: int, host: str = "127.0.0.1") -> None:
        self.up, self.down = Line(), Line()
        self.counts = {"up": 0, "down": 0, "lost": 0}
        self._random = random.Random(seed)
        self._host = host
        self._socket = self._open()
        self.port = self._socket.getsockname()[1]
        self._relay: Any = None
        self._ways: dict[Any, socket.socket] = {}
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._socket.fileno(), self._from_clients)

    def to(self, port: int) -> None:
        """Forward to the relay's real port."""
        self._relay = (self._host, port)

    def _open(self) -> socket.socket:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 21)
        sock.bind((self._host, 0))
        return sock

    def _from_clients(self) -> None:
        while True:
            try:
                data, client = self._socket.recvfrom(65536)
            except OSError:
                return
            self._pass(self.up, "up", data, client)

    def _from_relay(self, way: socket.socket, client: Any) -> None:
        while True:
            try:
                data = way.recv(65536)
            except OSError:
                return
            self._pass(self.down, "down", data, client)

    def _pass(self, line: Line, name: str, data: bytes, client: Any) -> None:
        self.counts[name] += 1
        delay = self._delay(line, len(data))
        if delay is None:
            self.counts["lost"] += 1
        elif delay > 0:
            self._loop.call_later(delay, self._deliver, name, data, client)
        else:
            self._deliver(name, data, client)

    def _delay(self, line: Line, size: int) -> float | None:
        """Seconds until the datagram is through, or None when it is lost."""
        if line.cut or self._random.random() < line.loss:
            return None
        delay = line.delay + line.jitter * self._random.random()
        if line.reorder and self._random.random() < line.reorder:
            delay += 0.03
        if line.rate:
            now = self._loop.time()
            line._free_at = max(now, line._free_at) + size * 8 / line.rate
            if line._free_at - now > line.queue:
                line._free_at -= size * 8 / line.rate
                return None
            delay += line._free_at - now
        return delay

    def _deliver(self, name: str, data: bytes, client: Any) -> None:
        try:
            if name == "down":
                self._socket.sendto(data, client)
            else:
                self._way(client).sendto(data, self._relay)
        except OSError:
            return

    def _way(self, client: Any) -> socket.socket:
        way = self._ways.get(client)
        if way is None:
            way = self._ways[client] = self._open()
            self._loop.add_reader(way.fileno(), self._from_relay, way, client)
        return way

    def rebind(self) -> None:
        """Forget all mappings: from now on the relay sees other ports."""
        for way in self._ways.values():
            self._loop.remove_reader(way.fileno())
            way.close()
        self._ways.clear()

    def close(self) -> None:
        self.rebind()
        self._loop.remove_reader(self._socket.fileno())
        self._socket.close()
