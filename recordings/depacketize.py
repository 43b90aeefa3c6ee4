"""RTP payloads back into frames: Opus (RFC 7587), VP8 (RFC 7741), H.264 (RFC 6184). Pure.

A frame that lacks a packet is not put together, and pictures that depend on it are left out until the next key frame:
a freeze is honest, a smear is a picture that never was.
"""

import heapq
import struct
from collections.abc import Callable, Iterator
from typing import NamedTuple

from recordings.timeline import Unwrap

_RTP = struct.Struct(">BBHII")
_HELD_NS = 3_000_000_000
_FIRST_NS = 500_000_000
_HELD = 1024
START_CODE = b"\0\0\0\1"


class RtpPacket(NamedTuple):
    """One packet in order: ``sequence`` and ``timestamp`` are endless."""

    sequence: int
    timestamp: int
    marker: bool
    payload: bytes


def parse(data: bytes) -> tuple[int, int, bool, bytes] | None:
    """Return sequence number, timestamp, marker and payload (RFC 3550 5.1), or ``None`` when it is not RTP."""
    if len(data) < 12:
        return None
    first, second, sequence, timestamp, _ = _RTP.unpack_from(data)
    if first >> 6 != 2:
        return None
    offset, end = 12 + 4 * (first & 15), len(data)
    if first & 16:
        if offset + 4 > end:
            return None
        offset += 4 + 4 * int.from_bytes(data[offset + 2 : offset + 4], "big")
    if first & 32 and end > offset:
        end -= data[-1]
    return (sequence, timestamp, bool(second & 128), data[offset:end]) if offset < end else None


class Reorder:
    """Gives the packets of one track back in order, each once; waits at most three seconds for a late one."""

    def __init__(self) -> None:
        self._sequence, self._timestamp = Unwrap(16), Unwrap(32)
        self._heap: list[tuple[int, int, RtpPacket]] = []
        self._next: int | None = None
        """Number to be given out next; unknown until the first packets had time to overtake one another."""
        self._since_ns = 0

    def push(self, data: bytes, at_ns: int) -> Iterator[RtpPacket]:
        parsed = parse(data)
        if parsed is None:
            return
        sequence = self._sequence(parsed[0])
        packet = RtpPacket(sequence, self._timestamp(parsed[1]), parsed[2], parsed[3])
        if sequence == self._next and not self._heap:
            self._next = sequence + 1
            yield packet
            return
        if not self._heap and self._next is None:
            self._since_ns = at_ns
        if self._next is None or sequence >= self._next:
            heapq.heappush(self._heap, (sequence, at_ns, packet))
        if self._next is not None or at_ns - self._since_ns > _FIRST_NS or len(self._heap) > _HELD:
            yield from self._ready(at_ns)

    def flush(self) -> Iterator[RtpPacket]:
        yield from self._ready(None)

    def _ready(self, now_ns: int | None) -> Iterator[RtpPacket]:
        heap = self._heap
        while heap:
            sequence, at_ns, packet = heap[0]
            waited = now_ns is None or len(heap) > _HELD or now_ns - at_ns > _HELD_NS
            if self._next is not None and sequence > self._next and not waited:
                return
            heapq.heappop(heap)
            if self._next is None or sequence >= self._next:
                self._next = sequence + 1
                yield packet


class Frame(NamedTuple):
    """One access unit. ``shape`` names what the container states once: a change may need a new file."""

    timestamp: int
    data: bytes
    key: bool
    size: tuple[int, int] = (0, 0)
    """Width and height, known for VP8 key frames."""
    parameters: bytes = b""
    """H.264: the parameter sets in front of a key frame, as Annex B."""


Payload = Callable[[list[RtpPacket]], Frame | None]


class Assembler:
    """Puts pictures together from packets in order."""

    def __init__(self, codec: str) -> None:
        self._build: Payload = {"vp8": vp8_frame, "h264": h264_frame}[codec]
        self._packets: list[RtpPacket] = []
        self._expected: int | None = None
        self._broken = True
        """Until a key frame: what depends on something lost is not shown."""
        self.dropped = 0

    def push(self, packet: RtpPacket) -> Iterator[Frame]:
        if self._expected not in (None, packet.sequence):
            self.dropped += 1
            self._packets.clear()
            self._broken = True
        self._expected = packet.sequence + 1
        if self._packets and packet.timestamp != self._packets[0].timestamp:
            yield from self._finish()
        self._packets.append(packet)
        if packet.marker:
            yield from self._finish()

    def _finish(self) -> Iterator[Frame]:
        packets, self._packets = self._packets, []
        frame = self._build(packets)
        if frame is None:
            self._broken = True
            self.dropped += 1
            return
        if frame.key:
            self._broken = False
        if self._broken:
            self.dropped += 1
            return
        yield frame


def vp8_frame(packets: list[RtpPacket]) -> Frame | None:
    """One VP8 frame from all its packets, or ``None`` when its beginning is missing."""
    parts = []
    for index, packet in enumerate(packets):
        payload = packet.payload
        offset = _vp8_descriptor(payload)
        if offset is None or (index == 0 and payload[0] & 0x17 != 0x10):
            return None
        parts.append(payload[offset:])
    data = b"".join(parts)
    if len(data) < 3:
        return None
    if data[0] & 1:
        return Frame(packets[0].timestamp, data, key=False)
    if len(data) < 10 or data[3:6] != b"\x9d\x01\x2a":
        return None
    width, height = struct.unpack_from("<HH", data, 6)
    return Frame(packets[0].timestamp, data, key=True, size=(width & 0x3FFF, height & 0x3FFF))


def _vp8_descriptor(payload: bytes) -> int | None:
    """Length of the payload descriptor (RFC 7741 4.2)."""
    if not payload:
        return None
    offset = 1
    if payload[0] & 0x80:
        if len(payload) < 2:
            return None
        flags = payload[1]
        offset = 2
        if flags & 0x80:
            offset += 2 if len(payload) > offset and payload[offset] & 0x80 else 1
        offset += bool(flags & 0x40) + bool(flags & 0x30)
    return offset if offset < len(payload) else None


def h264_frame(packets: list[RtpPacket]) -> Frame | None:
    """One access unit as Annex B, or ``None`` when a fragment is missing."""
    units: list[bytes] = []
    fragment: list[bytes] | None = None
    for packet in packets:
        payload = packet.payload
        kind = payload[0] & 31
        if kind == 28 and len(payload) > 2:
            if payload[1] & 0x80:
                fragment = [bytes((payload[0] & 0xE0 | payload[1] & 31,))]
            if fragment is None:
                return None
            fragment.append(payload[2:])
            if payload[1] & 0x40:
                units.append(b"".join(fragment))
                fragment = None
        elif kind == 24:
            units += _aggregated(payload)
        elif 1 <= kind <= 23:
            units.append(payload)
    units = [unit for unit in units if unit]
    if fragment is not None or not units:
        return None
    key = any(unit[0] & 31 == 5 for unit in units)
    parameters = b"".join(START_CODE + unit for unit in units if unit[0] & 31 in (7, 8)) if key else b""
    data = b"".join(START_CODE + unit for unit in units)
    return Frame(packets[0].timestamp, data, key=key, parameters=parameters)


def _aggregated(payload: bytes) -> list[bytes]:
    """NAL units of a STAP-A (RFC 6184 5.7.1)."""
    units, offset = [], 1
    while offset + 2 < len(payload):
        size = int.from_bytes(payload[offset : offset + 2], "big")
        units.append(payload[offset + 2 : offset + 2 + size])
        offset += 2 + size
    return units


_OPUS_MS10 = {0: 25, 1: 50, 2: 100, 3: 200}
"""Frame lengths of the CELT configurations in tenths of a millisecond."""


def opus_samples(packet: bytes) -> int:
    """Duration of an Opus packet in samples of 48 kHz (RFC 6716 3.1), 0 when it is none."""
    if not packet:
        return 0
    config, code = packet[0] >> 3, packet[0] & 3
    if config < 12:
        tenths = (100, 200, 400, 600)[config & 3]
    elif config < 16:
        tenths = (100, 200)[config & 1]
    else:
        tenths = _OPUS_MS10[config & 3]
    count = (1, 2, 2)[code] if code < 3 else (packet[1] & 63 if len(packet) > 1 else 0)
    return tenths * count * 48 // 10
