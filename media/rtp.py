"""RTP packets as they lie in memory (RFC 3550 5, RFC 8285): read without parsing into objects."""

import struct
from collections.abc import Iterator

HEADER = struct.Struct("!BBHII")
HEADER_LENGTH = 12
_EXTENSION = struct.Struct("!HH")
_ONE_BYTE = 0xBEDE

Bytes = bytes | bytearray | memoryview


def payload_start(data: Bytes, length: int) -> int:
    """Return where the payload begins, behind CSRCs and header extension; 0 when the packet is malformed."""
    start = HEADER_LENGTH + 4 * (data[0] & 0x0F)
    if data[0] & 0x10:
        if start + 4 > length:
            return 0
        start += 4 + 4 * (data[start + 2] << 8 | data[start + 3])
    return start if start <= length else 0


def payload_end(data: Bytes, length: int, start: int) -> int:
    """Return where the payload ends, before padding (RFC 3550 5.1); ``start`` for a packet of padding alone."""
    if not data[0] & 0x20 or length <= start:
        return length
    return max(start, length - data[length - 1])


def extensions(data: Bytes, length: int) -> Iterator[tuple[int, bytes]]:
    """Yield (id, value) of each header extension element; stop silently where the packet is malformed."""
    start = HEADER_LENGTH + 4 * (data[0] & 0x0F)
    if not data[0] & 0x10 or start + 4 > length:
        return
    profile, words = _EXTENSION.unpack_from(data, start)
    position, end = start + 4, min(start + 4 + 4 * words, length)
    one_byte = profile == _ONE_BYTE
    if not one_byte and profile & 0xFFF0 != 0x1000:
        return
    while position < end:
        if data[position] == 0:  # padding
            position += 1
            continue
        if one_byte:
            number, size, position = data[position] >> 4, (data[position] & 0x0F) + 1, position + 1
            if number == 15:
                return
        else:
            if position + 2 > end:
                return
            number, size, position = data[position], data[position + 1], position + 2
        if position + size > end:
            return
        yield number, bytes(data[position : position + size])
        position += size


def newer(sequence: int, reference: int) -> bool:
    """Whether 16-bit ``sequence`` is ahead of ``reference`` (RFC 1982)."""
    return 0 < (sequence - reference) & 0xFFFF < 0x8000
