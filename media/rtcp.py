"""RTCP (RFC 3550 6, RFC 4585, RFC 5104): reading compound packets and writing the few kinds we send."""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

SR, RR, SDES, BYE, RTPFB, PSFB = 200, 201, 202, 203, 205, 206
NACK, PLI, FIR, APPLICATION = 1, 1, 4, 15

_HEADER = struct.Struct("!BBH")
_BLOCK = struct.Struct("!IIIIII")
_SENDER = struct.Struct("!QIII")
_WORD = struct.Struct("!I")
_PAIR = struct.Struct("!HH")


@dataclass(frozen=True, slots=True)
class Report:
    """A report block: how the sender of the packet receives ``ssrc``. ``fraction`` is 0…1."""

    ssrc: int
    fraction: float
    lost: int
    highest: int
    jitter: int
    lsr: int
    dlsr: int


@dataclass(frozen=True, slots=True)
class SenderReport:
    ssrc: int
    ntp: int
    rtp: int


@dataclass(frozen=True, slots=True)
class Lost:
    """A generic NACK: sequence numbers missing from ``ssrc`` (RFC 4585 6.2.1)."""

    ssrc: int
    sequences: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class KeyframeWanted:
    """PLI or FIR for ``ssrc``."""

    ssrc: int


@dataclass(frozen=True, slots=True)
class Remb:
    """Receiver estimated maximum bitrate, bits per second."""

    bitrate: int
    ssrcs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Goodbye:
    ssrcs: tuple[int, ...]


Item = Report | SenderReport | Lost | KeyframeWanted | Remb | Goodbye


def parse(data: bytes) -> list[Item]:
    """Return what a compound packet says that concerns a relay; raise ``ValueError`` when it is malformed."""
    items: list[Item] = []
    at = 0
    while at < len(data):
        if at + 4 > len(data):
            raise ValueError("an RTCP header is cut short")
        first, kind, words = _HEADER.unpack_from(data, at)
        end = at + 4 + 4 * words
        if first >> 6 != 2 or end > len(data):
            raise ValueError("an RTCP packet does not fit its datagram")
        try:
            items.extend(_items(kind, first & 0x1F, data[at + 4 : end]))
        except struct.error:
            raise ValueError("an RTCP packet is shorter than its kind") from None
        at = end
    return items


def _items(kind: int, count: int, body: bytes) -> Iterator[Item]:
    if kind == SR:
        (ssrc,) = _WORD.unpack_from(body)
        ntp, rtp, _, _ = _SENDER.unpack_from(body, 4)
        yield SenderReport(ssrc, ntp, rtp)
        yield from _reports(body, 24, count)
    elif kind == RR:
        yield from _reports(body, 4, count)
    elif kind == BYE:
        yield Goodbye(tuple(_WORD.unpack_from(body, 4 * index)[0] for index in range(count)))
    elif kind == RTPFB and count == NACK:
        (ssrc,) = _WORD.unpack_from(body, 4)
        yield Lost(ssrc, tuple(_sequences(body)))
    elif kind == PSFB:
        yield from _payload_feedback(count, body)


def _reports(body: bytes, at: int, count: int) -> Iterator[Report]:
    for index in range(count):
        ssrc, loss, highest, jitter, lsr, dlsr = _BLOCK.unpack_from(body, at + 24 * index)
        total = loss & 0xFFFFFF
        yield Report(ssrc, (loss >> 24) / 256, total - (total >> 23 << 24), highest, jitter, lsr, dlsr)


def _sequences(body: bytes) -> Iterator[int]:
    for at in range(8, len(body) - 3, 4):
        first, mask = _PAIR.unpack_from(body, at)
        yield first
        for bit in range(16):
            if mask >> bit & 1:
                yield (first + bit + 1) & 0xFFFF


def _payload_feedback(kind: int, body: bytes) -> Iterator[Item]:
    if kind == PLI:
        yield KeyframeWanted(_WORD.unpack_from(body, 4)[0])
    elif kind == FIR:
        for at in range(8, len(body) - 7, 8):
            yield KeyframeWanted(_WORD.unpack_from(body, at)[0])
    elif kind == APPLICATION and body[8:12] == b"REMB" and len(body) >= 16:
        mantissa = (body[13] & 0x03) << 16 | body[14] << 8 | body[15]
        ssrcs = tuple(_WORD.unpack_from(body, 16 + 4 * index)[0] for index in range(body[12]))
        yield Remb(mantissa << (body[13] >> 2), ssrcs)


def _packet(kind: int, count: int, body: bytes) -> bytes:
    return _HEADER.pack(0x80 | count, kind, len(body) // 4) + body


def receiver_report(sender: int, blocks: Iterable[Report]) -> bytes:
    """A receiver report of at most 31 blocks (RFC 3550 6.4.2)."""
    listed = list(blocks)[:31]
    return _packet(RR, len(listed), _WORD.pack(sender) + b"".join(_block(report) for report in listed))


def _block(report: Report) -> bytes:
    fraction = min(255, int(report.fraction * 256))
    lost = max(-0x800000, min(0x7FFFFF, report.lost)) & 0xFFFFFF
    return _BLOCK.pack(report.ssrc, fraction << 24 | lost, report.highest, report.jitter, report.lsr, report.dlsr)


def sender_report(ssrc: int, ntp: int, rtp: int, packets: int, octets: int) -> bytes:
    """A sender report without blocks (RFC 3550 6.4.1)."""
    body = _SENDER.pack(ntp, rtp & 0xFFFFFFFF, packets & 0xFFFFFFFF, octets & 0xFFFFFFFF)
    return _packet(SR, 0, _WORD.pack(ssrc) + body)


def source_description(ssrc: int, cname: str) -> bytes:
    """An SDES packet with the CNAME alone (RFC 3550 6.5)."""
    name = cname.encode()[:255]
    chunk = _WORD.pack(ssrc) + bytes((1, len(name))) + name + b"\0"
    return _packet(SDES, 1, chunk + bytes(-len(chunk) % 4))


def nack(sender: int, ssrc: int, sequences: Iterable[int]) -> bytes:
    """A generic NACK for sequence numbers in ascending order of sending (RFC 4585 6.2.1)."""
    pairs: list[list[int]] = []
    for sequence in sequences:
        distance = (sequence - pairs[-1][0]) & 0xFFFF if pairs else 0
        if pairs and 0 < distance <= 16:
            pairs[-1][1] |= 1 << (distance - 1)
        else:
            pairs.append([sequence, 0])
    fields = b"".join(_PAIR.pack(first, mask) for first, mask in pairs)
    return _packet(RTPFB, NACK, _WORD.pack(sender) + _WORD.pack(ssrc) + fields)


def pli(sender: int, ssrc: int) -> bytes:
    """A picture loss indication (RFC 4585 6.3.1)."""
    return _packet(PSFB, PLI, _WORD.pack(sender) + _WORD.pack(ssrc))


def remb(sender: int, bitrate: int, ssrcs: Iterable[int]) -> bytes:
    """A receiver estimated maximum bitrate (draft-alvestrand-rmcat-remb-03)."""
    listed = list(ssrcs)
    exponent = max(0, bitrate.bit_length() - 18)
    mantissa = bitrate >> exponent
    head = b"REMB" + bytes((len(listed), exponent << 2 | mantissa >> 16, mantissa >> 8 & 0xFF, mantissa & 0xFF))
    return _packet(
        PSFB, APPLICATION, _WORD.pack(sender) + bytes(4) + head + b"".join(_WORD.pack(ssrc) for ssrc in listed)
    )
