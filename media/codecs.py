"""The little a relay must see of a video payload: where a picture that stands alone begins.

Sources: RFC 7741 (VP8), RFC 6184 (H.264), RFC 9628 (VP9), the AV1 RTP payload specification 1.0.
"""

from collections.abc import Callable
from dataclasses import dataclass

from media.rtp import Bytes

Keyframe = Callable[[Bytes, int, int], bool]


def vp8_payload(data: Bytes, start: int, end: int) -> int:
    """Return where the VP8 payload header begins behind the descriptor (RFC 7741 4.2), or ``end``."""
    if start >= end:
        return end
    at = start + 1
    if data[start] & 0x80 and at < end:
        flags, at = data[at], at + 1
        if flags & 0x80 and at < end:  # picture id, one or two bytes
            at += 2 if data[at] & 0x80 else 1
        at += 1 if flags & 0x40 else 0
        at += 1 if flags & 0x30 else 0
    return min(at, end)


def vp8_keyframe(data: Bytes, start: int, end: int) -> bool:
    """First packet of partition 0 of a key frame: S bit, PID 0, inverse P bit clear."""
    at = vp8_payload(data, start, end)
    return at < end and data[start] & 0x17 == 0x10 and not data[at] & 0x01


def h264_keyframe(data: Bytes, start: int, end: int) -> bool:
    """A packet that begins with parameter sets or an IDR slice."""
    if start >= end:
        return False
    kind = data[start] & 0x1F
    if kind in (5, 7):
        return True
    if kind == 24:  # STAP-A: size, NAL unit, size, NAL unit …
        at = start + 1
        while at + 2 < end:
            if data[at + 2] & 0x1F in (5, 7):
                return True
            at += 2 + (data[at] << 8 | data[at + 1])
        return False
    return kind == 28 and start + 1 < end and bool(data[start + 1] & 0x80) and data[start + 1] & 0x1F in (5, 7)


def vp9_keyframe(data: Bytes, start: int, end: int) -> bool:
    """Start of a frame that is not inter-picture predicted, at the lowest spatial layer (RFC 9628 4.2)."""
    if start >= end or data[start] & 0x48 != 0x08:  # P clear, B set
        return False
    if not data[start] & 0x20:  # no layer indices
        return True
    at = start + 1
    if data[start] & 0x80 and at < end:  # picture id
        at += 2 if data[at] & 0x80 else 1
    return at < end and not data[at] & 0x0E


def av1_keyframe(data: Bytes, start: int, end: int) -> bool:
    """N bit of the aggregation header: first packet of a coded video sequence."""
    return start < end and bool(data[start] & 0x08)


KEYFRAMES: dict[str, Keyframe] = {
    "vp8": vp8_keyframe,
    "h264": h264_keyframe,
    "vp9": vp9_keyframe,
    "av1": av1_keyframe,
}


@dataclass(frozen=True, slots=True)
class Vp8Descriptor:
    """Positions of the descriptor's fields (RFC 7741 4.2); 0 where absent."""

    picture_id: int
    picture_id_at: int
    wide: bool
    tl0picidx_at: int
    layer_at: int
    end: int


def vp8_descriptor(data: Bytes, start: int, end: int) -> Vp8Descriptor | None:
    """Parse the VP8 payload descriptor at ``start``; None when it is cut short."""
    if start >= end:
        return None
    if not data[start] & 0x80:
        return Vp8Descriptor(0, 0, False, 0, 0, start + 1)
    at = start + 2
    if at > end:
        return None
    flags = data[start + 1]
    number, number_at, wide, index_at, layer_at = 0, 0, False, 0, 0
    if flags & 0x80:
        number_at, wide = at, at < end and bool(data[at] & 0x80)
        at += 2 if wide else 1
        if at > end:
            return None
        number = (data[number_at] & 0x7F) << 8 | data[number_at + 1] if wide else data[number_at]
    if flags & 0x40:
        index_at, at = at, at + 1
    if flags & 0x30:
        layer_at, at = at, at + 1
    return Vp8Descriptor(number, number_at, wide, index_at, layer_at, at) if at <= end else None
