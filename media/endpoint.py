"""UDP sockets and how they are emptied: all that waits per wake-up, by beat while busy, by readiness when quiet.

Wake-ups, not packets, are what costs; a beat of 2 ms shares each among all rooms
(docs/decisions/0050-relay-path.md, and ``waker`` for what a wake-up is).
"""

import socket
import struct
import time
from ipaddress import IPv6Address, ip_address
from typing import Any, Protocol

from aioice.ice import get_host_addresses

from core.clock import Clock
from core.errors import OperatorError
from media.counters import Counters
from media.peer import Peer
from media.srtp import CAPACITY
from media.waker import waker

MIN_DATAGRAM, MAX_DATAGRAM = 12, 1500
BATCH = 256
"""Datagrams per wake-up; what waits beyond it is taken in the next one, when others had their turn."""
SHORT, MARKER = 400, 0x80
"""Fewer bytes are sound; the bit is set in the second byte of a picture's last packet (RFC 3550 5.1)."""
WINDOW_NS = 100_000_000
BUSY, QUIET = 100, 60
"""Datagrams per window above which the timer drives, and below which readiness does again."""
LOOK = 7
"""The rate is looked at in every eighth wake-up."""
SOCKET_BUFFER = 4 << 20
SAMPLE = 8
"""One wake-up in this many measures how long its first packet was in the process: no other waited longer."""
_TIMESTAMPNS = 35
_TIMESPEC = struct.Struct("@qq")


class Taker(Protocol):
    """Who takes datagrams. ``buffer`` holds the datagram of every call."""

    buffer: bytearray

    def media(self, peer: Peer, length: int, now_ns: int) -> None:
        """SRTP or SRTCP from an address that passed a check."""

    def handshake(self, peer: Peer, length: int, address: Any) -> None:
        """DTLS from an address that passed a check."""

    def stray(self, length: int, port: Any, address: Any, now_ns: int) -> None:
        """SRTP or SRTCP from an address nobody is known at."""

    def check(self, length: int, port: Any, address: Any) -> None:
        """STUN from anywhere."""

    def flush(self) -> None:
        """A wake-up is over: forward what it collected."""


class Demultiplexer:
    """Sorts datagrams of one port by their first byte (RFC 7983); shared by UDP and TCP."""

    way = "udp"
    segments = False
    """Whether one call can send several packets, see ``media.outlet``."""

    def __init__(self, taker: Taker, clock: Clock, counters: Counters) -> None:
        self.peers: dict[Any, Peer] = {}
        self.taker = taker
        self.clock = clock
        self.counters = counters

    def take(self, length: int, address: Any) -> None:
        """Hand on the datagram of ``length`` that lies in the taker's buffer; drop and count what is foreign."""
        if length < MIN_DATAGRAM or length > MAX_DATAGRAM:
            self.counters.dropped["short" if length < MIN_DATAGRAM else "oversize"] += 1
            return
        first = self.taker.buffer[0]
        if 127 < first < 192:
            peer = self.peers.get(address)
            if peer is None:
                self.taker.stray(length, self, address, self.clock.monotonic_ns())
            elif peer.inbound is None:
                self.counters.dropped["early"] += 1
            else:
                self.taker.media(peer, length, self.clock.monotonic_ns())
        elif first < 4:
            self.taker.check(length, self, address)
        elif 19 < first < 64:
            peer = self.peers.get(address)
            if peer is None:
                self.counters.dropped["foreign"] += 1
                return
            self.taker.handshake(peer, length, address)
        else:
            self.counters.dropped["unknown-kind"] += 1

    def sendto(self, data: bytes | bytearray | memoryview, address: Any, /) -> object:
        raise NotImplementedError

    def backlog(self, address: Any) -> int:
        """Bytes that wait here for the receiver at ``address``; UDP keeps none."""
        return 0


class UdpPort(Demultiplexer):
    """One UDP socket on one local address."""

    def __init__(self, sock: socket.socket, taker: Taker, clock: Clock, counters: Counters) -> None:
        super().__init__(taker, clock, counters)
        self.sock = sock
        self.segments = True
        self.sendto = sock.sendto  # type: ignore[method-assign]  # no call in between on the packet path
        self._waker = waker()
        self._window_ns, self._count, self._wakeups = clock.monotonic_ns(), 0, 0
        self._before = 0.0
        self._view = memoryview(taker.buffer)
        self.timer_driven = False
        self._waker.listen(sock.fileno(), self._ready)

    def close(self) -> None:
        self._waker.leave(self.sock.fileno())
        self._waker.stop_time(self._beat)
        self.sock.close()

    def _ready(self) -> None:
        self._count += self.drain()
        if not self._wakeups & LOOK and self._rate_window() and self._before > BUSY:
            self._waker.leave(self.sock.fileno())
            self.timer_driven = True
            self._waker.keep_time(self._beat)

    def _beat(self) -> bool:
        taken = self.drain()
        self._count += taken
        if not self._wakeups & LOOK and self._rate_window() and self._before < QUIET:
            self.timer_driven = False
            self._waker.stop_time(self._beat)
            self._waker.listen(self.sock.fileno(), self._ready)
        return taken >= BATCH

    def _rate_window(self) -> bool:
        """Whether a window is over; then ``_before`` is its datagrams per ``WINDOW_NS``, and a new one begins."""
        now_ns = self.clock.monotonic_ns()
        passed = now_ns - self._window_ns
        if passed < WINDOW_NS:
            return False
        self._before = self._count * WINDOW_NS / passed
        self._window_ns, self._count = now_ns, 0
        return True

    def drain(self) -> int:
        """Take up to ``BATCH`` waiting datagrams and forward them; return how many."""
        self._wakeups += 1
        taken, arrived = self._take_timed() if self._wakeups % SAMPLE == 0 else (0, None)
        taken = self._take_all(taken)
        self.taker.flush()
        if arrived is not None:
            self.counters.delay_ms.add(max(0.0, (time.time() - arrived) * 1000))  # the kernel's clock, not ours
        return taken

    def _take_all(self, before: int) -> int:
        """Take what waits; return how many, with those taken ``before``.

        When readiness wakes us, nothing is asked for behind a datagram that mostly comes alone or last: the answer
        "nothing" is an exception, and what does wait wakes us again at once.
        """
        receive, buffer, take, media = self.sock.recvfrom_into, self.taker.buffer, self.take, self.taker.media
        peers, monotonic_ns = self.peers, self.clock.monotonic_ns
        by_readiness = not self.timer_driven
        for taken in range(before, BATCH):
            try:
                length, address = receive(buffer)
            except BlockingIOError:
                return taken
            except OSError:  # an ICMP error of an earlier send
                continue
            if 127 < buffer[0] < 192 and MIN_DATAGRAM <= length <= MAX_DATAGRAM:  # what nearly all are, see take
                peer = peers.get(address)
                if peer is not None and peer.inbound is not None:
                    media(peer, length, monotonic_ns())
                    if by_readiness and (length < SHORT or buffer[1] & MARKER):
                        return taken + 1
                    continue
            take(length, address)
        return BATCH

    def _take_timed(self) -> tuple[int, float | None]:
        """Take one datagram with the kernel's time of its arrival; return how many, and that time if it was media."""
        try:
            length, ancillary, _, address = self.sock.recvmsg_into([self._view], 64)
        except OSError:
            return 0, None
        media = length >= MIN_DATAGRAM and 127 < self._view[0] < 192 and address in self.peers
        self.take(length, address)
        for _, kind, data in ancillary:
            if kind == _TIMESTAMPNS and media and len(data) >= 16:
                seconds, nanoseconds = _TIMESPEC.unpack_from(data)
                return 1, seconds + nanoseconds / 1_000_000_000
        return 1, None


def local_addresses(*, loopback: bool) -> list[str]:
    """This machine's addresses that others can reach; 127.0.0.1 last, on request."""
    found = [host for host in get_host_addresses(use_ipv4=True, use_ipv6=True) if not _link_local(host)]
    return [*found, "127.0.0.1"] if loopback or not found else found


def _link_local(host: str) -> bool:
    address = ip_address(host)
    return address.is_link_local or address.is_multicast or address.is_loopback


def bind_udp(host: str, port: int) -> socket.socket:
    """Open a non-blocking UDP socket on ``host``; raise ``OperatorError`` when it cannot be had."""
    six = isinstance(ip_address(host), IPv6Address)
    sock = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        if six:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SOCKET_BUFFER)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BUFFER)
        sock.setsockopt(socket.SOL_SOCKET, _TIMESTAMPNS, 1)
        sock.setblocking(False)
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        raise OperatorError(f"the media port cannot listen on {host} port {port}: {error.strerror}") from None
    return sock


assert CAPACITY > MAX_DATAGRAM  # a longer datagram is seen as oversize, not cut to size
