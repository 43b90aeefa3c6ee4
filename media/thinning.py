"""Fewer pictures a second for one viewer: VP8 frames of higher temporal layers are left out (RFC 7741 4.2). Pure.

A frame of the lowest layer needs no other layer's, so it can always be shown. When the line is good again a layer is
taken in at a frame that needs the lowest layer alone (the Y bit), or at a keyframe. Picture ids keep their holes:
decoders go by TL0PICIDX, which counts frames of the lowest layer only.
"""

from collections.abc import Iterable

from media.codecs import vp8_descriptor, vp8_keyframe

HIGHEST = 3


class Thinning:
    """The state of one flow; over when ``base_only`` is off and every layer is in again."""

    __slots__ = ("_allowed", "_top", "base_only")

    def __init__(self) -> None:
        self.base_only = True
        self._allowed = self._top = 0

    @property
    def over(self) -> bool:
        """Whether nothing is left out any more."""
        return not self.base_only and self._allowed >= HIGHEST

    def passes(self, payload: bytes) -> bool:
        """Whether the viewer gets this packet, the next of its stream in order."""
        layer, alone = temporal(payload)
        if self.base_only:
            self._allowed = 0
        elif vp8_keyframe(payload, 0, len(payload)):
            self._allowed = HIGHEST
        elif layer > self._allowed and alone and payload[0] & 0x17 == 0x10:
            self._allowed = HIGHEST if layer >= self._top else layer
        self._top = max(self._top, layer)
        return layer <= self._allowed


def temporal(payload: bytes) -> tuple[int, bool]:
    """Temporal layer of a packet, and whether its frame depends on the lowest layer alone."""
    found = vp8_descriptor(payload, 0, len(payload))
    if found is None or not found.layer_at or not payload[1] & 0x20:
        return 0, False
    return payload[found.layer_at] >> 6, bool(payload[found.layer_at] & 0x20)


def has_layers(payloads: Iterable[bytes]) -> bool:
    """Whether some frame is of a higher temporal layer."""
    return any(temporal(payload)[0] for payload in payloads)
