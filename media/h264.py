"""H.264 access units cut into RTP payloads of packetization mode 1 (RFC 6184 5.4, 5.6, 5.8). Pure."""

from collections.abc import Iterator

MAX_PAYLOAD = 1150


def units(data: bytes) -> Iterator[bytes]:
    """Yield the NAL units of an Annex B byte stream."""
    start = data.find(b"\0\0\1")
    while start >= 0:
        start += 3
        end = data.find(b"\0\0\1", start)
        unit = data[start : end if end >= 0 else len(data)]
        yield unit.rstrip(b"\0") if end >= 0 else unit
        start = end


def length_prefixed(data: bytes) -> Iterator[bytes]:
    """Yield the NAL units of a sample whose units are preceded by four bytes of length (ISO 14496-15)."""
    at = 0
    while at + 4 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        yield data[at + 4 : at + 4 + size]
        at += 4 + size


def parameter_sets(extradata: bytes) -> list[bytes]:
    """The SPS and PPS of a stream's extra data, in Annex B or as an ``avcC`` record."""
    if extradata[:1] != b"\1":
        return [unit for unit in units(extradata) if unit]
    found, at = [], 5
    for mask in (0x1F, 0xFF):
        if at >= len(extradata):
            break
        count, at = extradata[at] & mask, at + 1
        for _ in range(count):
            size = int.from_bytes(extradata[at : at + 2], "big")
            found.append(extradata[at + 2 : at + 2 + size])
            at += 2 + size
    return found


def payloads(unit: bytes) -> Iterator[bytes]:
    """Yield one NAL unit as it is, or in fragments (FU-A) when it is too long for a packet."""
    if len(unit) <= MAX_PAYLOAD:
        yield unit
        return
    indicator, kind = unit[0] & 0xE0 | 28, unit[0] & 0x1F
    for at in range(1, len(unit), MAX_PAYLOAD):
        part = unit[at : at + MAX_PAYLOAD]
        start, end = at == 1, at + MAX_PAYLOAD >= len(unit)
        yield bytes((indicator, start << 7 | end << 6 | kind)) + part
