"""Packets of one segment as a pcapng section (draft-ietf-opsawg-pcapng), each in synthetic IPv4 and UDP.

One interface per track; its comment is a JSON object naming the track. RTP goes to an even port, the sender reports to
the odd one above it, as RFC 3550 section 11 pairs them. Little-endian, nanoseconds since 1970.
"""

import json
import struct
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from media.ports import Track
from recordings.canonical import parsed

_BLOCK = struct.Struct("<II")
_SHB = struct.Struct("<IHHq")
_IDB = struct.Struct("<HHI")
_OPTION = struct.Struct("<HH")
_EPB = struct.Struct("<IIIIIII28s")
_PAIR = struct.Struct(">HH")
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


Shape = tuple[Callable[..., None], bytes, bytes, int, bytes, bytes, int]
"""What packets of one length have in common: what packs a whole block into a buffer at an offset, kind and size of the
block, the lengths and the first half of the IPv4 header, what is left of its checksum for the addresses, length and
checksum of UDP, padding and the size once more, and the size. A block is packed in one call, with a ``Place``:
``(buffer, offset, kind, interface, high, low half of the time, lengths, checksum, ends, udp, packet, after)``."""
Place = tuple[int, bytes, int]
"""What packets of one track have in common: interface, addresses and ports, and their share of the IPv4 checksum."""
shapes: dict[int, Shape] = {}
"""Those asked for so far, by length of the packet."""


def shape(size: int) -> Shape:
    """The shape of packets of ``size`` bytes, made once."""
    whole, block = size + OVERHEAD, 32 + (size + OVERHEAD + 3 & ~3)
    after = _PADDING[size & 3] + block.to_bytes(4, "little")
    fixed = b"\x45\0" + _PAIR.pack(whole, 0) + b"\x40\0\x40\x11"  # no fragments, 64 hops, UDP (RFC 791)
    pack_into = struct.Struct(f"<8s3I18sH12s4s{size}s{len(after)}s").pack_into
    made = shapes[size] = (
        pack_into, _BLOCK.pack(EPB, block), _BLOCK.pack(whole, whole) + fixed, 0xFFFF - _sum(fixed),
        _PAIR.pack(size + 8, 0), after, block,
    )  # fmt: skip
    return made


class Section:
    """Writes the blocks of one segment; interface numbers count from 0 in the order of opening."""

    def __init__(self) -> None:
        self.tracks: list[Track] = []
        """In the order of their interfaces."""
        self.places: dict[int, Place] = {}
        """By track number."""

    def interface(self, track: Track) -> bytes:
        """The block that describes a track. Must come before the track's first packet."""
        self.places[track.number] = _place(len(self.tracks), track.number)
        self.tracks.append(track)
        body = _IDB.pack(LINKTYPE_RAW_IPV4, 0, 0) + _options(
            (1, json.dumps(describe(track), ensure_ascii=False, sort_keys=True).encode()),
            (2, f"track-{track.number}".encode()),
            (9, b"\x09"),
        )
        return _block(IDB, body)

    def rtp(self, track: int, at_ns: int, data: bytes, odd: int = 0) -> bytearray:
        """The block of one packet; ``odd``: on the port of the reports."""
        interface, ends, share = self.places[track] if not odd else _place(self.places[track][0], track, odd)
        pack_into, kind, lengths, left, udp, after, size = shapes.get(len(data)) or shape(len(data))
        block, check = bytearray(size), left - share
        check += 0xFFFF if check < 0 else 0
        times = at_ns >> 32, at_ns & 0xFFFFFFFF
        pack_into(block, 0, kind, interface, *times, lengths, check, ends, udp, data, after)
        return block

    def report(self, track: int, at_ns: int, data: bytes) -> bytearray:
        """The block of one RTCP packet."""
        return self.rtp(track, at_ns, data, 1)


def sender_report(ssrc: int, ntp: int, rtp: int) -> bytes:
    """An RTCP sender report holding the two timestamps; its packet and byte counts are zero, they are not kept."""
    return _SR.pack(0x80, 200, 6, ssrc, ntp, rtp, 0, 0)


def _place(interface: int, track: int, odd: int = 0) -> Place:
    addresses = bytes((10,)) + (track & 0xFFFFFF).to_bytes(3, "big") + _TO
    port = RTP_PORT + 2 * (track % 20_000) + odd
    return interface, addresses + _PAIR.pack(port, port), _sum(addresses)


def _sum(data: bytes) -> int:
    """One's complement sum (RFC 1071) as it lies in little-endian memory; 1 to 0xFFFF."""
    total: int = sum(struct.unpack(f"<{len(data) // 2}H", data))
    return (total - 1) % 0xFFFF + 1


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
        described = parsed(options[4 : 4 + size]) if code == 1 else None
    except ValueError:
        described = None
    if not isinstance(described, dict):
        raise PcapngError("an interface without its comment")
    return described


def section_header(comment: str) -> bytes:
    """The block that begins a segment."""
    body = _SHB.pack(0x1A2B3C4D, 1, 0, -1) + _options((1, comment.encode()), (4, b"yuanjian"))
    return _block(SHB, body)


def _options(*options: tuple[int, bytes]) -> bytes:
    coded = (_OPTION.pack(code, len(value)) + value + _PADDING[len(value) & 3] for code, value in options)
    return b"".join(coded) + _OPTION.pack(0, 0)


def _block(kind: int, body: bytes) -> bytes:
    size = len(body) + 12
    return _BLOCK.pack(kind, size) + body + size.to_bytes(4, "little")
