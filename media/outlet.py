"""Where packets leave: protected in one large buffer, and sent in as few system calls as equal sizes allow.

A frame of a picture comes as several packets of nearly one size; UDP segmentation offload (Linux ``UDP_SEGMENT``)
sends those to one viewer in a single call: equal segments, of which the last may be shorter.
"""

import errno
import socket
import struct
from typing import Any

from media import rtp, srtp
from media.counters import Counters
from media.peer import Peer

_pack_into = rtp.HEADER.pack_into
_protect = srtp.protect_rtp

UDP_SEGMENT = 103
CANNOT = frozenset({errno.EIO, errno.ENOPROTOOPT, errno.EOPNOTSUPP})
"""What a kernel or device says that cannot segment for anybody (udp(7))."""
MOST_SEGMENTS = 40
BUFFER = 64_000
ROOM = BUFFER - srtp.CAPACITY
"""Beyond this no further packet is added."""
_SEGMENT = struct.Struct("=H")


class Outlet:
    """Collects protected packets to one peer at a time; ``flush`` sends what is collected."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._data = bytearray(BUFFER)
        self._view = memoryview(self._data)
        self._pointer: Any = srtp.pointer(self._data)
        self._length: Any = srtp.length()
        self._peer: Peer | None = None
        self._start = self._end = self._size = self._count = 0
        self._full = False

    def packet(
        self, peer: Peer, first: int, second: int, sequence: int, timestamp: int, ssrc: int, payload: bytes
    ) -> None:
        """Protect one packet for ``peer`` and send it with the next ones, or at ``flush``."""
        if peer is not self._peer or self._full:
            self.flush()
            self._peer = peer
        at, size, length = self._end, 12 + len(payload), self._length
        _pack_into(self._data, at, first, second, sequence, timestamp, ssrc)
        self._view[at + 12 : at + size] = payload
        length[0] = size
        if peer.outbound is None or _protect(peer.outbound, self._pointer + at, length):
            self._counters.dropped["unprotected"] += 1
            return
        size = length[0]
        if self._count and size > self._size:
            self._send()
            self._start, self._count = at, 0
        if not self._count:
            self._size = size
        self._count += 1
        self._end = at + size
        self._full = size < self._size or self._count == MOST_SEGMENTS or self._end > ROOM

    def flush(self) -> None:
        """Send what is collected."""
        if self._count:
            self._send()
        self._start = self._end = self._count = 0
        self._peer, self._full = None, False

    def _send(self) -> None:
        peer = self._peer
        assert peer is not None
        peer.sent_packets += self._count
        peer.sent_octets += self._end - self._start
        if self._count > 1 and peer.port is not None and peer.port.segments and self._segments(peer):
            return
        for at in range(self._start, self._end, self._size):
            if not peer.transmit(self._view[at : min(at + self._size, self._end)]):
                self._counters.dropped["send-failed"] += 1

    def _segments(self, peer: Peer) -> bool:
        """Send all in one call; False when this way cannot, so that they are sent one by one."""
        control = [(socket.IPPROTO_UDP, UDP_SEGMENT, _SEGMENT.pack(self._size))]
        try:
            peer.port.sock.sendmsg([self._view[self._start : self._end]], control, 0, peer.address)
        except BlockingIOError:
            self._counters.dropped["send-failed"] += self._count
        except OSError as error:  # too large for the path to this one, or a device that cannot
            peer.port.segments = error.errno not in CANNOT
            return False
        return True
