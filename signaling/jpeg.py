"""A JPEG brought down to its picture (ITU T.81): nothing is decoded, everything that is not picture is left out.

What a camera or browser writes beside it (place, device, comments, previews) is dropped, so that a still says nothing
but what it shows. What is something else at the same time is refused.
"""

import re

LARGEST = 400 * 1024
MOST_PIXELS = 8_000_000
LEAST_SIDE = 64
_SOI, _EOI, _SOS = 0xD8, 0xD9, 0xDA
_FRAMES = frozenset({0xC0, 0xC1, 0xC2})
"""Baseline, extended and progressive; what browsers write is one of the three."""
_TABLES = frozenset({0xC4, 0xDB, 0xDD})
"""Huffman and quantisation tables, restart interval (table B.1)."""
_BESIDE = frozenset({*range(0xE0, 0xF0), 0xFE})
"""Application segments and comments."""
_MARKUP = re.compile(rb"<(?:!doctype|html|script|svg|iframe|\?xml|\?php)|%PDF-|PK\x03\x04", re.IGNORECASE)


class NotPicture(ValueError):
    """Not a JPEG, or not only one."""


def picture_only(data: bytes) -> bytes:
    """The JPEG without what is not picture. Raises ``NotPicture``."""
    if len(data) > LARGEST or data[:3] != b"\xff\xd8\xff":
        raise NotPicture
    kept, at, sized = bytearray(b"\xff\xd8"), 2, False
    while True:
        marker, at = _marker(data, at)
        if marker == _EOI:
            break
        body = _segment(data, at)
        at += len(body)
        if marker in _FRAMES:
            _check_size(body)
            if sized:
                raise NotPicture
            sized = True
        elif marker not in _TABLES | _BESIDE | {_SOS}:
            raise NotPicture
        if marker not in _BESIDE:
            kept += bytes((0xFF, marker)) + body
        if marker == _SOS:
            end = _scan_end(data, at)
            kept += data[at:end]
            at = end
    if at != len(data) or not sized or b"\xff\xda" not in kept or _MARKUP.search(kept):
        raise NotPicture
    return bytes(kept + b"\xff\xd9")


def _marker(data: bytes, at: int) -> tuple[int, int]:
    """The marker at ``at`` and where its segment begins; any number of 0xFF may stand before it (B.1.1.2)."""
    if data[at : at + 1] != b"\xff":
        raise NotPicture
    while data[at : at + 1] == b"\xff":
        at += 1
    if at >= len(data):
        raise NotPicture
    return data[at], at + 1


def _segment(data: bytes, at: int) -> bytes:
    """A segment from its length on."""
    length = int.from_bytes(data[at : at + 2])
    if length < 2 or at + length > len(data):
        raise NotPicture
    return data[at : at + length]


def _check_size(frame: bytes) -> None:
    """Length, precision, height, width, as a frame header has them (B.2.2)."""
    if len(frame) < 8:
        raise NotPicture
    height, width = int.from_bytes(frame[3:5]), int.from_bytes(frame[5:7])
    if min(height, width) < LEAST_SIDE or height * width > MOST_PIXELS:
        raise NotPicture


def _scan_end(data: bytes, at: int) -> int:
    """Where the coded data of a scan ends: at the first marker that is neither stuffing nor a restart (F.1.2.3)."""
    while (at := data.find(b"\xff", at)) >= 0:
        follows = data[at + 1] if at + 1 < len(data) else _SOI
        if follows and not 0xD0 <= follows <= 0xD7:
            return at
        at += 2
    raise NotPicture
