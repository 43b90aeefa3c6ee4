"""Packets of one segment as a pcapng section (draft-ietf-opsawg-pcapng), each in synthetic IPv4 and UDP.

One interface per track; its comment is a JSON object naming the track. RTP goes to an even port, the sender reports to
the odd one above it, as RFC 3550 section 11 pairs them. Little-endian, nanoseconds since 1970.
"""

import json
import struct
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from media.ports import Track

_BLOCK = struct.Struct("<II")
_SHB = struct.Struct("<IHHq")
_IDB = struct.Struct("<HHI")
_OPTION = struct.Struct("<HH")
_EPB = struct.Struct("<IIIIIII28s")
_SHORT = struct.Struct(">HHHH")
_SR = struct.Struct(">BBHIQIII")

SHB, IDB, EPB = 0x0A0D0D0A, 1, 6
LINKTYPE_RAW_IPV4 = 101
OVERHEAD = 28
"""Bytes of the IPv4 and UDP headers before each packet."""
RTP_PORT = 20_000
_TO = bytes((192, 0, 2, 1))  # TEST-NET-1, RFC 5737
_PADDING = (b"", b"\0\0\0", b"\0\0", b"\0")


class PcapngError(Exception):
    """The bytes are not a section as written here."""


class Packet(NamedTuple):
    """One packet as received. ``data`` begins with the RTP header, or the RTCP header of a sender report."""

    interface: int
    at_ns: int
    data: bytes
    is_report: bool


class Section:
    """Writes the blocks of one segment; interface numbers count from 0 in the order of opening."""

    def __init__(self, comment: str) -> None:
        self._interfaces: dict[int, tuple[int, bytes, int]] = {}
        self._around: dict[tuple[int, int, int], tuple[int, int, bytes, bytes]] = {}
        """Per track, port and length: interface, size of the block, IPv4 and UDP header, what follows the packet."""
        self._header = _section_header(comment)

    def header(self) -> bytes:
        """The section header block; first in the file."""
        return self._header

    def interface(self, track: Track) -> bytes:
        """The block that describes a track. Must come before the track's first packet."""
        number = len(self._interfaces)
        source = bytes((10,)) + (track.number & 0xFFFFFF).to_bytes(3, "big")
        port = RTP_PORT + 2 * (track.number % 20_000)
        self._interfaces[track.number] = (number, source, port)
        body = _IDB.pack(LINKTYPE_RAW_IPV4, 0, 0) + _options(
            (1, json.dumps(describe(track), ensure_ascii=False, sort_keys=True).encode()),
            (2, f"track-{track.number}".encode()),
            (9, b"\x09"),
        )
        return _block(IDB, body)

    def rtp(self, track: int, at_ns: int, data: bytes, odd: int = 0) -> tuple[bytes, bytes, bytes]:
        """The block of one packet as the pieces that, joined, make it; ``odd``: on the port of the reports."""
        size = len(data) + OVERHEAD
        around = self._around.get((track, odd, size)) or self._wrap(track, odd, size)
        interface, block, headers, end = around
        return _EPB.pack(EPB, block, interface, at_ns >> 32, at_ns & 0xFFFFFFFF, size, size, headers), data, end

    def sender_report(self, track: int, at_ns: int, ssrc: int, ntp: int, rtp: int) -> tuple[bytes, bytes, bytes]:
        """An RTCP sender report holding the two timestamps; its packet and byte counts are zero, they are not kept."""
        return self.rtp(track, at_ns, _SR.pack(0x80, 200, 6, ssrc, ntp, rtp, 0, 0), 1)

    def _wrap(self, track: int, odd: int, size: int) -> tuple[int, int, bytes, bytes]:
        """What surrounds packets of one length, made once: lengths repeat."""
        interface, source, port = self._interfaces[track]
        block = 32 + (size + 3 & ~3)
        headers = _ip_header(size, source) + _SHORT.pack(port + odd, port + odd, size - 20, 0)
        around = (interface, block, headers, _PADDING[size & 3] + block.to_bytes(4, "little"))
        self._around[track, odd, size] = around
        return around


def describe(track: Track) -> dict[str, Any]:
    """What an interface's comment says of its track."""
    return {
        "track": track.number,
        "endpoint": track.endpoint,
        "role": track.role,
        "publication": track.publication,
        "kind": track.kind,
        "codec": track.codec,
        "clock_rate": track.clock_rate,
        "payload_type": track.payload_type,
        "ssrc": track.ssrc,
        "fmtp": track.fmtp,
    }


Interface = Callable[[Mapping[str, Any]], None]
"""Told of each interface where it stands: what its comment says."""


def packets(section: bytes, interface_seen: Interface | None = None) -> Iterator[Packet]:
    """Yield the packets of concatenated frames. Raises ``PcapngError`` where the bytes are not ours."""
    offset, end = 0, len(section)
    unpack_block, unpack_epb = _BLOCK.unpack_from, _EPB.unpack_from
    while offset < end:
        if end - offset < 12:
            raise PcapngError("half a block")
        kind, size = unpack_block(section, offset)
        if size < 12 or size & 3 or offset + size > end:
            raise PcapngError("a block of wrong size")
        if kind == EPB:
            if size < 32 + OVERHEAD:
                raise PcapngError("a packet without headers")
            _, _, interface, high, low, length, _, _ = unpack_epb(section, offset)
            if not OVERHEAD <= length <= size - 32:
                raise PcapngError("a packet of wrong size")
            start = offset + 28
            data = section[start + OVERHEAD : start + length]
            yield Packet(interface, high << 32 | low, data, section[start + 21] & 1 == 1)
        elif kind == IDB and interface_seen is not None:
            interface_seen(_comment(section[offset + 16 : offset + size - 4]))
        offset += size


def interfaces(section: bytes) -> list[Mapping[str, Any]]:
    """Return what the comment of each interface says, in order. Raises ``PcapngError``."""
    found: list[Mapping[str, Any]] = []
    for _ in packets(section, found.append):
        pass
    return found


def _comment(options: bytes) -> dict[str, Any]:
    if len(options) < 4:
        raise PcapngError("an interface without its comment")
    code, size = _OPTION.unpack_from(options)
    try:
        described = json.loads(options[4 : 4 + size]) if code == 1 else None
    except ValueError:
        described = None
    if not isinstance(described, dict):
        raise PcapngError("an interface without its comment")
    return described


def _section_header(comment: str) -> bytes:
    body = _SHB.pack(0x1A2B3C4D, 1, 0, -1) + _options((1, comment.encode()), (4, b"yuanjian"))
    return _block(SHB, body)


def _options(*options: tuple[int, bytes]) -> bytes:
    coded = (_OPTION.pack(code, len(value)) + value + _PADDING[len(value) & 3] for code, value in options)
    return b"".join(coded) + _OPTION.pack(0, 0)


def _block(kind: int, body: bytes) -> bytes:
    size = len(body) + 12
    return _BLOCK.pack(kind, size) + body + size.to_bytes(4, "little")


def _ip_header(size: int, source: bytes) -> bytes:
    """IPv4 (RFC 791): no fragments, 64 hops, UDP, with its checksum."""
    total = 0x4500 + size + 0x4000 + 0x4011 + int.from_bytes(source[:2], "big") + int.from_bytes(source[2:], "big")
    total += 0xC000 + 0x0201
    total = (total & 0xFFFF) + (total >> 16)
    total = ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF
    return b"\x45\0" + _SHORT.pack(size, 0, 0x4000, 0x4011) + total.to_bytes(2, "big") + source + _TO
